"""A volume onto another lattice, by millimetres and once: whole voxels are moved, never blurred.

Every voxel of the target is cut into as many parts as it covers voxels of the source, each part is
interpolated (linearly, or by a cubic spline if asked), and the parts are averaged. Where the
lattices nest (1 mm → 2 mm or 4 mm) that is the mean of the voxels covered; where they are whole
voxels apart, every value is kept.
"""

from dataclasses import replace
from typing import Literal

import numpy as np
from jaxtyping import Float, Float32, Float64
from scipy import ndimage

from acadiff.errors import ScanError
from acadiff.volume.grid import Grid, restore
from acadiff.volume.image import Volume
from acadiff.volume.lattice import interpolate

_PART = 1e-3  # of a voxel; less is rounding of the affine

Affine = Float[np.ndarray, "4 4"]

Order = Literal[1, 3]
"""Of the spline between voxels: 1 is linear and stays between its neighbours; 3 keeps detail that
linear blurs, and stays within the range of the volume."""


def onto_grid(
    volume: Volume, grid: Grid, through: Affine | None = None, *, order: Order = 1
) -> Volume:
    """The volume on the model's grid; see `onto`."""
    return onto(volume, grid.shape, grid.affine, through, order=order)


def onto(
    volume: Volume,
    shape: tuple[int, int, int],
    affine: Affine,
    through: Affine | None = None,
    *,
    order: Order = 1,
) -> Volume:
    """The volume on any lattice, whose axes may be turned and mirrored.

    Outside its field of view it takes its least value, which is the background.

    Args:
        volume: what to resample.
        shape: voxels of the target along its axes.
        affine: voxel indices of the target → mm.
        through: mm of the target → mm of the volume; None if both are one space.
        order: of the spline between voxels.

    Returns:
        A volume with that very shape and affine.
    """
    target = np.array(affine, np.float64)
    if through is not None:
        volume = replace(volume, affine=np.linalg.solve(through, volume.affine))
    parts = _parts(volume, target)
    i, j, k = (n * p for n, p in zip(shape, parts, strict=True))
    fine = target @ _cut(parts)
    try:
        data = restore(volume, (i, j, k), fine).data[0]
    except ScanError:  # not whole voxels apart
        data = _interpolated(
            volume.data[0], (i, j, k), np.linalg.solve(volume.affine, fine), order
        )
    return Volume(_averaged(data, parts)[None], target, volume.modality)


def _parts(volume: Volume, target: Float64[np.ndarray, "4 4"]) -> tuple[int, ...]:
    """Voxels of the source that one of the target covers along each of its axes, at least one."""
    covered = np.linalg.norm(np.linalg.solve(volume.affine, target)[:3, :3], axis=0)
    return tuple(max(1, round(size)) for size in covered)


def _cut(parts: tuple[int, ...]) -> Float64[np.ndarray, "4 4"]:
    """Indices of the parts of voxels → indices of the voxels."""
    cut = np.diag([*(1 / n for n in parts), 1.0])
    cut[:3, 3] = [(1 - n) / (2 * n) for n in parts]
    return cut


def _interpolated(
    data: Float32[np.ndarray, "i j k"],
    shape: tuple[int, int, int],
    to_source: Float64[np.ndarray, "4 4"],
    order: Order,
) -> Float32[np.ndarray, "x y z"]:
    """Interpolation at indices `to_source @ index`, background where nothing was seen."""
    background = data.min()
    linear, start = to_source[:3, :3], to_source[:3, 3]
    if order > 1 or (np.abs(linear - np.diag(np.diag(linear))) * max(shape) > _PART).any():
        made: Float32[np.ndarray, "x y z"] = ndimage.affine_transform(
            data,
            linear,
            start,
            shape,
            output=np.float32,
            order=order,
            mode="constant",
            cval=float(background),
        )
        if order > 1:  # it overshoots at edges
            np.clip(made, background, data.max(), out=made)
        return made
    steps = np.diag(linear)
    wanted = [a + step * np.arange(n) for a, step, n in zip(start, steps, shape, strict=True)]
    result = np.asarray(interpolate(data, wanted), np.float32)
    for axis, (places, n) in enumerate(zip(wanted, data.shape, strict=True)):
        outside = (places < -0.5 - _PART) | (places > n - 0.5 + _PART)
        result[(slice(None),) * axis + (outside,)] = background
    return result


def _averaged(
    data: Float32[np.ndarray, "x y z"], parts: tuple[int, ...]
) -> Float32[np.ndarray, "i j k"]:
    """The mean of the parts of each voxel; axis by axis, which is many times faster."""
    for axis, count in enumerate(parts):
        if count > 1:
            before = (slice(None),) * axis
            layers = [data[(*before, slice(start, None, count))] for start in range(count)]
            data = sum(layers[1:], start=layers[0]) / np.float32(count)
    return data
