"""Intervals, tests and corrections that methods are compared by."""

import numpy as np
import pytest
from scipy import stats

from acadiff.evaluation.ranking import enough, estimate, holm, mean_of, resamples, signed_rank

RNG = np.random.default_rng(1)


def test_everybody_gets_the_same_resamples():
    assert (resamples(9) == resamples(9)).all()
    assert resamples(9).max() == 8


def test_an_interval_of_a_mean_is_that_of_theory():
    values = RNG.normal(2, 1, size=200)
    found = mean_of(values, resamples(200))
    width = 1.96 * values.std(ddof=1) / np.sqrt(200)
    assert found.value == values.mean()
    assert found.upper - found.value == pytest.approx(width, rel=0.15)
    assert found.value - found.lower == pytest.approx(width, rel=0.15)


def test_a_constant_difference_of_two_methods_has_no_width():
    ours = RNG.normal(size=30)
    found = mean_of(ours - (ours - 0.5), resamples(30))
    assert (found.lower, found.upper) == (pytest.approx(0.5), pytest.approx(0.5))


def test_nothing_is_made_of_resamples_without_a_number():
    found = estimate(1.0, np.array([1.0, np.nan]))
    assert np.isnan([found.lower, found.upper]).all()
    assert not enough(4)
    assert enough(5)


def test_the_test_is_that_of_scipy_and_equals_differ_in_nothing():
    ours, theirs = RNG.normal(size=(2, 20))
    assert signed_rank(ours, theirs) == stats.wilcoxon(ours - theirs).pvalue
    assert signed_rank(ours, ours) == 1


def test_holm_by_hand():
    found = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": float("nan"), "e": 0.9})
    assert found["a"] == pytest.approx(0.04)
    assert found["c"] == pytest.approx(0.09)
    assert found["b"] == pytest.approx(0.09)  # never below one that is surer
    assert found["e"] == pytest.approx(0.9)
    assert np.isnan(found["d"])
