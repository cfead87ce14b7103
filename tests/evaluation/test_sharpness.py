"""What is as sharp as the truth is at 0; smoother and rougher are both away from it."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from acadiff.evaluation.sharpness import sharpness

SHAPE = (20, 24, 20)
RNG = np.random.default_rng(3)
TRUTH = RNG.normal(size=SHAPE)
WHOLE = np.ones(SHAPE, bool)


def test_the_truth_is_as_sharp_as_itself():
    assert sharpness(TRUTH, WHOLE)(TRUTH) == 0


def test_where_details_lie_does_not_matter():
    other = np.roll(TRUTH, 5, axis=1)
    assert sharpness(TRUTH, WHOLE)(other) == pytest.approx(0, abs=1e-9)


def test_twice_the_detail_is_as_far_as_half_of_it():
    judge = sharpness(TRUTH, WHOLE)
    level = TRUTH.mean()
    double, half = level + 2 * (TRUTH - level), level + 0.5 * (TRUTH - level)
    assert judge(double) == pytest.approx(np.log(4))
    assert judge(half) == pytest.approx(np.log(4))


def test_the_smoother_an_image_the_farther():
    judge = sharpness(TRUTH, WHOLE)
    found = [judge(gaussian_filter(TRUTH, width)) for width in (0.5, 1.0, 2.0)]
    assert found == sorted(found)
    assert found[0] > 0.5


def test_low_frequencies_do_not_count():
    wave = np.cos(2 * np.pi * np.arange(SHAPE[0]) / SHAPE[0])[:, None, None]
    assert sharpness(TRUTH, WHOLE)(TRUTH + 3 * wave) == pytest.approx(0, abs=1e-9)


def test_what_lies_outside_the_mask_is_not_looked_at():
    mask = np.zeros(SHAPE, bool)
    mask[4:16, 4:20, 4:16] = True
    elsewhere = np.where(mask, TRUTH, 99.0)
    assert sharpness(TRUTH, mask)(elsewhere) == pytest.approx(0, abs=1e-9)


def test_a_flat_image_is_far_and_not_undefined():
    assert 10 < sharpness(TRUTH, WHOLE)(np.zeros(SHAPE)) < np.inf
