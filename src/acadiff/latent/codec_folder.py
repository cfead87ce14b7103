"""A trained codec on disk: weights in half precision, and a record of what it is."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from acadiff.commit import write_json
from acadiff.errors import CheckpointError, MissingInputError
from acadiff.latent.codec import Codec
from acadiff.latent.typical import Typical
from acadiff.latent.typical_folder import load_typical
from acadiff.modality import Modality
from acadiff.nets.layout import channels_last
from acadiff.training.checkpoint import load_tensors, save_tensors
from acadiff.volume.grid import Grid
from acadiff.volume.intensity import Scaling, from_json

FORMAT = 1


@dataclass(frozen=True, eq=False)
class CodecFolder:
    """A codec with everything needed to use it.

    Args:
        codec: in evaluation mode.
        modality: of the scans it codes.
        grid: they must lie on.
        scaling: from the model's scale to the unit of an imputed scan.
        identity: SHA-256 of its weights.
        trained_on: hashes of the people it was trained on.
        typical: what scans usually look like; None if nobody told.
    """

    codec: Codec
    modality: Modality
    grid: Grid
    scaling: Scaling
    identity: str
    trained_on: tuple[str, ...] = ()
    typical: Typical | None = None


def half(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Floating tensors in half precision: a rounding of 5e-4 relative, half the bytes."""
    return {k: v.half() if v.is_floating_point() else v for k, v in tensors.items()}


def save_codec(folder: Path, codec: Codec, record: dict[str, Any]) -> None:
    """Write `codec.safetensors`, then `codec.json`, which makes it count.

    Args:
        folder: `work/codecs/<MODALITY>`.
        codec: trained.
        record: `modality`, `voxel`, `scaling` and `arguments` (of `Codec`), and whatever else
            should be known.
    """
    digest = save_tensors(folder / "codec.safetensors", half(codec.state_dict()))
    write_json(folder / "codec.json", {**record, "format": FORMAT, "sha256": digest})


def load_codec(folder: Path) -> CodecFolder:
    """Read a codec back.

    Raises:
        MissingInputError: there is none.
        CheckpointError: it is damaged or of another format.
    """
    record = read_record(folder / "codec.json", "codec")
    codec = Codec(**_tuples(record["arguments"]))
    load_state(codec, load_tensors(folder / "codec.safetensors", record["sha256"]), folder)
    channels_last(codec)
    return CodecFolder(
        codec.eval().requires_grad_(False),
        Modality[record["modality"]],
        Grid(record["voxel"]),
        from_json(record["scaling"]),
        record["sha256"],
        tuple(record.get("trained_on", ())),
        load_typical(folder, record["sha256"]),
    )


def read_record(path: Path, what: str) -> dict[str, Any]:
    """The record beside some weights.

    Raises:
        MissingInputError: no such file.
        CheckpointError: it is no record of this format.
    """
    try:
        record = json.loads(path.read_bytes())
    except OSError as error:
        raise MissingInputError(
            f"{path.parent}: holds no {what} ({path.name} is missing)"
        ) from error
    except ValueError as error:
        raise CheckpointError(f"{path}: damaged; copy the folder again") from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        found = record.get("format") if isinstance(record, dict) else "none"
        raise CheckpointError(f"{path}: format is {found}, this version reads {FORMAT}")
    return record


def load_state(module: torch.nn.Module, tensors: dict[str, Tensor], where: Path) -> None:
    """Load weights whose names and shapes must be exactly the module's.

    Raises:
        CheckpointError: they are not.
    """
    wanted = {k: tuple(v.shape) for k, v in module.state_dict().items()}
    found = {k: tuple(v.shape) for k, v in tensors.items()}
    wrong = sorted(k for k in wanted.keys() | found.keys() if wanted.get(k) != found.get(k))
    if wrong:
        raise CheckpointError(
            f"{where}: {wrong[0]} is {found.get(wrong[0], 'missing')} where the record asks for "
            f"{wanted.get(wrong[0], 'nothing')}; the weights belong to another recipe"
        )
    module.load_state_dict({k: v.float() for k, v in tensors.items()})


def _tuples(arguments: dict[str, Any]) -> dict[str, Any]:
    """JSON's lists as the tuples they were."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in arguments.items()}
