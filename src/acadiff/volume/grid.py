"""The model's box in MNI space, and the way into it and back by whole voxels: no value changes."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float64

from acadiff.errors import ScanError
from acadiff.volume.image import Volume

BOX_MM = (160, 192, 160)
"""Extent of the box along x, y, z in mm; every side halves five times [ours: latents need it]."""

ORIGIN = (-80.0, -113.0, -72.0)
"""Centre of the first 1 mm voxel, in mm of MNI space (RAS) [ours: the brain lies well inside]."""

VOXELS = (1, 2, 4, 8)
"""Voxel sizes in mm that divide the box."""

_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Grid:
    """The box, cut into cubes of `voxel` mm; one of 2 mm covers eight of 1 mm exactly.

    Raises:
        ScanError: the size is none of `VOXELS`.
    """

    voxel: int

    def __post_init__(self) -> None:
        """Refuse sizes that do not divide the box."""
        if self.voxel not in VOXELS:
            raise ScanError(f"voxel size is {self.voxel} mm, the grids are {_listed()}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along i, j, k."""
        i, j, k = (side // self.voxel for side in BOX_MM)
        return i, j, k

    @property
    def affine(self) -> Float64[np.ndarray, "4 4"]:
        """Voxel indices → mm in MNI space, axes pointing right, anterior, superior."""
        affine = np.diag([self.voxel, self.voxel, self.voxel, 1.0])
        affine[:3, 3] = np.array(ORIGIN) + (self.voxel - 1) / 2
        return affine


def grid_of(volume: Volume) -> Grid:
    """The grid a volume lies on.

    Raises:
        ScanError: it lies on none; names its shape and affine.
    """
    for voxel in VOXELS:
        grid = Grid(voxel)
        same_affine = np.allclose(volume.affine, grid.affine, rtol=0, atol=_TOLERANCE)
        if volume.data.shape[1:] == grid.shape and same_affine:
            return grid
    raise ScanError(
        f"the {volume.modality.title} lies on another grid: shape {volume.data.shape[1:]}, affine "
        f"{volume.affine[:3].round(3).tolist()}; the grids are {_listed()}; place or resample it"
    )


def place(volume: Volume, grid: Grid) -> Volume:
    """Crop or pad a volume by whole voxels so that it lies on `grid`.

    Padding takes the volume's least value, which is the background of a skull-stripped scan.

    Raises:
        ScanError: voxel sizes, axes or a part of a voxel lie between the two grids.
    """
    return restore(volume, grid.shape, grid.affine)


def restore(
    volume: Volume, like_shape: tuple[int, int, int], like_affine: Float[np.ndarray, "4 4"]
) -> Volume:
    """Put a volume back on the grid it came from, with that grid's very shape and affine.

    Raises:
        ScanError: as for `place`.
    """
    shift = _whole_shift(volume, np.asarray(like_affine, np.float64))
    if not any(shift) and volume.data.shape[1:] == tuple(like_shape):
        return replace(volume, affine=np.array(like_affine, np.float64))
    data = np.full((1, *like_shape), volume.data.min(), np.float32)
    into, out_of = [slice(None)], [slice(None)]
    for start, have, want in zip(shift, volume.data.shape[1:], like_shape, strict=True):
        first, last = max(0, start), max(0, start, min(want, start + have))
        into.append(slice(first, last))
        out_of.append(slice(first - start, last - start))
    data[tuple(into)] = volume.data[tuple(out_of)]
    return Volume(data, np.array(like_affine, np.float64), volume.modality)


def _whole_shift(volume: Volume, affine: Float64[np.ndarray, "4 4"]) -> list[int]:
    """Index of the volume's first voxel on the grid of `affine`."""
    if not np.allclose(volume.affine[:3, :3], affine[:3, :3], rtol=0, atol=_TOLERANCE):
        raise _another(volume, "voxel sizes or axes differ")
    shift = np.linalg.solve(affine[:3, :3], volume.affine[:3, 3] - affine[:3, 3])
    if np.abs(shift - shift.round()).max() > _TOLERANCE:
        raise _another(volume, f"they are {shift.round(3).tolist()} voxels apart")
    return [int(step) for step in shift.round()]


def _another(volume: Volume, why: str) -> ScanError:
    return ScanError(
        f"the {volume.modality.title} lies on another grid ({why}): its affine is "
        f"{volume.affine[:3].round(3).tolist()}; resample it first"
    )


def _listed() -> str:
    return ", ".join(f"{voxel} mm" for voxel in VOXELS)
