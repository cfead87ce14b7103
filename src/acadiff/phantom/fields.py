"""Random fields on fixed millimetre lattices.

Every random number belongs to a point of the head in millimetres, never to a voxel, so that one
subject is the same person at every voxel size.
"""

import math

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from acadiff.volume.grid import BOX_MM, Grid
from acadiff.volume.lattice import COARSE_MM, block_mean, interpolate

_FWHM = 2.355  # full width at half maximum of a Gaussian with standard deviation 1


def smooth(volume: Float[np.ndarray, "i j k"], fwhm: float) -> Float[np.ndarray, "i j k"]:
    """Blur by a Gaussian of `fwhm` voxels."""
    return ndimage.gaussian_filter(volume, fwhm / _FWHM)


def unit_field(
    rng: np.random.Generator, lattice_mm: int, fwhm_mm: float, voxel: int
) -> Float[np.ndarray, "i j k"]:
    """A smooth Gaussian field of unit variance, drawn on its own millimetre lattice."""
    lattice = tuple(math.ceil(n / lattice_mm) + 1 for n in BOX_MM)
    drawn = rng.standard_normal(lattice, dtype=np.float32)
    drawn = ndimage.gaussian_filter(drawn, fwhm_mm / _FWHM / lattice_mm, mode="wrap")
    drawn /= drawn.std()
    return interpolate(
        drawn, [(np.arange(n) + 0.5) * voxel / lattice_mm for n in Grid(voxel).shape]
    )


def vector_field(
    rng: np.random.Generator, lattice_mm: int, fwhm_mm: float, sd_mm: float
) -> Float[np.ndarray, "3 x y z"]:
    """A smooth displacement on the coarse lattice, with this SD along each axis."""
    return np.stack([sd_mm * unit_field(rng, lattice_mm, fwhm_mm, COARSE_MM) for _ in range(3)])


def white_noise(rng: np.random.Generator, voxel: int) -> Float[np.ndarray, "i j k"]:
    """Unit white noise at 2 mm; the 1 mm noise of the same stream averages to it exactly."""
    noise = rng.standard_normal(Grid(2).shape, dtype=np.float32)
    if voxel == 2:
        return noise
    detail: Float[np.ndarray, "i j k"] = rng.standard_normal(Grid(1).shape, dtype=np.float32)
    mended = noise - block_mean(detail, 2)
    detail += mended.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    return detail
