"""Scans that lie in template space → the grid, resampled once."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool

from acadiff.modality import Modality
from acadiff.registration.brain import STRIPPED, TEMPLATE, extract
from acadiff.registration.options import Options
from acadiff.registration.placed import Given, Placed, notes_of
from acadiff.volume.grid import Grid
from acadiff.volume.image import Volume
from acadiff.volume.mask import brain_mask
from acadiff.volume.quality import is_bare, support, template_mask
from acadiff.volume.resample import onto_grid

Mask = Bool[np.ndarray, "i j k"]


def place(givens: Mapping[Modality, Given], options: Options) -> Placed:
    """Bring the scans of a visit onto the grid; all lie in one template space.

    Without an MRI the brain is that of a PET that came stripped, else the template's.

    Raises:
        ScanError: the brain cannot be told.
    """
    grid = Grid(options.voxel)
    volumes = {m: onto_grid(given.volume, grid) for m, given in givens.items()}
    bare = {m: is_bare(volume) for m, volume in volumes.items()}
    mask, how = _mask(givens, volumes, bare, options)
    return Placed(
        volumes,
        mask,
        how,
        supports={m: support(v) for m, v in volumes.items() if bare[m] and m.is_pet},
        notes=tuple(note for given in givens.values() for note in notes_of(given)),
    ).seen(givens)


def _mask(
    givens: Mapping[Modality, Given],
    volumes: Mapping[Modality, Volume],
    bare: Mapping[Modality, bool],
    options: Options,
) -> tuple[Mask, str]:
    mri = Modality.MRI
    if mri in givens:
        found, how = extract(givens[mri], options.extraction, stripped=bare[mri])
        if found is not None:
            return np.asarray(onto_grid(found, Grid(options.voxel)).data[0] > 0.5), how
    else:
        mri = next((m for m in volumes if bare[m]), mri)
        how = STRIPPED if mri in volumes else TEMPLATE
    if how == STRIPPED:
        return brain_mask(volumes[mri]), how
    return template_mask(options.voxel), how
