"""One offline page of a comparison, and the figures in it as files."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import pandas as pd
from markupsafe import Markup

from acadiff import __version__
from acadiff.benchmark.generation.charts import bias_chart, compute_chart, task_chart
from acadiff.benchmark.generation.markdown import (
    HEADLINE,
    NOTES,
    TASKWISE,
    Cells,
    Measure,
    Table,
    distances,
    number,
    paper,
)
from acadiff.benchmark.generation.results import Results
from acadiff.commit import write_text
from acadiff.evaluation.bars import Bar
from acadiff.evaluation.league import TWO
from acadiff.evaluation.paper import LABEL
from acadiff.outputs.page import environment, policy, resource

PAGE = "benchmark.html"
_COSTS = {
    "clinical": ("told", ""),
    "parameters": ("parameters", ",.0f"),
    "evaluations": ("evaluations a volume", ",.0f"),
    "gflop_a_volume": ("GFLOP a volume", ",.1f"),
    "seconds_a_volume": ("seconds a volume", ".2f"),
    "imputing_peak_mb": ("memory, MB", ",.0f"),
    "people_seen": ("people seen in training", ",.0f"),
    "seconds_a_step": ("seconds a step", ".3f"),
    "training_seconds": ("training, s a target", ",.0f"),
}


class Cell(NamedTuple):
    """What stands in a table, and whether it is the best of its column."""

    text: str
    best: bool = False


class Grid(NamedTuple):
    """One table of the page."""

    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def figures(results: Results) -> dict[str, str]:
    """File name → SVG of every chart."""
    made = {
        f"tasks-{measure.metric}-{measure.image}": task_chart(results.table, measure)
        for measure in TASKWISE
    }
    if (results.table["task"] == TWO).any():
        made["compute"] = compute_chart(results.table, results.compute)
    if len(results.regional):
        made["bias"] = bias_chart(results.regional, results.order)
    return made


def write_page(
    results: Results, bars: Sequence[Bar], pictures: Mapping[str, str], out: Path
) -> Path:
    """Write every figure below `figures/`, and the page; returns the page's path."""
    charts = figures(results)
    named = {**charts, **{f"errors-{task}": drawn for task, drawn in pictures.items()}}
    for name, drawn in named.items():
        write_text(out / "figures" / f"{name}.svg", drawn)
    write_text(out / PAGE, render(results, bars, charts, pictures))
    return out / PAGE


def render(
    results: Results,
    bars: Sequence[Bar],
    charts: Mapping[str, str],
    pictures: Mapping[str, str],
) -> str:
    """Return the page's HTML."""
    style = resource("report.css") + resource("audit.css")
    cells = Cells(results.table)
    return _template().render(
        methods=len(results.order),
        people=int(results.table["n"].max()),
        simulated=results.simulated,
        bars=bars,
        headline=_headline(cells),
        paper=_plain(paper(results.table)),
        label=LABEL,
        charts=[(m.title, charts[f"tasks-{m.metric}-{m.image}"]) for m in TASKWISE],
        pictures=list(pictures.items()),
        bias=charts.get("bias"),
        compute=charts.get("compute"),
        below=_plain(distances(results.below)) if len(results.below) else None,
        costs=_costs(results.compute),
        notes=NOTES,
        version=__version__,
        style=Markup(style),
        policy=policy(style),
    )


def _headline(cells: Cells) -> Grid:
    head = ["method", *(measure.title for measure in HEADLINE)]
    best = {measure: cells.best(TWO, measure) for measure in HEADLINE}
    rows = [
        [Cell(m), *(Cell(_short(cells, m, measure), best[measure] == m) for measure in HEADLINE)]
        for m in cells.methods
    ]
    return Grid(head, rows)


def _short(cells: Cells, method: str, measure: Measure) -> str:
    """`27.91 ± 1.20*`, without its interval."""
    row = cells.row(TWO, method, measure)
    if row is None:
        return "–"
    sd = "" if pd.isna(row["sd"]) else f" ± {number(row['sd'], measure.digits)}"
    return number(row["value"], measure.digits) + sd + ("*" if cells.differs(row) else "")


def _plain(table: Table) -> Grid:
    head, rows = table
    return Grid(head, [[Cell(text) for text in row] for row in rows])


def _costs(compute: pd.DataFrame) -> Grid:
    rows = []
    for method, jobs in compute.groupby("method", sort=False):
        cells = (_cost(jobs[column], form) for column, (_, form) in _COSTS.items())
        rows.append([Cell(str(method)), *cells])
    return Grid(["method", *(title for title, _ in _COSTS.values())], rows)


def _cost(values: "pd.Series[Any]", form: str) -> Cell:
    """Of the first job, where it is text; else the mean over jobs."""
    if not form:
        return Cell(str(values.iloc[0]))
    mean = pd.to_numeric(values, errors="coerce").mean()
    return Cell("–" if pd.isna(mean) else format(mean, form))


@cache
def _template() -> jinja2.Template:
    return environment().from_string(resource("benchmark.html.j2"))
