"""Raw latents on disk: written once, read by every training; nothing is decoded while training.

One safetensors file a modality, one half-precision tensor a subject, and a record that names the
codec they came from. The posterior's mean is kept; its SD is a thousandth of the latent's spread
(measured), so that drawing from it would change nothing.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from acadiff.commit import write_json
from acadiff.errors import CheckpointError, MissingInputError
from acadiff.modality import Modality
from acadiff.training.checkpoint import load_tensors, save_tensors

_AGAIN = "run `acadiff compress` again"


def write_latents(
    folder: Path, modality: Modality, latents: Mapping[str, Tensor], codec: str
) -> None:
    """Write the raw latents of every subject that has this scan.

    Args:
        folder: `work/latents`.
        modality: whose.
        latents: `(c i j k)` by subject id.
        codec: SHA-256 of the codec's weights.
    """
    path = folder / f"{modality.name}.safetensors"
    digest = save_tensors(path, {key: value.half() for key, value in latents.items()})
    write_json(path.with_suffix(".json"), {"codec": codec, "sha256": digest})


def read_latents(folder: Path, modality: Modality, codec: str) -> dict[str, Tensor]:
    """Read them back in single precision.

    Raises:
        MissingInputError: they were not written yet.
        CheckpointError: they are damaged or were made with another codec.
    """
    path = folder / f"{modality.name}.safetensors"
    try:
        record = json.loads(path.with_suffix(".json").read_bytes())
        made_with, digest = record["codec"], record["sha256"]
    except OSError as error:
        raise MissingInputError(
            f"{path}: there are no latents; run `acadiff compress` first"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: its record is damaged; {_AGAIN}") from error
    if made_with != codec:
        raise CheckpointError(f"{path}: made with another codec; {_AGAIN}")
    return {k: v.to(torch.float32) for k, v in load_tensors(path, digest).items()}
