"""Random fields belong to millimetres, not to voxels."""

import numpy as np
import pytest

from acadiff.phantom.fields import block_mean, unit_field, upsample, white_noise
from acadiff.volume.grid import Grid


def rng():
    return np.random.default_rng(3)


def test_block_mean_averages():
    volume = np.arange(64, dtype=np.float32).reshape(4, 4, 4)
    assert block_mean(volume, 2)[0, 0, 0] == volume[:2, :2, :2].mean()
    assert block_mean(volume, 4).item() == volume.mean()


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


def test_upsampling_keeps_a_ramp_and_its_place():
    ramp = np.broadcast_to(np.arange(40, dtype=np.float32)[:, None, None], (40, 48, 40))
    fine = upsample(ramp, 2)
    np.testing.assert_allclose(block_mean(fine, 2)[1:-1], ramp[1:-1], atol=1e-5)
