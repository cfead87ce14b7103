"""Methods side by side: every metric on every task, with intervals, tests and what papers say.

A number of one person is averaged over the tasks of a group first, so that people and not scans
are what is resampled; only people whom all methods were asked for count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from acadiff.evaluation.distance import wasserstein
from acadiff.evaluation.paper import GENERATION
from acadiff.evaluation.ranking import (
    Draws,
    Estimate,
    enough,
    estimate,
    holm,
    mean_of,
    resamples,
    signed_rank,
)
from acadiff.modality import Modality

REFERENCE = "acadiff"
TWO, ONE = "two sources", "one source"
WASSERSTEIN = "wasserstein"
SPREAD = "spread"
HIGHER = ("psnr", "ssim", "nmi")
"""Metrics of which more is better; `SPREAD` should be 1, and of all others less is better."""

COLUMNS = (
    *("method", "task", "image", "metric", "n", "value", "sd", "lower", "upper"),
    *("difference", "difference_lower", "difference_upper", "p", "p_holm", "paper"),
)
Row = dict[str, object]
Values = Float[np.ndarray, " n"]
Regions = Mapping[tuple[str, str, str], Mapping[str, Float[np.ndarray, "n d r"]]]
"""(method, target, sources) → image → a value of each person, draw and region; with `acquired`."""


@dataclass(frozen=True)
class Line:
    """What one method came to on one group of tasks: an estimate, and what it was resampled to.

    Args:
        found: the estimate.
        resampled: of the same cohorts for every method.
        people: one value each, for the paired test; None of what is no mean over people.
        n: how many people.
    """

    found: Estimate
    resampled: Float[np.ndarray, " r"]
    people: Values | None
    n: int


def league(scores: pd.DataFrame, regions: Regions, order: Sequence[str]) -> pd.DataFrame:
    """The table of tables, with `COLUMNS`.

    Args:
        scores: method, target, sources, subject, image, metric, value.
        regions: regional values, for the distance of distributions; people in one order.
        order: of the methods.
    """
    tasks = scores[["target", "sources"]].drop_duplicates().itertuples(index=False)
    groups = _groups([(str(t), str(s)) for t, s in tasks])
    rows: list[Row] = []
    for task, members in groups.items():
        keys = [f"{sources}-{target}" for target, sources in members]
        here = scores[(scores["sources"] + "-" + scores["target"]).isin(keys)]
        for (image, metric), part in here.groupby(["image", "metric"], sort=False):
            lines = _lines(part, order)
            rows += _rows(lines, task, str(image), str(metric))
        for image in ("mean", "draw"):
            lines = _distances(regions, members, image, order)
            rows += _rows(lines, task, image, WASSERSTEIN)
        rows += _rows(_spreads(here[here["metric"] == "psnr"], order), task, "draw", SPREAD)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def fault(metric: str, value: float) -> float:
    """How far from best: the smaller, the better, whatever the metric."""
    if metric == SPREAD:
        return abs(value - 1)
    return -value if metric in HIGHER else value


def _groups(tasks: Sequence[tuple[str, str]]) -> dict[str, list[tuple[str, str]]]:
    """What is averaged together: first the headline, then every task alone."""
    tasks = sorted(tasks, key=_place)
    double = [task for task in tasks if "+" in task[1]]
    single = [task for task in tasks if "+" not in task[1]]
    groups = {TWO: double, ONE: single}
    alone = {f"{sources}-{target}": [(target, sources)] for target, sources in tasks}
    return {name: members for name, members in (groups | alone).items() if members}


def _place(task: tuple[str, str]) -> tuple[int, int, list[int]]:
    """Targets in their order; of each, two sources first."""
    target, sources = task
    named = [Modality[name].index for name in sources.split("+")]
    return Modality[target].index, -len(named), named


def _lines(part: pd.DataFrame, order: Sequence[str]) -> dict[str, Line]:
    """Each method's mean over people, who are the same for all that did every task."""
    tasks = part.groupby(["target", "sources"]).ngroups
    wide = part.groupby(["subject", "method"])["value"].agg(["mean", "size"])
    full = wide["mean"].where(wide["size"] == tasks).unstack("method")
    full = full.dropna(axis=1, how="all").dropna()
    draws = resamples(len(full)) if len(full) else np.zeros((0, 0), int)
    found = {}
    for method in order:
        if method in full.columns and len(full):
            values = full[method].to_numpy(float)
            line = Line(mean_of(values, draws), values[draws].mean(axis=1), values, len(values))
            found[method] = line
    return found


