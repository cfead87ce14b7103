"""Tell on one page what was missing, what was imputed and how well, from files alone."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from acadiff.cohort.dataset import read_cohort
from acadiff.commit import write_text
from acadiff.errors import ScanError
from acadiff.evaluation.tables import read_table
from acadiff.outputs import findings
from acadiff.outputs.audit_page import Audit, read_audit
from acadiff.outputs.evidence import Evidence, gather
from acadiff.outputs.exhibits import Shelf, exhibits
from acadiff.outputs.further import Further
from acadiff.outputs.readout import Readout, readout
from acadiff.outputs.report import Contents, render
from acadiff.outputs.viewer import engine
from acadiff.recipe import Recipe

OnStep = Callable[[str], None]

FILE = "report.html"
SUBJECTS = 24
"""Subjects shown with pictures; a page with more is slow to open. The grid lists all."""

VIEWER_CHARACTERS = 60_000_000
"""Base64 that a page carries for its viewer; subjects beyond have pictures alone."""


def report(
    evidence: Evidence,
    scores: pd.DataFrame | None = None,
    work: Path | None = None,
    descriptions: Mapping[str, str] | None = None,
    on_step: OnStep | None = None,
    regions: Readout | None = None,
    audit: Audit | None = None,
    further: Sequence[Further] = (),
) -> str:
    """Return the page as HTML.

    Args:
        evidence: the cohort and what was imputed for it.
        scores: the rows of `generation.tsv`, if anything was scored.
        work: where codecs and generators were trained, if known.
        descriptions: recipe key → one line that ends in its source, as `findings.describe` gives.
        on_step: told the key of each subject when it has been drawn.
        regions: regional read-outs, if anything was scored.
        audit: what `acadiff audit` found, if it was asked.
        further: what other commands found.
    """
    table = None if scores is None else findings.with_tasks(scores)
    shelf = Shelf(VIEWER_CHARACTERS)
    shown = []
    for exhibit in exhibits(evidence, shelf, SUBJECTS):
        shown.append(exhibit)
        if on_step:
            on_step(exhibit.subject.key)
    contents = Contents(
        evidence=evidence,
        exhibits=shown,
        volumes=shelf.packed,
        engine=engine(),
        scores=[] if table is None else findings.score_rows(table),
        score_chart=None if table is None else findings.score_dots(table),
        by_scan={} if table is None else findings.by_scan(table),
        readout=regions or Readout(),
        codecs=list(findings.read_codecs(work)) if work else [],
        training=list(findings.read_training(work)) if work else [],
        recipe=findings.read_recipe(work, descriptions or {}) if work else [],
        audit=audit,
        further=further,
    )
    return render(contents)


def run(
    derivatives: Sequence[Path],
    cohort: Path,
    results: Path | None,
    work: Path | None,
    out: Path,
    on_step: OnStep | None = None,
    audit: Path | None = None,
    further: Sequence[Further] = (),
) -> Path:
    """Read all files, write `report.html` into the folder `out`, return its path.

    Raises:
        ScanError: an imputed scan on record is missing or differs from its record; the page is
            written nevertheless and says so.
    """
    evidence = gather(read_cohort(cohort), derivatives)
    scores = read_table(results / "generation.tsv") if results else None
    regions = _regions(results) if results else None
    path = out / FILE
    found = read_audit(audit) if audit else None
    told = findings.describe(Recipe)
    write_text(path, report(evidence, scores, work, told, on_step, regions, found, further))
    if evidence.problems:
        raise ScanError(
            f"{path}: shows {len(evidence.whole)} of {evidence.total} imputed scans;"
            f" {evidence.problems[0]}"
        )
    return path


def _regions(results: Path) -> Readout | None:
    """The regional tables of a score; None where one was scored before there were any."""
    tables = [results / f"{name}.tsv" for name in ("regional", "agreement")]
    if not any(table.is_file() for table in tables):
        return None
    return readout(*map(read_table, tables))
