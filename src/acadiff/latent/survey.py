"""All scans of training and validation → what is usual, beside their codec."""

from collections.abc import Callable, Iterable
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from acadiff.latent.codec_folder import CodecFolder
from acadiff.latent.look import brain_cells, look, place_factor
from acadiff.latent.typical import LEAST, Typical, fit_typical
from acadiff.latent.typical_folder import save_typical

Images = Iterable[Float[Tensor, "1 i j k"]]


def survey(
    folder: Path,
    found: CodecFolder,
    training: Images,
    unseen: Images,
    on_step: Callable[[str], None],
) -> Typical | None:
    """Fit and write what is usual; None, and nothing written, where there are too few scans.

    Args:
        folder: of the codec.
        found: the codec, as it will be loaded.
        training: scans it was trained on, on the model's grid and scale.
        unseen: of validation subjects.
        on_step: told what was done.
    """
    voxel, title = found.grid.voxel, found.modality.title
    seen, fresh = ([look(found.codec, x, voxel) for x in part] for part in (training, unseen))
    if len(seen) < LEAST:
        on_step(f"{title}: {len(seen)} scans are too few to tell what is usual")
        return None
    typical = fit_typical(seen, fresh, brain_cells(voxel, place_factor(voxel)))
    save_typical(folder, typical, found.identity)
    on_step(f"{title}: told what is usual")
    return typical
