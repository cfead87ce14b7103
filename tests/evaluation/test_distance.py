"""Wasserstein's distance, against scipy's and against what it must be by hand."""

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from acadiff.evaluation.distance import wasserstein

RNG = np.random.default_rng(0)
TRUTH = RNG.normal(size=(12, 3))
DRAWS = RNG.normal(0.4, 1.5, size=(12, 4, 3))


def test_it_is_that_of_scipy():
    found = wasserstein(TRUTH, DRAWS)
    expected = [wasserstein_distance(TRUTH[:, r], DRAWS[:, :, r].ravel()) for r in range(3)]
    assert found == pytest.approx(expected)


def test_who_is_who_does_not_matter_and_a_shift_is_its_size():
    moved = TRUTH[RNG.permutation(12), None, :] + 0.25
    assert wasserstein(TRUTH, moved) == pytest.approx([0.25] * 3)


def test_the_average_for_everybody_is_far_though_its_error_is_least():
    average = np.broadcast_to(TRUTH.mean(axis=0), TRUTH.shape)[:, None, :]
    strangers = TRUTH[RNG.permutation(12), None, :]
    assert (wasserstein(TRUTH, average) > 0.4).all()
    assert wasserstein(TRUTH, strangers) == pytest.approx([0] * 3)
