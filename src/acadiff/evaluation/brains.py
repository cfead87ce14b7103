"""Whose brain is looked at: the one on the person's MRI, or the template's where there is none."""

from pathlib import Path

import numpy as np
from jaxtyping import Bool

from acadiff.modality import Modality
from acadiff.volume.grid import Grid, place
from acadiff.volume.image import read_scan
from acadiff.volume.mask import brain_mask
from acadiff.volume.template import template


def brain_of(mri: Path | None, grid: Grid) -> Bool[np.ndarray, "i j k"]:
    """The brain on a grid.

    Args:
        mri: the person's T1-weighted scan, if there is one.
        grid: where it is wanted.

    Raises:
        ScanError: the MRI cannot be read or shows no brain.
    """
    if mri is None:
        return np.asarray(template(grid.voxel).brain > 0.5)
    return brain_mask(place(read_scan(mri, Modality.MRI), grid))
