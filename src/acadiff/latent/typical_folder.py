"""What scans usually look like, on disk beside their codec."""

import json
from pathlib import Path

import numpy as np
import torch

from acadiff.commit import write_json
from acadiff.errors import CheckpointError
from acadiff.latent.typical import MEASURES, Typical
from acadiff.training.checkpoint import load_tensors, save_tensors

RECORD = "typical.json"
_FORMAT = 1
_AGAIN = "remove the `typical` files of that folder and run `acadiff compress` again"


def save_typical(folder: Path, typical: Typical, codec: str) -> None:
    """Write `typical.safetensors`, then its record.

    Args:
        folder: `work/codecs/<MODALITY>`.
        typical: what to write; the components in half precision.
        codec: SHA-256 of the codec's weights.
    """
    tensors = {
        key: torch.from_numpy(np.ascontiguousarray(value)).to(
            {"brain": torch.bool, "basis": torch.float16}.get(key, torch.float32)
        )
        for key, value in vars(typical).items()
    }
    digest = save_tensors(folder / "typical.safetensors", tensors)
    record = {"codec": codec, "format": _FORMAT, "measures": MEASURES, "sha256": digest}
    write_json(folder / RECORD, {**record, "people": len(typical.null)})


def load_typical(folder: Path, codec: str) -> Typical | None:
    """Read it back; None if it was never written.

    Raises:
        CheckpointError: it is damaged, of another version, or belongs to another codec.
    """
    path = folder / RECORD
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_bytes())
        digest, owner = record["sha256"], record["codec"]
        known = record["format"] == _FORMAT and record["measures"] == list(MEASURES)
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: is damaged; {_AGAIN}") from error
    if not known or owner != codec:
        raise CheckpointError(f"{path}: belongs to another codec or version; {_AGAIN}")
    tensors = load_tensors(folder / "typical.safetensors", digest)
    arrays = {
        key: value.numpy() if key == "brain" else value.float().numpy()
        for key, value in tensors.items()
    }
    try:
        return Typical(**arrays)
    except TypeError as error:
        raise CheckpointError(f"{path}: does not fit its tensors; {_AGAIN}") from error
