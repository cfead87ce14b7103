"""Diagnosis from regional values by a logistic regression: what few people can teach."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from acadiff.errors import CohortError

LEAST = 2
"""People of a class, below which nothing can be learnt of it."""


def classify(
    train: Float[np.ndarray, "n f"],
    labels: Sequence[int],
    asked: Float[np.ndarray, "m f"],
    strength: float,
) -> Float[np.ndarray, "m c"]:
    """Fit on some people, and tell the probability of every class for others.

    Values are standardised on those who are fitted, the penalty is the squared weights, and
    classes count alike however many people they have. Nothing is random.

    Args:
        train: regional values of the people who are fitted.
        labels: their classes, 0 to c - 1.
        asked: regional values of others.
        strength: inverse of the penalty.

    Raises:
        CohortError: a class has fewer than two people.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    require_classes(labels, max(labels, default=0) + 1)
    scale = StandardScaler().fit(train)
    model = LogisticRegression(C=strength, max_iter=5000, class_weight="balanced")
    model.fit(scale.transform(train), np.asarray(labels))
    return np.asarray(model.predict_proba(scale.transform(asked)))


def require_classes(labels: Sequence[int], classes: int) -> None:
    """Refuse to learn from fewer than two people of a class.

    Raises:
        CohortError: one has fewer.
    """
    counts = np.bincount(np.asarray(labels, int), minlength=max(classes, 2))
    if counts.min() < LEAST:
        raise CohortError(
            f"class {int(counts.argmin())} has {int(counts.min())} people to learn from, "
            f"it needs {LEAST}",
            code="E_FEW_PEOPLE",
            value=int(counts.min()),
            hint="take more people or a lower missing rate",
        )
