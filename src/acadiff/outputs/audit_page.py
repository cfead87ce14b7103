"""One offline page of an audit: what of imputed scans the prompt writes. Read from files alone."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from acadiff import __version__
from acadiff.cohort.told import MEANINGS
from acadiff.commit import write_text
from acadiff.errors import CohortError, MissingInputError
from acadiff.modality import Modality
from acadiff.outputs.audit_figures import Figures, figures
from acadiff.outputs.page import environment, policy, resource
from acadiff.outputs.panels import Counterfactuals, counterfactuals, number, panels_html

FILE = "audit.html"
TABLE, SUMMARY = "audit.tsv", "audit.json"


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Args:
        told: the summary: target, sources, draws, people, model, verdict.
        table: every reading and finding.
        figures: drawn from the table.
        panels: counterfactuals, if there are any.
    """

    told: Mapping[str, Any]
    table: pd.DataFrame
    figures: Figures
    panels: Counterfactuals | None

    @property
    def target(self) -> Modality:
        """What was imputed."""
        return Modality[self.told["target"]]

    @property
    def sources(self) -> list[Modality]:
        """From which scans."""
        return [Modality[name] for name in self.told["sources"]]

    @property
    def findings(self) -> pd.DataFrame:
        """The rows that are no single scan's."""
        return self.table[self.table["level"] == "cohort"]


def read_audit(folder: Path) -> Audit:
    """Read what `acadiff audit` wrote.

    Raises:
        MissingInputError: the folder holds no audit.
        CohortError: its files are damaged.
    """
    for name in (TABLE, SUMMARY):
        if not (folder / name).is_file():
            raise MissingInputError(f"{folder / name}: is not there; run `acadiff audit` first")
    text = dict.fromkeys(("level", "subject", "diagnosis", "condition", "told"), str)
    try:
        told = json.loads((folder / SUMMARY).read_bytes())
        _ = Modality[told["target"]], told["verdict"][0]
        table = pd.read_csv(
            folder / TABLE, sep="\t", dtype=text, keep_default_na=False, na_values=["n/a"]
        )
        drawn = figures(table, str(told["region"]), [Modality[name] for name in told["sources"]])
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise CohortError(f"{folder}: holds a damaged audit; run `acadiff audit` again") from error
    return Audit(told, table, drawn, counterfactuals(folder))


def write_page(folder: Path) -> Path:
    """Draw `audit.html` from the files of an audit; the same files give the same bytes."""
    path = folder / FILE
    write_text(path, render(read_audit(folder)))
    return path


def render(audit: Audit) -> str:
    """Return the page's HTML."""
    style = resource("report.css") + resource("audit.css")
    return _template().render(
        audit=audit,
        told=audit.told,
        target=audit.target,
        sources=" and ".join(m.title for m in audit.sources),
        people=_people(audit.told["subjects"]),
        meanings=MEANINGS,
        aucs=_rows(audit.findings, ("AUC", "gain over the sources")),
        figures=audit.figures,
        panels=audit.panels,
        panels_html=panels_of(audit),
        version=__version__,
        style=Markup(style),
        policy=policy(style),
    )


def panels_of(audit: Audit | None) -> Markup | None:
    """The counterfactual panels of an audit as a piece of a page, if there are any."""
    return panels_html(audit.panels) if audit and audit.panels else None


def _people(counts: Mapping[str, int]) -> str:
    order = ("CN", "MCI", "AD", "unknown")
    return ", ".join(f"{counts[group]} {group}" for group in order if counts.get(group))


def _rows(findings: pd.DataFrame, measures: Sequence[str]) -> list[dict[str, Any]]:
    kept = findings[findings["measure"].map(lambda m: str(m).startswith(tuple(measures)))]
    return [{str(k): v for k, v in row.items()} for row in kept.to_dict("records")]


@cache
def _template() -> jinja2.Template:
    made = environment()
    made.filters["number"] = number
    return made.from_string(resource("audit.html.j2"))
