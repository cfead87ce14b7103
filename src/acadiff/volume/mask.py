"""Where the brain is, told from a skull-stripped MRI."""

import numpy as np
from jaxtyping import Bool
from scipy import ndimage

from acadiff.errors import ScanError
from acadiff.volume.image import Volume

_LIGHT = 0.02
"""Of the range from background to the 99.5th percentile; above it is brain [ours]."""


def brain_mask(mri: Volume) -> Bool[np.ndarray, "i j k"]:
    """The largest connected part of what is brighter than background, its holes filled.

    Args:
        mri: a skull-stripped T1-weighted scan, whose background is its least value.

    Returns:
        True in the brain, ventricles included.

    Raises:
        ScanError: nothing stands out from the background.
    """
    data = mri.data[0]
    background = data.min()
    lit = data > background + _LIGHT * (np.percentile(data, 99.5) - background)
    parts, count = ndimage.label(lit)
    if count == 0:
        raise ScanError(
            "the MRI shows no brain: no voxel stands out from the background",
            code="E_NO_BRAIN",
            value="0 voxels",
            hint="look at the scan",
        )
    largest = np.bincount(parts.ravel())[1:].argmax() + 1
    return _filled(parts == largest)


def _filled(mask: Bool[np.ndarray, "i j k"]) -> Bool[np.ndarray, "i j k"]:
    """The mask with its holes: what is not connected with the border of the box, by faces."""
    parts, count = ndimage.label(~mask)
    outside = np.zeros(count + 1, bool)
    for axis in range(3):
        for end in (0, -1):
            outside[np.unique(parts.take(end, axis))] = True
    outside[0] = False
    return ~outside[parts]
