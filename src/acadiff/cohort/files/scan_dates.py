"""When scans were made: `acq_time` of BIDS' scans and sessions tables."""

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from acadiff.cohort.clinical.facts import place
from acadiff.cohort.clinical.sources import SESSIONS, labels
from acadiff.cohort.identity import canonical_session, canonical_subject
from acadiff.cohort.text.dates import day, day_first
from acadiff.cohort.text.delimited import Row, Table, read_table
from acadiff.cohort.text.textfile import shown
from acadiff.errors import AcadiffError, CohortError, Problem

_WHEN = "acq_time"
_CHECKED: Mapping[str, Callable[[str], str]] = {
    "participant_id": canonical_subject,
    "session_id": canonical_session,
    "filename": str,
}
_WHO = ("participant_id", "session_id")
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


def scan_dates(root: Path, meant: Callable[[Problem], bool] = lambda _: True) -> ScanDates:
    """Read `sub-*/[ses-*/]*_scans.tsv`, `sub-*/*_sessions.tsv` and `sessions.tsv`.

    A table that cannot be read, or a day that is none, is a problem; the others go on.

    Args:
        root: the BIDS dataset.
        meant: whether a problem is to be told; not those of persons who are not asked for.

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
    for (who, session), when in _days(root / SESSIONS, _WHO, problems):
        sessions[who, session] = when
    return ScanDates(root, files, sessions, tuple(filter(meant, problems)))


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
            problems.append(Problem.of(_whose(table, row), error))
        else:
            found += [(names, when)] if when else []
    return found


def _whose(table: Table, row: Row) -> str:
    """A row and, if it tells, whose it is."""
    where = f"{table.name} line {row.line}"
    try:
        who = [_CHECKED[k](table.cell(row, k).text) for k in _WHO if k in table.columns]
    except CohortError:
        return where
    return place(where, *who) if len(who) == len(_WHO) else where
