"""Random fields belong to millimetres, not to voxels."""

import numpy as np
import pytest

from acadiff.phantom.fields import unit_field, white_noise
from acadiff.volume.grid import Grid
from acadiff.volume.lattice import block_mean


def rng():
    return np.random.default_rng(3)


def test_fine_noise_averages_exactly_to_coarse_noise():
    np.testing.assert_allclose(
        block_mean(white_noise(rng(), 1), 2), white_noise(rng(), 2), atol=2e-6
    )


def test_noise_is_white_with_unit_variance():
    noise = white_noise(rng(), 2)
    assert noise.std() == pytest.approx(1, abs=0.01)
    assert abs(np.corrcoef(noise[1:].ravel(), noise[:-1].ravel())[0, 1]) < 0.01


@pytest.mark.parametrize(("lattice", "fwhm"), [(2, 6.0), (3, 8.0), (5, 24.0), (20, 80.0)])
def test_a_field_is_the_same_at_every_voxel_size(lattice, fwhm):
    fine, coarse = (unit_field(rng(), lattice, fwhm, voxel) for voxel in (2, 4))
    assert coarse.shape == Grid(4).shape
    assert np.corrcoef(block_mean(fine, 2).ravel(), coarse.ravel())[0, 1] > 0.97


def test_a_smooth_field_has_about_unit_variance():
    assert unit_field(rng(), 5, 24.0, 4).std() == pytest.approx(1, abs=0.1)
