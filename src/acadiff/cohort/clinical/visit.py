"""What is known of every person at every visit, read from whatever tables there are."""

import contextlib
import datetime
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from acadiff.cohort.clinical.columns import check_overrides
from acadiff.cohort.clinical.facts import Facts
from acadiff.cohort.clinical.join import join
from acadiff.cohort.clinical.sources import Source, labels, sources
from acadiff.cohort.clinical.table import Reading, counted, read_entries
from acadiff.cohort.identity import canonical_subject
from acadiff.cohort.table import Diagnosis, Scores
from acadiff.cohort.text.delimited import Table, read_table
from acadiff.cohort.text.textfile import shorten, shown
from acadiff.errors import AcadiffError, CohortError, Problem

_KEYS = ("participant_id", "session_id", "date")


@dataclass(frozen=True)
class Visit:
    """One person at one visit, in the words of ACADiff. A session of None: no visits are known."""

    subject: str
    session: str | None
    date: datetime.date | None
    diagnosis: Diagnosis | None
    scores: Scores
    age: float | None
    sex: str | None
    apoe4: int | None
    education: float | None
    site: str | None


@dataclass(frozen=True)
class Clinical:
    """All visits, by person and session; which columns they came from; what was wrong."""

    visits: tuple[Visit, ...]
    mapping: tuple[tuple[str, str, str], ...]
    problems: tuple[Problem, ...]

    @cached_property
    def by_subject(self) -> Mapping[str, tuple[Visit, ...]]:
        """The visits of each person."""
        found: dict[str, list[Visit]] = defaultdict(list)
        for visit in self.visits:
            found[visit.subject].append(visit)
        return {subject: tuple(visits) for subject, visits in found.items()}


def read_clinical(
    root: Path | None,
    tables: Sequence[Path] = (),
    overrides: Mapping[str, str] | None = None,
    scanned: Iterable[str] = (),
    meant: Callable[[Problem], bool] = lambda _: True,
) -> Clinical:
    """Read the clinical tables.

    Rows that cannot be used, and persons whose rows contradict each other, are problems with
    their code; the others go on. A named table that is no table at all stops the reading.

    Args:
        root: a BIDS dataset with its own tables, or None.
        tables: more of them: files, or folders of ADNI's; they count more than the dataset's.
        overrides: our name → the user's column (`columns.read_overrides`).
        scanned: persons who have scans, beside those whose folders are in the dataset.
        meant: whether a problem is to be told; not those of persons who are not asked for.

    Raises:
        MissingInputError: a named table or folder is not there.
        CohortError: a named table cannot be read as one, or an override names no column.
    """
    overrides = overrides or {}
    check_overrides(overrides)
    known = [] if root is None else labels(root)
    problems: list[Problem] = []
    readings: list[Reading] = []
    columns: set[str] = set()
    for source in sources(root, tables):
        try:
            table = read_table(source.path)
            readings.append(_reading(table, source, overrides))
        except AcadiffError as error:
            if not source.own:
                raise
            problems.append(Problem.of(shown(source.path), error))
        else:
            columns.update(table.columns)
    _check_used(overrides, columns)
    if not readings:
        problems.append(_no_table(root))
    persons, more = join(readings, [*_known(known), *scanned])
    mapping = tuple(dict.fromkeys(line for reading in readings for line in reading.mapping))
    for reading in readings:
        problems += counted(problem for problem in reading.problems if meant(problem))
    problems = [problem for problem in (*problems, *more) if meant(problem)]
    visits = [_visit(s, session, persons[s][session]) for s in persons for session in persons[s]]
    visits.sort(key=lambda visit: (visit.subject, visit.session or ""))
    return Clinical(tuple(visits), mapping, tuple(problems))


def _reading(table: Table, source: Source, overrides: Mapping[str, str]) -> Reading:
    subject = None if source.label is None else canonical_subject(source.label)
    reading = read_entries(table, source.title, overrides, subject)
    if source.named and all(ours in _KEYS for _, ours, _ in reading.mapping):
        raise CohortError(
            f"{table.name} line 1: no column of a diagnosis, a score or a person is understood",
            code="E_COLUMN",
            value=shorten(" ".join(table.columns)),
            hint="name its columns with --clinical-map",
        )
    return reading


def _known(folders: Sequence[str]) -> list[str]:
    """The persons whose folders are there; a folder that is no person's is no matter here."""
    found = []
    for folder in folders:
        with contextlib.suppress(CohortError):
            found.append(canonical_subject(folder))
    return found


def _check_used(overrides: Mapping[str, str], columns: Container[str]) -> None:
    for ours, theirs in overrides.items():
        if theirs not in columns:
            raise CohortError(
                f"--clinical-map: {ours} is said to be the column {shorten(theirs)},"
                " which is in no table",
                code="E_MAP",
                value=shorten(theirs),
                hint="copy the name from the header",
            )


def _no_table(root: Path | None) -> Problem:
    where = "" if root is None else shown(root)
    text = "no clinical table is there or was named: diagnoses and scores are unknown"
    hint = "name one with --clinical"
    return Problem(where, "W_NO_TABLE", "", hint, f"{where}: {text}; {hint}".lstrip(": "))


def _visit(subject: str, session: str | None, facts: Facts) -> Visit:
    return Visit(
        subject,
        session,
        facts.date,
        facts.diagnosis,
        Scores(facts.mmse, facts.adas13, facts.cdrsb),
        facts.age,
        facts.sex,
        facts.apoe4,
        facts.education,
        facts.site,
    )
