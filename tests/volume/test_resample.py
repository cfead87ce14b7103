"""One resampling, by millimetres."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from acadiff.modality import Modality
from acadiff.volume.grid import Grid, place
from acadiff.volume.image import Volume, canonical
from acadiff.volume.lattice import block_mean
from acadiff.volume.resample import onto, onto_grid


def random(shape, affine, seed=0):
    data = np.random.default_rng(seed).random((1, *shape)).astype(np.float32)
    return Volume(data, affine, Modality.FDG)


def blob(shape, affine, centre=(5.0, -20.0, 12.0), width=30.0):
    """A smooth ball that knows millimetres only, so every lattice must show the same one."""
    axes = np.indices(shape).reshape(3, -1)
    mm = affine[:3, :3] @ axes + affine[:3, 3:]
    squared = ((mm - np.reshape(centre, (3, 1))) ** 2).sum(0)
    data = np.exp(-squared / (2 * width**2)).reshape(shape).astype(np.float32)
    return Volume(data[None], affine, Modality.FDG)


def turned(degrees, voxel, shape, centre=(0.0, -17.0, 8.0)):
    """An oblique lattice around a point."""
    affine = np.eye(4)
    turn = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    affine[:3, :3] = turn * voxel
    affine[:3, 3] = centre - affine[:3, :3] @ (np.array(shape) - 1) / 2
    return affine


@pytest.mark.parametrize("steps", [(0, 0, 0), (3, -2, 5), (-4, 1, 0)])
def test_whole_voxels_are_moved_and_no_value_changes(steps):
    grid = Grid(8)
    affine = grid.affine.copy()
    affine[:3, 3] += 8 * np.array(steps)
    volume = random((25, 22, 18), affine)
    assert np.array_equal(onto_grid(volume, grid).data, place(volume, grid).data)


@pytest.mark.parametrize(("fine", "coarse"), [(1, 2), (1, 4), (2, 4), (4, 8)])
def test_nested_lattices_are_averaged_over_blocks(fine, coarse):
    volume = random(Grid(fine).shape, Grid(fine).affine)
    expected = block_mean(volume.data[0], coarse // fine)
    np.testing.assert_allclose(onto_grid(volume, Grid(coarse)).data[0], expected, rtol=1e-5)


@pytest.mark.parametrize(
    "affine",
    [
        np.array([[2, 0, 0, -90], [0, 2, 0, -126], [0, 0, 2, -72], [0, 0, 0, 1.0]]),
        np.array([[1.5, 0, 0, -90], [0, 1.5, 0, -90], [0, 0, 3, -80], [0, 0, 0, 1.0]]),
        turned((20, -10, 30), (2.0, 2.0, 2.0), (100, 110, 100)),
        turned((0, 0, 0), (1.2, 1.0, 1.0), (150, 200, 180)),
    ],
    ids=["shifted", "anisotropic", "oblique", "finer"],
)  # fmt: skip
def test_a_thing_stays_where_it_is_and_as_bright(affine):
    shape = (110, 130, 100)
    grid = Grid(4)
    result = onto_grid(blob(shape, affine), grid)
    truth = blob(grid.shape, grid.affine).data[0]
    to_source = np.linalg.inv(affine) @ grid.affine
    index = np.indices(grid.shape).reshape(3, -1)
    where = to_source[:3, :3] @ index + to_source[:3, 3:]
    seen = ((where >= 2) & (where <= np.reshape(shape, (3, 1)) - 3)).all(0).reshape(grid.shape)
    assert seen.mean() > 0.25
    assert np.abs(result.data[0] - truth)[seen].max() < 0.012


def test_outside_the_field_of_view_is_background():
    affine = Grid(4).affine.copy()
    affine[:3, 3] += 41.3
    volume = random((10, 10, 10), affine)
    result = onto_grid(volume, Grid(4)).data[0]
    assert result[:9].max() == result[22:].max() == volume.data.min()
    oblique = onto_grid(random((10, 10, 10), turned((9, 9, 9), 4.0, (10, 10, 10))), Grid(4))
    assert oblique.data[0, 0, 0, 0] == oblique.data.min()


@pytest.mark.parametrize("flip", [(-1, 1, 1), (1, -1, -1), (-1, -1, -1)])
def test_a_mirrored_target_is_the_mirrored_result(flip):
    volume = blob((60, 70, 60), turned((5, 0, 0), (3.0, 3.0, 3.0), (60, 70, 60)))
    shape, affine = (50, 52, 54), turned((0, 0, 0), (2.5, 2.5, 2.5), (50, 52, 54))
    mirrored = affine @ np.diag([*flip, 1.0])
    mirrored[:3, 3] = affine[:3, 3] + affine[:3, :3] @ (
        (np.array(flip) < 0) * (np.array(shape) - 1)
    )
    straight, other = onto(volume, shape, affine), onto(volume, shape, mirrored)
    assert np.array_equal(other.affine, mirrored)
    back = canonical(other.data[0], other.affine, Modality.FDG)
    np.testing.assert_allclose(back.data, straight.data, atol=1e-6)


def test_through_a_transform_and_back_is_where_it_was():
    move = turned((8, -5, 12), 1.0, (1, 1, 1), (4.0, -6.0, 3.0))
    grid = Grid(2)
    volume = blob(grid.shape, grid.affine)
    there = onto(volume, (100, 110, 100), turned((0, 0, 0), 2.0, (100, 110, 100)), move)
    back = onto_grid(there, grid, np.linalg.inv(move))
    inside = volume.data > 0.3
    assert np.abs(back.data - volume.data)[inside].max() < 0.01
    assert np.abs(there.data[0] - blob((100, 110, 100), there.affine).data[0]).max() > 0.05


def test_coarser_means_averaged_not_picked():
    noise = random((160, 192, 160), turned((0, 0, 0), 1.01, (160, 192, 160)))
    assert onto_grid(noise, Grid(4)).data[0, 10:30, 10:30, 10:30].std() < 0.06


def there_and_back(volume, order):
    """On an oblique lattice of the same voxels, and home again."""
    lattice = (110, 120, 110), turned((8, -5, 12), (2.0, 2.0, 2.0), (110, 120, 110))
    return onto_grid(onto(volume, *lattice, order=order), Grid(2), order=order)


def test_a_cubic_spline_keeps_detail_that_a_linear_one_blurs():
    volume = blob(Grid(2).shape, Grid(2).affine, width=4.0)
    off = {
        order: np.abs(there_and_back(volume, order).data - volume.data).max() for order in (1, 3)
    }
    assert off[3] < 0.02 < off[1] / 4


def test_a_cubic_spline_stays_within_the_range_of_the_volume():
    data = (blob(Grid(2).shape, Grid(2).affine).data > 0.5).astype(np.float32)
    made = there_and_back(Volume(data, Grid(2).affine, Modality.FDG), 3).data
    assert made.min() == 0
    assert made.max() == 1


@pytest.mark.parametrize("order", [1, 3])
def test_whole_voxels_keep_their_values_whatever_the_spline(order):
    volume = random((25, 22, 18), Grid(8).affine)
    assert np.array_equal(
        onto_grid(volume, Grid(8), order=order).data, place(volume, Grid(8)).data
    )
