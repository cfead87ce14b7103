"""Filters: linear, at their largest where the sphere is, blind to what is usual."""

import numpy as np
import pytest

from acadiff.latent.sieve import PATCHES, SPOTS, mean_of, roughness, sifted, usual_power, waves

SHAPE = (20, 24, 20)
BRAIN = np.zeros(SHAPE, bool)
BRAIN[3:17, 3:21, 3:17] = True
PLACES = np.argwhere(BRAIN)


def smooth(seed):
    """Waves of which the coarse ones are larger."""
    values = np.random.default_rng(seed).normal(size=len(PLACES)).astype(np.float32)
    found = waves(values, BRAIN)
    steps = np.meshgrid(
        *(np.fft.fftfreq(n) for n in SHAPE[:2]), np.fft.rfftfreq(20), indexing="ij"
    )
    return found / (0.1 + np.square(steps).sum(axis=0))


@pytest.fixture(scope="module")
def power():
    return usual_power(np.square(np.abs(smooth(n))) for n in range(30))


def test_a_sphere_is_found_where_it_is(power):
    middle = np.array((9, 12, 8))
    ball = (np.linalg.norm(PLACES - middle, axis=1) * 8 < 12).astype(np.float32)
    likeness = sifted(waves(ball, BRAIN), power, BRAIN)
    assert likeness.shape == (len(SPOTS) + len(PATCHES), len(PLACES))
    for image in likeness:
        assert np.abs(PLACES[image.argmax()] - middle).max() <= 1


def test_it_is_linear(power):
    one, other = smooth(1), smooth(2)
    both = sifted(one - 2 * other, power, BRAIN)
    apart = sifted(one, power, BRAIN) - 2 * sifted(other, power, BRAIN)
    np.testing.assert_allclose(both, apart, rtol=1e-3, atol=1e-4 * np.abs(both).max())


def test_usual_waves_are_as_rough_as_usual_and_noise_is_rougher(power):
    usual = [roughness(smooth(n), power) for n in range(40, 50)]
    assert np.abs(np.mean(usual)) < 0.05
    noise = waves(np.random.default_rng(5).normal(0, 9, len(PLACES)).astype(np.float32), BRAIN)
    assert roughness(smooth(50) + noise, power) > max(usual) + 0.3


def test_coarse_waves_are_no_noise(power):
    coarse = waves(np.cos(PLACES[:, 0] / 20 * 2 * np.pi).astype(np.float32) * 5, BRAIN)
    assert roughness(smooth(60) + coarse, power) == pytest.approx(
        roughness(smooth(60), power), abs=0.15
    )


def test_a_mean_needs_no_array_twice():
    arrays = np.random.default_rng(0).normal(size=(7, 3, 2))
    np.testing.assert_allclose(mean_of(iter(arrays)), arrays.mean(axis=0))
