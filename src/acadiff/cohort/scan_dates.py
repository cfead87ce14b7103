"""When scans were made: `acq_time` of BIDS' scans and sessions tables."""

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from acadiff.cohort.clinical_sources import SESSIONS, labels
from acadiff.cohort.dates import day, day_first
from acadiff.cohort.delimited import read_table
from acadiff.cohort.identity import canonical_session, canonical_subject
from acadiff.cohort.textfile import shown
from acadiff.errors import AcadiffError, CohortError, Problem

_WHEN = "acq_time"
_CHECKED: Mapping[str, Callable[[str], str]] = {
    "participant_id": canonical_subject,
    "session_id": canonical_session,
    "filename": str,
}
_Visit = tuple[str, str | None]


@dataclass(frozen=True)
class ScanDates:
    """Days of scans: by their path below the root, and of whole sessions where only that is told.

    `sessions` is keyed by the canonical labels of person and session.
    """

    root: Path
    files: Mapping[str, datetime.date]
    sessions: Mapping[_Visit, datetime.date]
    problems: tuple[Problem, ...] = ()

    def of(self, path: Path, subject: str, session: str | None) -> datetime.date | None:
        """The day of one scan, None if no table tells it."""
        inside = path.is_relative_to(self.root)
        own = self.files.get(path.relative_to(self.root).as_posix()) if inside else None
        return own or self.sessions.get((subject, session))


def scan_dates(root: Path) -> ScanDates:
    """Read `sub-*/[ses-*/]*_scans.tsv`, `sub-*/*_sessions.tsv` and `sessions.tsv`.

    A table that cannot be read, or a day that is none, is a problem; the others go on.

    Raises:
        MissingInputError: there is no such folder.
    """
    files: dict[str, datetime.date] = {}
    sessions: dict[_Visit, datetime.date] = {}
    problems: list[Problem] = []
    for label in labels(root):
        try:
            subject = canonical_subject(label)
        except CohortError:
            continue  # whoever looks for its scans tells
        for folder in [root / label, *sorted((root / label).glob("ses-*"))]:
            inside = folder.relative_to(root)
            table = folder / f"{'_'.join(inside.parts)}_scans.tsv"
            for (name,), when in _days(table, ("filename",), problems):
                files[(inside / name).as_posix()] = when
        table = root / label / f"{label}_{SESSIONS}"
        for (session,), when in _days(table, ("session_id",), problems):
            sessions[subject, session] = when
    for (who, session), when in _days(root / SESSIONS, ("participant_id", "session_id"), problems):
        sessions[who, session] = when
    return ScanDates(root, files, sessions, tuple(problems))


def _days(
    path: Path, keys: Sequence[str], problems: list[Problem]
) -> list[tuple[list[str], datetime.date]]:
    """The keys and day of every row that has one; nothing where there is no table of days."""
    try:
        table = read_table(path) if path.is_file() else None
    except AcadiffError as error:
        problems.append(Problem.of(shown(path), error))
        table = None
    if table is None or not {*keys, _WHEN} <= set(table.columns):
        return []
    found = []
    order = day_first(table.cell(row, _WHEN).text for row in table.rows)
    for row in table.rows:
        try:
            when = day(table.cell(row, _WHEN), order)
            names = [_CHECKED[key](table.cell(row, key).text) for key in keys]
        except AcadiffError as error:
            problems.append(Problem.of(f"{table.name} line {row.line}", error))
        else:
            found += [(names, when)] if when else []
    return found