def _distances(
    regions: Regions, members: Sequence[tuple[str, str]], image: str, order: Sequence[str]
) -> dict[str, Line]:
    """Each method's distance of distributions, averaged over regions and over tasks of PET."""
    known = {(target, sources) for _, target, sources in regions}
    pet = [task for task in members if task in known]
    found = {}
    for method in order:
        parts = [regions.get((method, *task), {}) for task in pet]
        if not parts or any(image not in part for part in parts):
            continue
        n = len(parts[0][image])
        values = [_distance(part["acquired"][:, 0], part[image], resamples(n)) for part in parts]
        both = np.mean(values, axis=0)
        found[method] = Line(estimate(float(both[0]), both[1:]), both[1:], None, n)
    return found


def _spreads(part: pd.DataFrame, order: Sequence[str]) -> dict[str, Line]:
    """Each method's SD of draws in units of the RMS error of their mean, averaged over tasks.

    A draw errs by what its mean errs and by what it strays from that; squares add. 1 is a draw
    that strays as far as its mean errs, 0 a method of one answer. Ten independent draws of a
    perfect sampler come to 0.90, as some of their spread is left in their mean.

    Args:
        part: PSNR of people.
        order: of the methods.
    """
    keys = ["image", "method", "target", "sources"]
    square = part.assign(value=10 ** (-part["value"] / 10))
    wide = square.pivot_table("value", keys, "subject")
    tasks = part.groupby(["target", "sources"]).ngroups
    sizes = wide.groupby("method").size()
    asked = [method for method in order if sizes.get(method) == 2 * tasks]
    wide = wide[wide.index.isin(asked, level="method")].dropna(axis=1)
    people = np.vstack([np.arange(wide.shape[1]), resamples(wide.shape[1])])
    parts = wide.groupby(["method", "image"])
    errors = {key: rows.to_numpy(float)[:, people].mean(axis=-1) for key, rows in parts}
    found = {}
    for method in asked if people.size else ():
        ratio = errors[method, "draw"] / errors[method, "mean"]
        spread = np.sqrt(np.clip(ratio - 1, 0, None)).mean(axis=0)
        line = estimate(float(spread[0]), spread[1:])
        found[method] = Line(line, spread[1:], None, wide.shape[1])
    return found


def _distance(
    truth: Float[np.ndarray, "n r"], made: Float[np.ndarray, "n d r"], draws: Draws
) -> Float[np.ndarray, " one_more"]:
    """Of the people themselves, then of every resample."""
    whole = wasserstein(truth, made).mean()
    return np.array([whole, *(wasserstein(truth[d], made[d]).mean() for d in draws)])


def _rows(lines: Mapping[str, Line], task: str, image: str, metric: str) -> list[Row]:
    """One row a method, compared with the reference if that is there."""
    reference = lines.get(REFERENCE)
    p = {name: _test(line, reference) for name, line in lines.items() if name != REFERENCE}
    corrected = holm(p)
    rows: list[Row] = []
    for name, line in lines.items():
        about = {"method": name, "task": task, "image": image, "metric": metric, "n": line.n}
        row: Row = {**about, **asdict(_shown(line.found, line.n)), "sd": _sd(line)}
        if reference is not None and name != REFERENCE:
            row |= _difference(line, reference)
            row |= {"p": p[name], "p_holm": corrected[name]}
        if (task, image) == (TWO, "mean"):
            row["paper"] = GENERATION.get((name, metric))
        rows.append(row)
    return rows


def _difference(line: Line, reference: Line) -> Row:
    difference = line.found.value - reference.found.value
    found = _shown(estimate(difference, line.resampled - reference.resampled), line.n)
    return {
        "difference": found.value,
        "difference_lower": found.lower,
        "difference_upper": found.upper,
    }


def _shown(found: Estimate, people: int) -> Estimate:
    """Without an interval where there are too few people for one."""
    return found if enough(people) else Estimate(found.value, float("nan"), float("nan"))


def _test(line: Line, reference: Line | None) -> float:
    if reference is None or line.people is None or reference.people is None:
        return float("nan")
    return signed_rank(line.people, reference.people) if enough(line.n) else float("nan")


def _sd(line: Line) -> float:
    if line.people is None or line.n < 2:
        return float("nan")
    return float(line.people.std(ddof=1))
