"""Methods against one another on the same people: means with intervals, and paired differences.

All intervals come from one set of resamples of people, so that methods and tasks are compared on
the same resampled cohorts.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

RESAMPLES = 1000
_INTERVAL = (2.5, 97.5)
_LEAST_PERSONS = 5  # below, the bootstrap tells nothing
_SEED = 0

Values = Float[np.ndarray, " n"]
Draws = Int[np.ndarray, "resamples n"]


@dataclass(frozen=True)
class Estimate:
    """A number with what the people it was measured on leave open.

    Args:
        value: the estimate.
        lower: of the interval that holds 95 % of what resampled people give; NaN for few people.
        upper: likewise.
    """

    value: float
    lower: float
    upper: float


def resamples(people: int) -> Draws:
    """Which people each resample consists of: the same for whoever asks."""
    return np.random.default_rng(_SEED).integers(0, people, size=(RESAMPLES, people))


def mean_of(values: Values, draws: Draws) -> Estimate:
    """Mean over people, with its interval."""
    return estimate(float(values.mean()), values[draws].mean(axis=1))


def estimate(value: float, resampled: Float[np.ndarray, " r"]) -> Estimate:
    """An estimate, and the percentiles of what the resamples gave."""
    known = resampled[np.isfinite(resampled)]
    if known.size < resampled.size or not np.isfinite(value):
        return Estimate(value, float("nan"), float("nan"))
    low, high = np.percentile(known, _INTERVAL)
    return Estimate(value, float(low), float(high))


def enough(people: int) -> bool:
    """Whether there are people enough for an interval to tell anything."""
    return people >= _LEAST_PERSONS


def signed_rank(ours: Values, theirs: Values) -> float:
    """P value of Wilcoxon's signed-rank test, two-sided; 1 where nobody differs."""
    difference = ours - theirs
    if not np.any(difference):
        return 1.0
    return float(stats.wilcoxon(difference).pvalue)


def holm(p: Mapping[str, float]) -> dict[str, float]:
    """P values of one family, corrected for how many they are [Holm 1979]; NaN is no test."""
    known = sorted((value, name) for name, value in p.items() if np.isfinite(value))
    corrected, highest = dict.fromkeys(p, float("nan")), 0.0
    for rank, (value, name) in enumerate(known):
        highest = max(highest, min(1.0, (len(known) - rank) * value))
        corrected[name] = highest
    return corrected
