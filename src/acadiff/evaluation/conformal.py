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
