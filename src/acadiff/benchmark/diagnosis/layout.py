"""The table of diagnoses in the paper's layout, ours beside the paper's, as rows and Markdown."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from acadiff.evaluation.diagnosis import AT_HALF, AT_YOUDEN
from acadiff.evaluation.diagnosis_table import NO_THRESHOLD
from acadiff.evaluation.paper_diagnosis import LABEL, TABLE_1
from acadiff.evaluation.row_titles import ORACLE, place_of, title_of

METRICS = ("ACC", "AUC", "SEN", "SPE", "PPV")
OF_MANY = ("ACC", "BACC", "AUC")
NOT_RUN = "not run"


@dataclass(frozen=True)
class Line:
    """A row of the table.

    Args:
        rate: percentage of people who lost scans.
        title: of the row.
        cells: mean ± SD of each metric; none where it was not run.
        interval: 95 % interval of the AUC.
        paper: the paper's mean ± SD, if it has them.
    """

    rate: int
    title: str
    cells: tuple[str, ...]
    interval: str
    paper: tuple[str, ...]


def lines_of(
    table: pd.DataFrame, rows: Sequence[str], rates: Sequence[int], threshold: str = AT_HALF
) -> Iterator[Line]:
    """Every row at every rate, run or not.

    Args:
        table: lines of the summary, of one scenario, classifier and mask seed.
        rows: their names.
        rates: without the Oracle's 0.
        threshold: of accuracy, sensitivity, specificity and precision.
    """
    metrics = OF_MANY if "BACC" in set(table["metric"]) else METRICS
    held = {
        (int(r["rate"]), str(r["method"]), str(r["metric"])): r
        for r in table.to_dict("records")
        if r["threshold"] in (threshold, NO_THRESHOLD)
    }
    ordered = sorted({*rows, *table["method"]}, key=place_of)
    for rate in (0, *rates):
        for row in ordered:
            if (row == ORACLE) == (rate == 0):
                found = [held.get((rate, row, metric)) for metric in metrics]
                cells = tuple(_mean_sd(f) for f in found if f is not None)
                area = held.get((rate, row, "AUC"))
                yield Line(rate, title_of(row), cells, _interval(area), _paper(rate, row))


def header(table: pd.DataFrame) -> tuple[str, ...]:
    """Names of the columns that `lines_of` fills."""
    return OF_MANY if "BACC" in set(table["metric"]) else METRICS


def markdown(title: str, lines: Sequence[Line], metrics: Sequence[str], *, paper: bool) -> str:
    """A table with a heading.

    Args:
        title: above it.
        lines: of it.
        metrics: names of the columns.
        paper: whether the paper has such a table.
    """
    columns = ["missing", "row", *metrics, "AUC, 95 % interval"]
    columns += [f"{m} ({LABEL})" for m in ("ACC", "AUC", "SEN", "SPE")] if paper else []
    text = [f"### {title}", "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for line in lines:
        cells = line.cells or (NOT_RUN, *("",) * (len(metrics) - 1))
        theirs = (line.paper or ("",) * 4) if paper else ()
        text.append(_row([f"{line.rate} %", line.title, *cells, line.interval, *theirs]))
    return "\n".join([*text, ""])


def over_masks(table: pd.DataFrame, rates: Sequence[int]) -> list[tuple[str, list[str]]]:
    """AUC of each row at each rate: mean ± SD over patterns of gaps of the means over runs.

    Args:
        table: lines of the summary, of one scenario and classifier, under every pattern.
        rates: without the Oracle's 0.
    """
    kept = table[(table["metric"] == "AUC") & (table["rate"] > 0)]
    found = []
    for row in sorted(set(kept["method"]), key=place_of):
        own = kept[kept["method"] == row].groupby("rate")["mean"]
        means, sds = own.mean(), own.std(ddof=1)
        known: dict[Any, dict[Hashable, Any]] = {
            r: {"mean": means[r], "sd": sds[r]} for r in means.index
        }
        cells = [_mean_sd(known[r]) if r in known else NOT_RUN for r in rates]
        found.append((title_of(row), cells))
    return found


def patterns_markdown(
    patterns: Sequence[tuple[str, Sequence[str]]], rates: Sequence[int], seeds: int
) -> str:
    """What `over_masks` gives, as Markdown."""
    text = [f"#### AUC, mean ± SD over {seeds} patterns of gaps", ""]
    text += [_row(["row", *(f"{rate} %" for rate in rates)]), "|---" * (len(rates) + 1) + "|"]
    return "\n".join([*text, *(_row([title, *cells]) for title, cells in patterns), ""])


def threshold_title(threshold: str) -> str:
    """In words."""
    return "validation's Youden threshold" if threshold == AT_YOUDEN else f"threshold {threshold}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _mean_sd(found: Mapping[Hashable, Any]) -> str:
    if not np.isfinite(found["mean"]):
        return "–"
    if not np.isfinite(found["sd"]):
        return f"{found['mean']:.3f}"
    return f"{found['mean']:.3f} ± {found['sd']:.3f}"


def _interval(found: Mapping[Hashable, Any] | None) -> str:
    if found is None or not np.isfinite(found["low"]):
        return ""
    return f"{found['low']:.3f} to {found['high']:.3f}"


def _paper(rate: int, row: str) -> tuple[str, ...]:
    return tuple(f"{mean:.3f} ± {sd:.3f}" for mean, sd in TABLE_1.get((rate, row), {}).values())
