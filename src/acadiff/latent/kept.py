"""Volumes that are made once and asked for often, with what their regions hold, in one file.

Acquired scan, template or ten draws of an imputed one: all on the model's scale, so that whoever
completes a person by them need not know where they come from. The file tells what it was made
from; one made from anything else counts as absent.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Shaped
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from acadiff.commit import write_bytes
from acadiff.errors import CheckpointError
from acadiff.evaluation.features import VERSION, features
from acadiff.modality import Modality

_VOLUMES, _FEATURES, _TOLD = "volumes", "features", "told"


def write_kept(
    path: Path,
    volumes: Float[np.ndarray, "n i j k"],
    modality: Modality,
    voxel: int,
    told: Mapping[str, Any],
) -> None:
    """Keep volumes in half precision, and read their regions once for all.

    Args:
        path: whole or absent, whenever the process dies.
        volumes: one or several draws, on the model's scale.
        modality: what they show.
        voxel: voxel size in mm.
        told: what they were made from, as plain data.
    """
    halves = volumes.astype(np.float16)
    read = [features(one.astype(np.float64), modality, voxel) for one in halves]
    tensors = {
        _VOLUMES: torch.from_numpy(halves),
        _FEATURES: torch.from_numpy(np.stack(read).astype(np.float32)),
    }
    write_bytes(path, save(tensors, {_TOLD: _text(told)}))


def is_kept(path: Path, told: Mapping[str, Any]) -> bool:
    """Whether volumes that were made from just this are there, whole."""
    if not path.is_file():
        return False
    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {}).get(_TOLD) == _text(told)
    except (SafetensorError, OSError):
        return False


def kept_identity(path: Path) -> str:
    """SHA-256 of what the volumes were made from.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            told = dict(file.metadata() or {}).get(_TOLD, "")
            return hashlib.sha256(told.encode()).hexdigest()
    except (SafetensorError, OSError) as error:
        raise _damaged(path) from error


def kept_features(path: Path) -> Float[np.ndarray, "n f"]:
    """What the regions of each volume hold.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    return np.asarray(_tensor(path, _FEATURES, None), np.float64)


def kept_volume(path: Path, draw: int) -> Float[np.ndarray, "i j k"]:
    """One volume; of a scan that does not vary, any draw is the only one.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    return np.asarray(_tensor(path, _VOLUMES, draw))


def _tensor(path: Path, name: str, draw: int | None) -> Shaped[np.ndarray, "..."]:
    try:
        with safe_open(path, framework="pt") as file:
            part = file.get_slice(name)
            count = part.get_shape()[0]
            found: torch.Tensor = part[:] if draw is None else part[draw % count]
            return np.asarray(found.numpy())
    except (SafetensorError, OSError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path}: is missing or damaged", hint="delete it and run the same command again"
    )


def _text(told: Mapping[str, Any]) -> str:
    return json.dumps({**told, "features": VERSION}, sort_keys=True)
