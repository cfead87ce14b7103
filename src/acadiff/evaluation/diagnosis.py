"""How well probabilities tell ill from well: accuracy, AUC, sensitivity, specificity, precision.

SPE is TN / (TN + FP) and PPV is TP / (TP + FP): two numbers that reports confuse. With one
threshold, accuracy is a weighted mean of sensitivity and specificity, so it lies between them, in
every run and in every mean of runs on the same people. That is asserted, not hoped.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float, Int

from acadiff.errors import AcadiffError
from acadiff.evaluation.gain import auc

THRESHOLD = 0.5
AT_HALF, AT_YOUDEN = "0.5", "Youden"
"""The two thresholds: one half, and where sensitivity + specificity of validation is greatest."""

METRICS = ("ACC", "AUC", "SEN", "SPE", "PPV")
_SLACK = 1e-9

Scores = Float[np.ndarray, " n"]
Labels = Bool[np.ndarray, " n"]
Found = Float[np.ndarray, "*b"]


def judge(scores: Scores, ill: Labels, threshold: float = THRESHOLD) -> dict[str, float]:
    """All metrics of one run.

    Args:
        scores: probability of being ill.
        ill: who is.
        threshold: from which probability on somebody is called ill.

    Returns:
        By the names of `METRICS`; PPV is NaN where nobody is called ill.

    Raises:
        AcadiffError: accuracy lies outside sensitivity and specificity, which is a bug.
    """
    found = {name: float(METRIC[name](scores, ill, threshold)) for name in METRICS}
    consistent(found)
    return found


def accuracy(
    scores: Float[np.ndarray, "*b n"], ill: Bool[np.ndarray, "*b n"], threshold: float
) -> Found:
    """Share of people who are called what they are; last axis."""
    return np.asarray(((scores >= threshold) == ill).mean(-1))


def sensitivity(
    scores: Float[np.ndarray, "*b n"], ill: Bool[np.ndarray, "*b n"], threshold: float
) -> Found:
    """Share of the ill who are called ill; last axis."""
    return _share(scores >= threshold, ill)


def specificity(
    scores: Float[np.ndarray, "*b n"], ill: Bool[np.ndarray, "*b n"], threshold: float
) -> Found:
    """Share of the well who are called well, TN / (TN + FP); last axis."""
    return _share(scores < threshold, ~ill)


def precision(
    scores: Float[np.ndarray, "*b n"], ill: Bool[np.ndarray, "*b n"], threshold: float
) -> Found:
    """Share of those called ill who are, TP / (TP + FP); last axis."""
    return _share(ill, scores >= threshold)


def area(
    scores: Float[np.ndarray, "*b n"],
    ill: Bool[np.ndarray, "*b n"],
    threshold: float,  # noqa: ARG001 - as the others are called
) -> Found:
    """AUC; no threshold enters."""
    return auc(scores, ill)


METRIC = {
    "ACC": accuracy,
    "AUC": area,
    "SEN": sensitivity,
    "SPE": specificity,
    "PPV": precision,
}


def consistent(found: Mapping[str, float]) -> None:
    """Assert min(SEN, SPE) ≤ ACC ≤ max(SEN, SPE), of one run or of a mean of runs.

    Raises:
        AcadiffError: it is not so.
    """
    low, high = sorted((found["SEN"], found["SPE"]))
    if not low - _SLACK <= found["ACC"] <= high + _SLACK:
        raise AcadiffError(
            f"accuracy {found['ACC']:.4f} lies outside sensitivity {found['SEN']:.4f} and "
            f"specificity {found['SPE']:.4f}, which one threshold cannot give",
            code="E_INCONSISTENT",
            value=f"{found['ACC']:.4f}",
            hint="this is a bug, report it",
        )


def youden(scores: Scores, ill: Labels) -> float:
    """The threshold with the greatest sensitivity + specificity; of several, the nearest to 0.5.

    Thresholds lie in the middle between neighbouring scores, so that none depends on a tie.
    """
    known = np.unique(np.concatenate([[0.0, 1.0], scores]))
    middle = (known[1:] + known[:-1]) / 2
    gained = [
        float(sensitivity(scores, ill, t) + specificity(scores, ill, t)) for t in middle.tolist()
    ]
    best = middle[np.isclose(gained, max(gained))]
    return float(best[np.abs(best - THRESHOLD).argmin()])


def macro_area(told: Float[np.ndarray, "*b n c"], labels: Int[np.ndarray, "*b n"]) -> Found:
    """Mean over classes of the AUC of one class against the others."""
    found = [auc(told[..., c], labels == c) for c in range(told.shape[-1])]
    return np.asarray(np.mean(found, axis=0))


def balanced_accuracy(told: Float[np.ndarray, "*b n c"], labels: Int[np.ndarray, "*b n"]) -> Found:
    """Mean over classes of the share of its people who are called what they are."""
    right = told.argmax(-1) == labels
    found = [_share(right, labels == c) for c in range(told.shape[-1])]
    return np.asarray(np.mean(found, axis=0))


def right_of_all(told: Float[np.ndarray, "*b n c"], labels: Int[np.ndarray, "*b n"]) -> Found:
    """Share of all who are called what they are."""
    return np.asarray((told.argmax(-1) == labels).mean(-1))


OF_MANY = {"ACC": right_of_all, "BACC": balanced_accuracy, "AUC": macro_area}
"""What is asked where there are more than two classes."""


def _share(of: Bool[np.ndarray, "*b n"], among: Bool[np.ndarray, "*b n"]) -> Found:
    count = among.sum(-1)
    return np.asarray(np.where(count > 0, (of & among).sum(-1) / np.maximum(count, 1), np.nan))
