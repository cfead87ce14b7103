"""One offline page and one Markdown table of a study of diagnoses. Read from files alone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from acadiff import __version__
from acadiff.benchmark.diagnosis.charts import difference_chart, rate_chart
from acadiff.benchmark.diagnosis.found import found_html
from acadiff.benchmark.diagnosis.layout import (
    Line,
    header,
    lines_of,
    markdown,
    over_masks,
    patterns_markdown,
    threshold_title,
)
from acadiff.benchmark.diagnosis.results import PAGE, Results, read_results
from acadiff.benchmark.diagnosis.results import TABLE_1 as FILE
from acadiff.commit import write_text
from acadiff.evaluation.diagnosis import AT_HALF, AT_YOUDEN
from acadiff.evaluation.diagnosis_verdict import (
    Bar,
    Findings,
    bars,
    lines,
    over_patterns,
    verdicts,
)
from acadiff.evaluation.paper_diagnosis import LABEL, TABLE_1, impossible
from acadiff.evaluation.row_titles import DROP, MEAN
from acadiff.outputs.further import Further
from acadiff.outputs.page import environment, policy, resource

SCENARIOS = {
    "train": "Gaps in training: AD against CN",
    "test": "Gaps in those who are judged: AD against CN, nothing clinical told",
    "three-way": "Gaps in training: CN, MCI and AD",
}
CLASSIFIERS = {
    "regional": "regional values, logistic regression",
    "densenet": "3D DenseNet-121 on volumes",
}


@dataclass(frozen=True)
class Part:
    """One scenario and classifier.

    Args:
        key: of the part, for links.
        title: in words.
        metrics: columns of its tables.
        tables: threshold in words → lines.
        verdict: in plain sentences; none but of the paper's own question.
        bars: what was to be reached, likewise.
        charts: (what they show, SVG).
        paper: whether the paper has such a table.
        rates: of all tables.
        patterns: (row, AUC at each rate over all patterns of gaps); none if there is one pattern.
        seeds: how many patterns there are.
        pooled: what ACADiff gains, averaged over patterns.
    """

    key: str
    title: str
    metrics: tuple[str, ...]
    tables: dict[str, list[Line]]
    verdict: list[str]
    bars: list[Bar]
    charts: list[tuple[str, str]]
    paper: bool
    rates: list[int]
    patterns: list[tuple[str, list[str]]]
    seeds: int
    pooled: list[str]


def write_page(folder: Path) -> Path:
    """Write `table.md` and `diagnosis.html`; the same tables give the same bytes."""
    found = read_results(folder)
    made = list(parts(found))
    write_text(folder / FILE, _markdown(found, made))
    path = folder / PAGE
    write_text(path, render(found, made))
    return path


def section(folder: Path) -> Further:
    """Verdicts, charts and bars for the report of a cohort; the tables stay in the page.

    Raises:
        MissingInputError: `folder` holds no study.
        CohortError: it is damaged.
    """
    found = read_results(folder)
    pieces = [
        Markup("<h3>{}</h3>\n{}").format(part.title, _found(part, found.told, level=4))
        for part in parts(found)
    ]
    more = Markup("<p>All rows are in {}, and how it was done.</p>").format(PAGE)
    title = "Does imputation keep the diagnosis?"
    return Further("diagnosis", "Diagnosis", title, Markup("\n").join([*pieces, more]))


def _found(part: Part, told: Mapping[str, Any], level: int = 3) -> Markup:
    simulated = bool(told["simulated"])
    return found_html(part.verdict, part.charts, part.bars, simulated=simulated, level=level)


def parts(found: Results) -> Iterator[Part]:
    """Every scenario and classifier of which anything was run, under its first pattern of gaps."""
    keys = found.summary[["scenario", "classifier"]].drop_duplicates()
    order = {name: n for n, name in enumerate((*SCENARIOS, *CLASSIFIERS))}
    for scenario, classifier in sorted(
        keys.itertuples(index=False, name=None), key=lambda k: (order[k[0]], order[k[1]])
    ):
        cell = (("scenario", scenario), ("classifier", classifier))
        yield _part(found.told, scenario, classifier, *(lines(t, cell) for t in found.tables))


def _part(
    told: Mapping[str, Any],
    scenario: str,
    classifier: str,
    whole: pd.DataFrame,
    all_gaps: pd.DataFrame,
    pooled: pd.DataFrame,
) -> Part:
    seeds = sorted(set(whole["mask_seed"]))
    first = told["mask_seeds"][0] if told["mask_seeds"][0] in seeds else seeds[0]
    table, gaps = (lines(t, [("mask_seed", first)]) for t in (whole, all_gaps))
    rates = sorted({*told["rates"], *table["rate"]} - {0})
    own = scenario == "train"
    shown = (AT_HALF,) if scenario == "three-way" else (AT_HALF, AT_YOUDEN)
    rows = told["rows"] if own else []
    found = Findings(table, gaps)
    return Part(
        key=f"{scenario}-{classifier}",
        title=f"{SCENARIOS[scenario]}; {CLASSIFIERS[classifier]}",
        metrics=header(table),
        tables={threshold_title(t): list(lines_of(table, rows, rates, t)) for t in shown},
        verdict=verdicts(found) if own else [],
        bars=bars(found) if own else [],
        charts=list(_charts(table, gaps)),
        paper=own,
        rates=rates,
        patterns=over_masks(whole, rates) if len(seeds) > 1 else [],
        seeds=len(seeds),
        pooled=over_patterns(pooled),
    )


def _charts(table: pd.DataFrame, gaps: pd.DataFrame) -> Iterator[tuple[str, str]]:
    yield "AUC against the missing rate", rate_chart(table, "AUC")
    if AT_HALF in set(table["threshold"]):
        yield "Accuracy against the missing rate", rate_chart(table, "ACC", AT_HALF)
    if len(gaps):
        rate = int(gaps["rate"].max())
        drawn = difference_chart(gaps, rate, (DROP, MEAN, "ldm"))
        if drawn:
            yield f"What each row gains over Drop, Mean and LDM at {rate} %", drawn


def _markdown(found: Results, made: Sequence[Part]) -> str:
    word = "SIMULATED people" if found.told["simulated"] else "people"
    text = [f"## Diagnosis from completed scans, {word}", ""]
    for part in made:
        for threshold, held in part.tables.items():
            title = f"{part.title}; {threshold}"
            paper = part.paper and threshold == threshold_title(AT_HALF)
            text.append(markdown(title, held, part.metrics, paper=paper))
        if part.patterns:
            text.append(patterns_markdown(part.patterns, part.rates, part.seeds))
        text += [f"- {sentence}" for sentence in part.verdict]
        text += [f"- {_said(bar)}" for bar in part.bars]
        text += [f"- {sentence}" for sentence in part.pooled]
        text.append("")
    return "\n".join(text)


def _said(bar: Bar) -> str:
    word = {True: "met", False: "**missed**", None: "not known"}[bar.met]
    return f"{bar.text}: {bar.found}: {word}"


def render(found: Results, made: Sequence[Part]) -> str:
    """Return the page's HTML."""
    style = resource("report.css") + resource("audit.css")
    return _template().render(
        told=found.told,
        parts=made,
        found=lambda part: _found(part, found.told),
        label=LABEL,
        impossible=f"{impossible()} of {len(TABLE_1)}",
        version=__version__,
        style=Markup(style),
        policy=policy(style),
    )


@cache
def _template() -> jinja2.Template:
    return environment().from_string(resource("diagnosis.html.j2"))
