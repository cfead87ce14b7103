"""From errors on some people to a bound that holds for the next: split conformal prediction.

A *score* is an error in units of what was expected of it. If the people scored and the next one
are exchangeable (drawn alike, in any order), the next score lies below the right order statistic
with the probability asked for, whatever the distribution.

Voxels of one person are not exchangeable with those of another, but people are. So everybody gets
the same weight, spread over that person's voxels, and one more person of infinite scores is added
for the one to come: hierarchical conformal prediction (Lee, Barber and Willett 2023, arXiv
2306.06342). What is bounded is a voxel taken at random from a person taken at random.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

_ONE_SIDED = 1.2816
"""Standard errors of a one-sided limit of 90 % confidence."""


def factor(scores: Sequence[Float[np.ndarray, " _"]], level: float) -> float | None:
    """The least bound that holds for a random score of the next person with probability `level`.

    Args:
        scores: of each person; those without any are left out.
        level: between 0 and 1.

    Returns:
        None where no bound can be given: fewer than `level / (1 - level)` people.
    """
    people = [np.asarray(s, np.float64) for s in scores if len(s)]
    if not people:
        return None
    values = np.concatenate(people)
    weights = np.concatenate([np.full(len(s), 1 / len(s)) for s in people]) / (len(people) + 1)
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    # The tolerance keeps a sum of many shares from missing the level by rounding.
    place = int(np.searchsorted(reached, level - 1e-9))
    return float(values[order[place]]) if place < len(values) else None


def sure_factor(scores: Sequence[Float[np.ndarray, " _"]], level: float) -> float | None:
    """The bound of `factor`, widened so that it holds for these very people, not on average.

    The promise of `factor` is kept on average over the people it was calibrated on, too; but a
    model is calibrated once, and sixty people may happen to be easy. So the bound is raised until
    the mean share covered, less 1.28 of its standard errors over people, is the level: with a
    confidence of about 90 % the level then holds on average over all people to come.

    Args:
        scores: of each person; those without any are left out.
        level: between 0 and 1.
    """
    least = factor(scores, level)
    if least is None:
        return None
    people = [np.sort(np.asarray(s, np.float64)) for s in scores if len(s)]
    values = np.unique(np.concatenate(people))
    low, high = int(np.searchsorted(values, least)), len(values) - 1
    while low < high:
        middle = (low + high) // 2
        if _surely_covered(people, values[middle]) >= level:
            high = middle
        else:
            low = middle + 1
    return float(values[low])


def _surely_covered(people: Sequence[Float[np.ndarray, " _"]], bound: float) -> float:
    """Lower confidence limit of the mean share covered; at the greatest score it is 1."""
    shares = np.array([np.searchsorted(s, bound, "right") / len(s) for s in people])
    error = shares.std(ddof=1) / np.sqrt(len(shares)) if len(shares) > 1 else 0.0
    return float(shares.mean() - _ONE_SIDED * error)
