"""Training state on disk: named tensors in safetensors, committed so that a kill cannot hurt them.

A checkpoint is a file and a record, `LATEST.json`, which names the file and its SHA-256 and is
written last. Whatever the record does not name is garbage.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from acadiff.commit import remove, sha256, sweep, write_bytes, write_json
from acadiff.errors import CheckpointError

_LATEST = "LATEST.json"


def save_tensors(path: Path, tensors: dict[str, Tensor]) -> str:
    """Write named tensors atomically; returns the file's SHA-256."""
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    write_bytes(path, save(plain))
    return sha256(path)


def load_tensors(path: Path, expected: str) -> dict[str, Tensor]:
    """Read named tensors whose file must have the SHA-256 `expected`.

    Raises:
        CheckpointError: the file is missing, was changed, or holds a NaN.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: the weights are missing; copy the whole folder again")
    if sha256(path) != expected:
        raise CheckpointError(f"{path}: its SHA-256 is not the recorded one; copy it again")
    try:
        tensors: dict[str, Tensor] = load(path.read_bytes())
    except SafetensorError as error:
        raise CheckpointError(f"{path}: not a safetensors file ({error})") from error
    broken = [name for name, value in tensors.items() if not torch.isfinite(value).all()]
    if broken:
        raise CheckpointError(f"{path}: {broken[0]} holds values that are not finite; train again")
    return tensors


def save_checkpoint(
    folder: Path, step: int, tensors: dict[str, Tensor], belongs: dict[str, Any]
) -> None:
    """Commit the state after `step` steps, then drop the one before.

    Args:
        folder: where checkpoints of this run live.
        step: optimiser steps done.
        tensors: everything needed to go on.
        belongs: what the run is (its settings); a resume with other settings is refused.
    """
    path = folder / f"step-{step:08d}.safetensors"
    digest = save_tensors(path, tensors)
    record = {"step": step, "file": path.name, "sha256": digest, "belongs": belongs}
    write_json(folder / _LATEST, record)
    _drop_all_but(path)


def load_checkpoint(folder: Path, belongs: dict[str, Any]) -> tuple[int, dict[str, Tensor]] | None:
    """The last committed state, or None if there is none.

    A kill may leave another state beside it; a finished run never saves again, so that one goes
    here.

    Raises:
        CheckpointError: it belongs to a run with other settings, or is damaged.
    """
    record_path = folder / _LATEST
    if not record_path.is_file():
        return None
    sweep(folder)
    try:
        record = json.loads(record_path.read_bytes())
        step, name, digest, made = (record[k] for k in ("step", "file", "sha256", "belongs"))
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{record_path}: damaged; delete {folder} to start over") from error
    if made != json.loads(json.dumps(belongs)):
        different = sorted(
            k for k in made.keys() | belongs.keys() if made.get(k) != belongs.get(k)
        )
        raise CheckpointError(
            f"{folder}: the checkpoint was made with another {', '.join(different)}; "
            "use the same recipe and data, or another folder"
        )
    tensors = load_tensors(folder / name, digest)
    _drop_all_but(folder / name)
    return int(step), tensors


def _drop_all_but(path: Path) -> None:
    """Remove the states beside `path`: older ones, or one whose record a kill prevented."""
    for other in path.parent.glob("step-*.safetensors"):
        if other != path:
            remove(other)
