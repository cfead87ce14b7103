"""From one millimetre lattice to another: block means, and interpolation between cell centres."""

import numpy as np
from jaxtyping import Float

from acadiff.volume.grid import Grid

COARSE_MM = 4
"""Spacing of the lattice that holds whatever is smooth: regions, warps of the simulation."""


def block_mean(volume: Float[np.ndarray, "i j k"], factor: int) -> Float[np.ndarray, "x y z"]:
    """Average blocks of `factor`³ voxels: what a scanner with larger voxels would see."""
    if factor == 1:
        return volume
    i, j, k = (n // factor for n in volume.shape)
    blocks = volume.reshape(i, factor, j, factor, k, factor)
    mean: Float[np.ndarray, "x y z"] = blocks.mean((1, 3, 5), dtype=np.float32)
    return mean


def upsample(coarse: Float[np.ndarray, "x y z"], voxel: int) -> Float[np.ndarray, "i j k"]:
    """Interpolate a map on the coarse lattice (cell centres) at the voxels' centres."""
    centres = [(np.arange(n) + 0.5) * voxel / COARSE_MM - 0.5 for n in Grid(voxel).shape]
    return interpolate(coarse, centres)


def interpolate(
    volume: Float[np.ndarray, "x y z"], coordinates: list[Float[np.ndarray, " _"]]
) -> Float[np.ndarray, "i j k"]:
    """Separable linear interpolation, the edge repeated outside."""
    for axis, wanted in enumerate(coordinates):
        last = volume.shape[axis] - 1
        inside = np.clip(wanted, 0, last)
        low = np.minimum(inside.astype(int), last - 1)
        shape = [1, 1, 1]
        shape[axis] = -1
        weight = (inside - low).astype(np.float32).reshape(shape)
        below = np.take(volume, low, axis)
        volume = below + (np.take(volume, low + 1, axis) - below) * weight
    return volume
