"""Between what a method makes of people and what they are: distributions, not pairs.

A method that gives everybody the average has small errors and the wrong people. Single draws of a
good one are spread over people as acquired scans are.
"""

import numpy as np
from jaxtyping import Float


def wasserstein(
    truth: Float[np.ndarray, "n r"], draws: Float[np.ndarray, "n d r"]
) -> Float[np.ndarray, " r"]:
    """Distance of the distribution over people of imputed values from that of acquired ones.

    The mean of what must be moved how far (Wasserstein's first), in the values' own unit.

    Args:
        truth: a value of each person in each region.
        draws: what single draws have there; each person has as many.

    Returns:
        The distance in each region.
    """
    people, count, regions = draws.shape
    acquired = np.repeat(np.sort(truth, axis=0), count, axis=0)
    imputed = np.sort(draws.reshape(people * count, regions), axis=0)
    return np.asarray(np.abs(imputed - acquired).mean(axis=0))
