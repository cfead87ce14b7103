"""Probabilities of many runs → tables: every run, their means with intervals, paired differences.

Runs of one row share the test people and differ by draw and by classifier. Intervals are
percentiles of a bootstrap over test people within each class, of the mean over runs; all rows see
the same resampled people, so that differences are paired.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from acadiff.evaluation.diagnosis import (
    AT_HALF,
    AT_YOUDEN,
    METRIC,
    OF_MANY,
    THRESHOLD,
    consistent,
    youden,
)
from acadiff.evaluation.ranking import RESAMPLES, estimate
from acadiff.evaluation.row_titles import DROP, MEAN, ORACLE

NO_THRESHOLD = "any"
CELL = ("scenario", "classifier", "mask_seed", "rate", "method")
AGAINST = ("ldm", DROP, MEAN, ORACLE)
"""Rows that all others are compared with."""

_COMPARED = (("ACC", AT_HALF), ("AUC", NO_THRESHOLD))
_LEAST = 5  # people of a class, below which the bootstrap tells nothing


class Cell(NamedTuple):
    """What was run, but for which run: a place in the table."""

    scenario: str
    classifier: str
    mask_seed: int
    rate: int
    method: str


@dataclass(frozen=True, eq=False)
class Runs:
    """What the classifiers of one cell said.

    Args:
        validation: probabilities of the people they were chosen by, if there are any.
        test: of the people they are judged by.
        labels: classes of both, `validation` first.
    """

    validation: Float[np.ndarray, "r v c"]
    test: Float[np.ndarray, "r t c"]
    labels: tuple[Int[np.ndarray, " v"], Int[np.ndarray, " t"]]


class Measure(NamedTuple):
    """One metric of a cell: of each run, and of the mean over runs under each resample."""

    metric: str
    threshold: str
    runs: Float[np.ndarray, " r"]
    resampled: Float[np.ndarray, " s"]


Measured = Mapping[Cell, Sequence[Measure]]


def measured(cells: Mapping[Cell, Runs]) -> dict[Cell, list[Measure]]:
    """Every metric of every cell.

    Raises:
        AcadiffError: a metric contradicts another, which is a bug.
    """
    found = {cell: list(_measures(runs)) for cell, runs in cells.items()}
    for measures in found.values():
        _refuse_contradictions(measures)
    return found


def every_run(found: Measured) -> pd.DataFrame:
    """A line a number: cell, run, threshold, metric, value."""
    rows = [
        {**cell._asdict(), "run": run, "threshold": m.threshold, "metric": m.metric, "value": v}
        for cell, measures in found.items()
        for m in measures
        for run, v in enumerate(m.runs.tolist())
    ]
    return pd.DataFrame(rows, columns=[*CELL, "run", "threshold", "metric", "value"])


def summary(found: Measured) -> pd.DataFrame:
    """A line a metric of a cell: number of runs, mean and SD over them, and the interval."""
    rows = []
    for cell, measures in found.items():
        for m in measures:
            mean = estimate(_mean(m.runs), m.resampled)
            sd = _sd(m.runs)
            told = {"threshold": m.threshold, "metric": m.metric, "runs": len(m.runs)}
            told |= {"mean": mean.value, "sd": sd, "low": mean.lower, "high": mean.upper}
            rows.append({**cell._asdict(), **told})
    numbers = ["threshold", "metric", "runs", "mean", "sd", "low", "high"]
    return pd.DataFrame(rows, columns=[*CELL, *numbers])


def differences(found: Measured, against: Sequence[str] = AGAINST) -> pd.DataFrame:
    """A line a comparison: the row less another one, on the same resampled people."""
    rows = []
    for cell, measures in found.items():
        for other in against:
            rival = _rival(cell, other, found)
            if rival is None or rival.method == cell.method or cell.method == ORACLE:
                continue
            theirs = found[rival]
            for metric, threshold in _COMPARED:
                pair = [_one(each, metric, threshold) for each in (measures, theirs)]
                if pair[0] is not None and pair[1] is not None:
                    told = {"against": other, "metric": metric, "threshold": threshold}
                    rows.append({**cell._asdict(), **told, **_difference(pair[0], pair[1])})
    columns = [*CELL, "against", "metric", "threshold", "difference", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def over_patterns(found: Measured, against: Sequence[str] = AGAINST) -> pd.DataFrame:
    """A line a comparison of AUC: the mean difference over all patterns of gaps, if several."""
    places: dict[Cell, list[Cell]] = {}
    for cell in found:
        if cell.rate:
            places.setdefault(cell._replace(mask_seed=0), []).append(cell)
    rows = []
    for place, cells in places.items():
        for other in against:
            pairs = [(cell, _rival(cell, other, found)) for cell in cells]
            both = [(c, r) for c, r in pairs if r is not None and r.method != c.method]
            if len(both) > 1:
                told = {"against": other, "metric": "AUC", "patterns": len(both)}
                rows.append({**place._asdict(), **told, **_mean_difference(both, found)})
    columns = [*CELL, "against", "metric", "patterns", "difference", "low", "high"]
    return pd.DataFrame(rows, columns=columns).drop(columns="mask_seed")


def _mean_difference(pairs: Sequence[tuple[Cell, Cell]], found: Measured) -> dict[str, float]:
    areas = [[_one(found[cell], "AUC", NO_THRESHOLD) for cell in pair] for pair in pairs]
    both = [(ours, theirs) for ours, theirs in areas if ours is not None and theirs is not None]
    value = float(np.mean([_mean(ours.runs) - _mean(theirs.runs) for ours, theirs in both]))
    resampled = np.mean([ours.resampled - theirs.resampled for ours, theirs in both], axis=0)
    mean = estimate(value, resampled)
    return {"difference": mean.value, "low": mean.lower, "high": mean.upper}


def _rival(cell: Cell, method: str, found: Measured) -> Cell | None:
    """Where another row stands; one that is told nothing counts as itself."""
    rate = 0 if method == ORACLE else cell.rate
    places = (cell._replace(method=m, rate=rate) for m in (method, f"{method}:none"))
    return next((place for place in places if place in found), None)


def resampled_people(labels: Int[np.ndarray, " n"]) -> Int[np.ndarray, "s n"]:
    """Which people each resample consists of: as many of each class, the same for all rows."""
    random = np.random.default_rng(0)
    groups = [np.flatnonzero(labels == c) for c in np.unique(labels)]
    return np.concatenate([random.choice(g, (RESAMPLES, g.size)) for g in groups], axis=1)


def _difference(ours: Measure, theirs: Measure) -> dict[str, float]:
    found = estimate(_mean(ours.runs) - _mean(theirs.runs), ours.resampled - theirs.resampled)
    return {"difference": found.value, "low": found.lower, "high": found.upper}


def _one(measures: Sequence[Measure], metric: str, threshold: str) -> Measure | None:
    return next((m for m in measures if (m.metric, m.threshold) == (metric, threshold)), None)


def _measures(runs: Runs) -> Iterator[Measure]:
    truth = runs.labels[1]
    people = resampled_people(truth)
    if np.bincount(truth).min() < _LEAST:
        people = people[:0]
    if runs.test.shape[-1] > 2:
        yield from _of_many(runs, people)
        return
    scores, ill = runs.test[..., 1], truth == 1
    thresholds_of = {AT_HALF: [THRESHOLD] * len(scores)}
    if runs.labels[0].size:
        chosen_by = (v[:, 1] for v in runs.validation)
        thresholds_of[AT_YOUDEN] = [youden(v, runs.labels[0] == 1) for v in chosen_by]
    for name, thresholds in thresholds_of.items():
        for metric, of in METRIC.items():
            if metric == "AUC" and name == AT_YOUDEN:
                continue
            pairs = list(zip(scores, thresholds, strict=True))
            values = np.array([float(of(s, ill, t)) for s, t in pairs])
            again = [of(s[people], ill[people], t) for s, t in pairs]
            told = NO_THRESHOLD if metric == "AUC" else name
            yield Measure(metric, told, values, _over_runs(again))


def _of_many(runs: Runs, people: Int[np.ndarray, "s n"]) -> Iterator[Measure]:
    truth = runs.labels[1]
    for metric, of in OF_MANY.items():
        values = np.array([float(of(told, truth)) for told in runs.test])
        again = [of(told[people], truth[people]) for told in runs.test]
        yield Measure(metric, NO_THRESHOLD, values, _over_runs(again))


def _mean(values: Float[np.ndarray, " r"]) -> float:
    """Of the runs that have a number; PPV has none where nobody is called ill."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


def _sd(values: Float[np.ndarray, " r"]) -> float:
    """Over runs; exactly zero where they are all alike, whatever rounding makes of their mean."""
    if len(values) < 2:
        return float("nan")
    return float(values.std(ddof=1)) if np.ptp(values) else 0.0


def _over_runs(again: Sequence[Float[np.ndarray, " s"]]) -> Float[np.ndarray, " t"]:
    """Mean over runs under each resample; not a number where there are too few people for any."""
    mean = np.mean(again, axis=0)
    return np.asarray(mean if mean.size else np.full(1, np.nan))


def _refuse_contradictions(measures: Sequence[Measure]) -> None:
    """Assert that accuracy lies between sensitivity and specificity: each run, and their mean."""
    for threshold in (AT_HALF, AT_YOUDEN):
        held = {m.metric: m.runs for m in measures if m.threshold == threshold}
        if "SEN" in held:
            for run in range(len(held["ACC"])):
                consistent({name: float(values[run]) for name, values in held.items()})
            consistent({name: float(values.mean()) for name, values in held.items()})
