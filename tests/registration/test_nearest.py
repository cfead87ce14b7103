"""The nearest linear map is the one that was applied, and never a worse or a mirrored one."""

import numpy as np
import pytest
from native import motion

from acadiff.registration.nearest import nearest

RNG = np.random.default_rng(8)
POINTS = RNG.normal(0, 50, (400, 3)) + [0, -20, 10]


def led(matrix, points=POINTS):
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def missed(matrix, images):
    return ((led(matrix, POINTS) - images) ** 2).sum()


def test_a_motion_is_found_to_the_digit():
    move = motion(RNG)
    for kind in ("Rigid", "Affine"):
        np.testing.assert_allclose(nearest(POINTS, led(move), kind).matrix, move, atol=1e-9)


def test_an_affine_map_is_found_to_the_digit():
    move = motion(RNG)
    move[:3, :3] += RNG.normal(0, 0.1, (3, 3))
    np.testing.assert_allclose(nearest(POINTS, led(move), "Affine").matrix, move, atol=1e-9)


def test_a_rigid_map_neither_resizes_nor_shears_nor_mirrors():
    for change in (np.diag([1.2, 1.1, 0.9]), np.diag([-1.0, 1, 1]), RNG.normal(0, 1, (3, 3))):
        found = nearest(POINTS, POINTS @ change, "Rigid").matrix[:3, :3]
        np.testing.assert_allclose(found @ found.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(found) == pytest.approx(1)


@pytest.mark.parametrize("kind", ["Rigid", "Affine"])
def test_no_map_beside_it_misses_less(kind):
    images = led(motion(RNG)) + RNG.normal(0, 3, POINTS.shape)
    found = nearest(POINTS, images, kind).matrix
    for _ in range(20):
        beside = found @ motion(RNG, degrees=0.2, mm=0.2)
        assert missed(found, images) < missed(beside, images)


def test_what_shapes_have_on_both_sides_moves_nothing():
    """Wider by as much on the left as on the right: a head that did not move."""
    mirror = np.concatenate([POINTS - POINTS.mean(0), POINTS.mean(0) - POINTS])
    found = nearest(mirror, mirror * [1.05, 0.97, 1.02], "Rigid").matrix
    np.testing.assert_allclose(found, np.eye(4), atol=2e-3)
