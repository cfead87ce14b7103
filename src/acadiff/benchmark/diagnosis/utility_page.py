"""The verdict of a utility study on one offline page. Read from files alone."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from acadiff import __version__
from acadiff.benchmark.diagnosis.charts import difference_chart
from acadiff.benchmark.diagnosis.found import found_html
from acadiff.benchmark.diagnosis.layout import Line, header, lines_of
from acadiff.benchmark.diagnosis.results import read_table
from acadiff.commit import write_text
from acadiff.errors import MissingInputError
from acadiff.evaluation.diagnosis_verdict import Findings, lines, worth
from acadiff.evaluation.ranking import Estimate
from acadiff.evaluation.row_titles import DROP, MEAN, WITHOUT, title_of
from acadiff.modality import Modality
from acadiff.outputs.further import Further
from acadiff.outputs.page import environment, policy, resource

RECORD, RUNS, SUMMARY = "utility.json", "utility.tsv", "utility-summary.tsv"
DIFFERENCES, PAGE = "utility-differences.tsv", "utility.html"
LEARN, JUDGE = "learn", "judge"
"""Who lacks the scan: some of those who learn, or everybody who is judged."""

_RIVALS = {LEARN: (DROP, MEAN), JUDGE: (WITHOUT, MEAN)}
_ASKED = {
    LEARN: "Some of those a classifier learns from lack it",
    JUDGE: "Those who are judged lack it",
}
_PHRASES = {
    DROP: "leaving out whoever lacks it",
    MEAN: "the mean of the others",
    WITHOUT: "doing without it",
}


@dataclass(frozen=True)
class Section:
    """One target.

    Args:
        target: which.
        rate: percentage of people who lack it.
        verdict: on those who learn first, then on those who are judged.
        parts: (what is asked, lines of its table, chart).
        metrics: columns of the tables.
    """

    target: Modality
    rate: int
    verdict: list[str]
    parts: list[tuple[str, list[Line], str | None]]
    metrics: tuple[str, ...]


def write_page(folder: Path) -> Path:
    """Write `utility.html` from the tables; the same tables give the same bytes."""
    path = folder / PAGE
    write_text(path, render(*_read(folder)))
    return path


def section(folder: Path) -> Further:
    """Verdicts and charts for the report of a cohort; the tables stay in the page.

    Raises:
        MissingInputError: `folder` holds no study.
    """
    told, made = _read(folder)
    simulated = bool(told["simulated"])
    pieces = [
        Markup("<h3>{}</h3>\n{}").format(
            one.target.title,
            found_html(
                one.verdict,
                [(title, chart) for title, _, chart in one.parts if chart],
                simulated=simulated,
                level=4,
            ),
        )
        for one in made
    ]
    more = Markup("<p>All rows are in {}, and how it was done.</p>").format(PAGE)
    title = "Is imputing worth it in this cohort?"
    return Further("utility", "Utility", title, Markup("\n").join([*pieces, more]))


def _read(folder: Path) -> tuple[Mapping[str, Any], list[Section]]:
    """The record and a section a target."""
    for name in (RECORD, SUMMARY, DIFFERENCES):
        if not (folder / name).is_file():
            raise MissingInputError(f"{folder / name}: is not there; run `acadiff utility` first")
    told = json.loads((folder / RECORD).read_bytes())
    tables = (read_table(folder / name) for name in (SUMMARY, DIFFERENCES))
    return told, list(sections(told, *tables))


def sections(
    told: Mapping[str, Any], table: pd.DataFrame, gaps: pd.DataFrame
) -> Iterator[Section]:
    """A section a target.

    Args:
        told: the record.
        table: the summary.
        gaps: the differences.
    """
    for name, rate in told["rates"].items():
        target = Modality[name]
        verdict, parts = [], []
        for who, rivals in _RIVALS.items():
            lack = rate if who == LEARN else 100
            cell = [("scenario", f"{name} {who}")]
            own, apart = lines(table, cell), lines(gaps, cell)
            found = Findings(own, apart)
            known = {
                _PHRASES[rival]: gap
                for rival in rivals
                if (gap := found.gap(lack, told["method"], rival)) is not None
            }
            verdict.append(_verdict(known, target, who))
            held = list(lines_of(own, [], [lack]))
            parts.append((_ASKED[who], held, difference_chart(apart, lack, rivals)))
        yield Section(target, rate, verdict, parts, header(table))


def verdicts(folder: Path) -> list[str]:
    """The first sentence of each target, for the terminal."""
    _, made = _read(folder)
    return [section.verdict[0] for section in made]


def _verdict(known: Mapping[str, Estimate], target: Modality, who: str) -> str:
    what = target.title if who == LEARN else f"{target.title} of those who are judged"
    return worth(known, what)


def render(told: Mapping[str, Any], held: list[Section]) -> str:
    """Return the page's HTML."""
    style = resource("report.css") + resource("audit.css")
    return _template().render(
        told=told,
        sections=held,
        method=title_of(told["method"]),
        version=__version__,
        style=Markup(style),
        policy=policy(style),
    )


@cache
def _template() -> jinja2.Template:
    return environment().from_string(resource("utility.html.j2"))
