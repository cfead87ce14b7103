"""Do imputed regional values agree with acquired ones? Bland and Altman, R², amyloid status.

A person counts once in every resample, with all visits; the intervals are percentiles of the
bootstrap over persons. A difference is imputed minus acquired.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from jaxtyping import Float

from acadiff.evaluation.regional import COMPOSITE
from acadiff.volume.composites import POSITIVE

GROUP = ("method", "target", "sources", "region", "unit")
MEASURES = (
    *("bias", "sd", "lower", "upper", "rmse", "r_squared", "explained"),
    *("accuracy", "kappa", "auc"),
)

_LIMIT = 1.96  # SDs on either side of the bias, between which lie 95 % of normal differences
_INTERVAL = (2.5, 97.5)
_RESAMPLES = 2000
_LEAST_PERSONS = 5  # below, the bootstrap tells nothing
_SEED = 0

Values = Float[np.ndarray, " n"]
Weights = Float[np.ndarray, "b n"]
Measured = Mapping[str, Float[np.ndarray, " b"]]


def agreement(regional: pd.DataFrame) -> pd.DataFrame:
    """Judge the imputed means of every method, task and region.

    Args:
        regional: the table of `regional.table`.

    Returns:
        `GROUP`, persons, n (visits), and for each x of `MEASURES` the columns x, x_low and x_high.
        The limits of agreement are lower and upper; r_squared is the squared correlation,
        explained 1 - SSE/SST; accuracy, kappa and auc concern the amyloid status of the AV45
        composite. What is not defined is NaN.
    """
    means = regional[regional["kind"] == "mean"].dropna(subset=["acquired", "imputed"])
    rows = []
    for key, group in means.groupby(list(GROUP), sort=False):
        cut = POSITIVE if key[-2:] == COMPOSITE else None
        rows.append({**dict(zip(GROUP, key, strict=True)), **_judged(group, cut)})
    bounds = [f"{name}{end}" for name in MEASURES for end in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=[*GROUP, "persons", "n", *bounds])


def measures(acquired: Values, imputed: Values, weights: Weights, cut: float | None) -> Measured:
    """`MEASURES` for every row of weights, all at once.

    Args:
        acquired: one value a visit.
        imputed: what was imputed for it.
        weights: how often each visit counts; a row of ones is the sample itself.
        cut: above it a value is positive; None where there is no such cut.
    """
    total = weights.sum(1)
    error = imputed - acquired
    with np.errstate(invalid="ignore", divide="ignore"):
        bias = weights @ error / total
        squares = weights @ error**2
        sd = np.sqrt(np.maximum(squares - total * bias**2, 0) / (total - 1))
        spread_a, spread_i, shared = _moments(acquired, imputed, weights)
        found = {
            "bias": bias,
            "sd": sd,
            "lower": bias - _LIMIT * sd,
            "upper": bias + _LIMIT * sd,
            "rmse": np.sqrt(squares / total),
            "r_squared": shared**2 / (spread_a * spread_i),
            "explained": 1 - squares / spread_a,
        }
        return found if cut is None else {**found, **_status(acquired, imputed, weights, cut)}


def _judged(group: pd.DataFrame, cut: float | None) -> dict[str, float]:
    """One line of the table: estimates with their intervals."""
    persons, index = np.unique(group["subject"].astype(str), return_inverse=True)
    acquired, imputed = (group[c].to_numpy(float) for c in ("acquired", "imputed"))
    generator = np.random.default_rng(_SEED)
    share = np.full(persons.size, 1 / persons.size)
    counts = generator.multinomial(persons.size, share, size=_RESAMPLES)[:, index]
    weights = np.concatenate([np.ones((1, index.size)), counts.astype(float)])
    line: dict[str, float] = {"persons": persons.size, "n": index.size}
    for name, values in measures(acquired, imputed, weights, cut).items():
        line[name] = float(values[0])
        sure = values[1:][np.isfinite(values[1:])]
        known = persons.size >= _LEAST_PERSONS and np.isfinite(values[0]) and sure.size > 0
        low, high = np.percentile(sure, _INTERVAL) if known else (np.nan, np.nan)
        line |= {f"{name}_low": float(low), f"{name}_high": float(high)}
    return line


def _moments(
    x: Values, y: Values, weights: Weights
) -> tuple[Float[np.ndarray, " b"], Float[np.ndarray, " b"], Float[np.ndarray, " b"]]:
    """Sums of squares about the mean of x and of y, and of their products; 0 where constant."""
    total = weights.sum(1)
    x, y = x - x.mean(), y - y.mean()  # so that little is lost in the differences below
    mean_x, mean_y = weights @ x / total, weights @ y / total

    def about(product: Values, means: Float[np.ndarray, " b"]) -> Float[np.ndarray, " b"]:
        raw = weights @ product
        rest = raw - total * means
        return np.where(np.abs(rest) > 1e-12 * (weights @ np.abs(product)), rest, 0)

    return about(x * x, mean_x**2), about(y * y, mean_y**2), about(x * y, mean_x * mean_y)


def _status(acquired: Values, imputed: Values, weights: Weights, cut: float) -> Measured:
    """Agreement of who is positive, and how well the imputed value ranks who truly is."""
    total = weights.sum(1)
    truth, said = acquired > cut, imputed > cut
    accuracy = weights @ (truth == said).astype(float) / total
    true_share, said_share = (weights @ s.astype(float) / total for s in (truth, said))
    chance = true_share * said_share + (1 - true_share) * (1 - said_share)
    kappa = np.where(chance < 1, (accuracy - chance) / (1 - chance), np.nan)
    return {"accuracy": accuracy, "kappa": kappa, "auc": _auc(imputed, truth, weights)}


def _auc(
    imputed: Values, truth: "np.ndarray[tuple[int], np.dtype[np.bool_]]", weights: Weights
) -> Float[np.ndarray, " b"]:
    """Chance that a positive person's value is above a negative one's; ties count a half."""
    order = np.argsort(imputed, kind="stable")
    starts = np.flatnonzero(np.diff(imputed[order], prepend=-np.inf))
    ranked = weights[:, order]
    positive = np.add.reduceat(ranked * truth[order], starts, axis=1)
    negative = np.add.reduceat(ranked * ~truth[order], starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(1) * negative.sum(1)
    area: Float[np.ndarray, " b"] = (positive * below).sum(1) / pairs
    return area
