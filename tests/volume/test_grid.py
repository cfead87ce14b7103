import numpy as np
import pytest

from acadiff.errors import ScanError
from acadiff.modality import Modality
from acadiff.volume.grid import BOX_MM, ORIGIN, VOXELS, Grid, grid_of, place, restore
from acadiff.volume.image import Volume


def _volume(shape, affine, seed=0):
    data = np.random.default_rng(seed).random((1, *shape)).astype(np.float32)
    return Volume(data, affine, Modality.FDG)


def _beside(grid, steps):
    """The grid's affine, its first voxel moved by whole voxels."""
    affine = grid.affine.copy()
    affine[:3, 3] += np.array(steps) * grid.voxel
    return affine


@pytest.mark.parametrize("voxel", VOXELS)
def test_every_grid_covers_the_same_box(voxel):
    grid = Grid(voxel)
    assert tuple(side * voxel for side in grid.shape) == BOX_MM
    corner = grid.affine @ [-0.5, -0.5, -0.5, 1]
    assert np.allclose(corner[:3], np.array(ORIGIN) - 0.5)
    assert grid_of(_volume(grid.shape, grid.affine)) == grid


def test_a_coarse_voxel_lies_at_the_centre_of_the_fine_ones_it_covers():
    fine, coarse = Grid(1), Grid(4)
    covered = np.mean([fine.affine @ [i, 0, 0, 1] for i in range(4)], axis=0)
    assert (coarse.affine @ [0, 0, 0, 1])[0] == covered[0]


def test_other_voxel_sizes_do_not_exist():
    with pytest.raises(ScanError, match="3 mm, the grids are 1 mm, 2 mm, 4 mm"):
        Grid(3)


@pytest.mark.parametrize("steps", [(0, 0, 0), (-3, -1, -2), (-5, 0, -4)])
def test_a_larger_field_comes_back_to_the_bit(steps):
    grid = Grid(8)
    shape = tuple(side + 6 for side in grid.shape)
    volume = _volume(shape, _beside(grid, steps))
    inside = np.zeros(shape, bool)
    first = -np.array(steps)
    inside[tuple(slice(f, f + n) for f, n in zip(first, grid.shape, strict=True))] = True
    volume = Volume(np.where(inside, volume.data, 0), volume.affine, volume.modality)
    back = restore(place(volume, grid), shape, volume.affine)
    assert np.array_equal(back.data[0][inside], volume.data[0][inside])
    assert np.array_equal(back.affine, volume.affine)
    assert back.data.shape == volume.data.shape


@pytest.mark.parametrize("steps", [(0, 0, 0), (2, 3, 1), (-1, 4, -2), (40, 0, 0), (-40, 0, 0)])
def test_every_voxel_keeps_its_place_in_the_head(steps):
    grid = Grid(8)
    volume = _volume((14, 15, 16), _beside(grid, steps))
    placed = place(volume, grid)
    assert grid_of(placed) == grid
    to_grid = np.linalg.inv(grid.affine) @ volume.affine
    expected = np.full(grid.shape, volume.data.min())
    for index in np.ndindex(14, 15, 16):
        at = (to_grid @ [*index, 1])[:3].round().astype(int)
        if (at >= 0).all() and (at < grid.shape).all():
            expected[tuple(at)] = volume.data[(0, *index)]
    assert np.array_equal(placed.data[0], expected)


def test_a_smaller_field_comes_back_whole():
    grid = Grid(8)
    volume = _volume((14, 15, 16), _beside(grid, (2, 3, 1)))
    back = restore(place(volume, grid), (14, 15, 16), volume.affine)
    assert np.array_equal(back.data, volume.data)
    assert np.array_equal(back.affine, volume.affine)


@pytest.mark.parametrize("change", ["voxel size", "part of a voxel", "axes"])
def test_what_is_not_whole_voxels_away_is_another_grid(change):
    grid = Grid(8)
    affine = grid.affine.copy()
    if change == "voxel size":
        affine[0, 0] = 7.5
    elif change == "part of a voxel":
        affine[1, 3] += 2
    else:
        affine[[0, 1]] = affine[[1, 0]]
    volume = _volume(grid.shape, affine)
    with pytest.raises(ScanError, match="another grid.*resample it first"):
        place(volume, grid)
    with pytest.raises(ScanError, match="another grid: shape"):
        grid_of(volume)


def test_a_grid_is_known_by_its_shape_too():
    with pytest.raises(ScanError, match=r"shape \(20, 24, 21\)"):
        grid_of(_volume((20, 24, 21), Grid(8).affine))
