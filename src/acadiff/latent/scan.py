"""A scan on disk → a tensor on the model's scale → a volume in the scan's unit."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from acadiff.errors import ScanError
from acadiff.modality import Modality
from acadiff.volume.grid import Grid, place
from acadiff.volume.image import Volume, read_scan
from acadiff.volume.intensity import Scaling, scaling_of
from acadiff.volume.mask import brain_mask

_FLOOR = -0.99
"""At or below this the model means background; scans are skull-stripped, so background is zero."""


@dataclass(frozen=True, eq=False)
class ModelScan:
    """One acquired scan as a network sees it.

    Args:
        image: `(1 i j k)` on the model's grid, background -1, window or robust range to 1.
        scaling: the map that was applied.
        shape: voxels of the file it was read from.
        affine: of that file.
    """

    image: Float[Tensor, "1 i j k"]
    scaling: Scaling
    shape: tuple[int, int, int]
    affine: Float64[np.ndarray, "4 4"]


def read_model_scan(path: Path, modality: Modality, grid: Grid) -> ModelScan:
    """Read, check, place on the grid and scale one scan.

    Raises:
        MissingInputError: there is no such file.
        ScanError: it cannot be used, or lies on a grid that cannot be cropped or padded to ours.
    """
    scan = read_scan(path, modality)
    try:
        volume = place(scan, grid)
        mask = None if modality.is_pet else brain_mask(volume)
        scaling = scaling_of(volume, np.ones(grid.shape, bool) if mask is None else mask)
    except ScanError as error:
        raise error.at(path) from error
    image = torch.from_numpy(scaling.to_model(volume.data))
    return ModelScan(image, scaling, scan.data.shape[1:], scan.affine)


def to_volume(
    image: Float[Tensor, "1 i j k"], modality: Modality, grid: Grid, scaling: Scaling
) -> Volume:
    """A model's answer in the unit of the scan, with background exactly zero."""
    data = image.detach().cpu().float().numpy()
    values = np.where(data <= _FLOOR, 0, scaling.from_model(data))
    return Volume(np.maximum(values, 0).astype(np.float32), grid.affine, modality)
