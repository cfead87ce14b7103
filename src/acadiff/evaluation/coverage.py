"""Do intervals hold what they promise? Shares of what they contain; everybody counts alike."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float, Int


def covered(
    truth: Float[np.ndarray, "*s"], mean: Float[np.ndarray, "*s"], half: Float[np.ndarray, "*s"]
) -> Bool[np.ndarray, "*s"]:
    """Where the acquired value lies in the interval, its ends included."""
    return np.asarray(np.abs(truth - mean) <= half)


def shares(
    within: Bool[np.ndarray, "*s"],
    inside: Bool[np.ndarray, "*s"],
    label: Int[np.ndarray, "*s"],
    names: Sequence[str],
) -> dict[str, float]:
    """Share of one person's voxels that are covered, by label; NaN where a label has none."""
    found = {}
    for index, name in enumerate(names):
        here = within[inside & (label == index)]
        found[name] = float(here.mean()) if here.size else float("nan")
    return found


def averaged(people: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Mean over people of each label's share, those who have none left out."""
    found = {}
    for name in people[0] if people else ():
        values = np.array([person[name] for person in people])
        values = values[np.isfinite(values)]
        found[name] = float(values.mean()) if values.size else float("nan")
    return found
