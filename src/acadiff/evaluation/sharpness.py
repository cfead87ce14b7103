"""How much fine detail an imputed volume has, against the acquired one: power by frequency.

A mean over what is possible is smoother than any single scan, and no error in decibels tells. An
image as sharp as its truth has as much power in high frequencies, wherever its details lie.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from jaxtyping import Bool, Float

_UPPER = (0.25, 0.5)
"""Cycles a voxel: the upper half of the frequencies that the grid can hold."""

_LEAST = 1e-12

Image = Float[np.ndarray, "i j k"]
Mask = Bool[np.ndarray, "i j k"]


def sharpness(truth: Image, mask: Mask) -> Callable[[Image], float]:
    """Prepare one truth; the function returned says how far an image's sharpness is from its own.

    It is |ln(power of the image / power of the truth)| in the upper half of the frequencies,
    inside the mask: 0 is as sharp as the truth; smoother and rougher are both above.

    Args:
        truth: the acquired scan.
        mask: the brain; both are compared as their distance from the truth's mean in it.
    """
    level = float(truth[mask].mean(dtype=np.float64))
    own = _power(truth, mask, level)

    def distance(imputed: Image) -> float:
        return float(abs(np.log(_power(imputed, mask, level) / own)))

    return distance


def _power(image: Image, mask: Mask, level: float) -> float:
    """Power in the band; never quite zero, so that a flat image is very far and not undefined."""
    shown = np.where(mask, image - level, 0.0)
    spectrum = np.abs(np.fft.rfftn(shown)) ** 2
    return max(float(spectrum[_band(image.shape)].sum()), _LEAST)


@cache
def _band(shape: tuple[int, ...]) -> Bool[np.ndarray, "i j h"]:
    """Which coefficients of `rfftn` lie in the band, by the length of their frequency."""
    sides = [np.fft.fftfreq(n) for n in shape[:-1]] + [np.fft.rfftfreq(shape[-1])]
    squares = sum(f**2 for f in np.meshgrid(*sides, indexing="ij"))
    length = np.sqrt(squares)
    return np.asarray((length >= _UPPER[0]) & (length <= _UPPER[1]))
