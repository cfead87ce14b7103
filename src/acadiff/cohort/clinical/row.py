"""One row of a clinical table → the facts it states. One cell that cannot be used refuses it."""

import datetime
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from acadiff.cohort.clinical import vocabulary
from acadiff.cohort.clinical.facts import YEAR, Entry, Facts, place
from acadiff.cohort.identity import canonical_session, canonical_subject, session_of
from acadiff.cohort.table import Diagnosis
from acadiff.cohort.text.dates import birthday, day
from acadiff.cohort.text.delimited import ADNI_CODES, Cell, Row, Table, number
from acadiff.errors import CohortError

# From, to, and the steps between where a scale has them: a box of the CDR counts halves.
SCALES: Mapping[str, tuple[float, float, float]] = {
    "MMSE": (0, 30, 0),
    "ADAS13": (0, 85, 0),
    "CDRSB": (0, 18, 0.5),
    "age": (0, 120, 0),
    "apoe4": (0, 2, 1),
    "education": (0, 40, 0),
    "boxes": (0, 3, 0.5),
    "alleles": (2, 4, 1),
}
_CODED_VISITS = {name for rank in vocabulary.COLUMNS["session_id"][1:] for name in rank}
_RIDS = vocabulary.COLUMNS["participant_id"][-1]
_GENOTYPE = re.compile(r"e?([2-4])/e?([2-4])")
_MONTHS = re.compile(r"M([0-9]+)")
T = TypeVar("T")


@dataclass(frozen=True)
class Layout:
    """How to read the rows of one table: whose column is whose, and what only all rows can tell.

    `adni` is set for tables with ADNI's ids and visit codes; their AGE is the age at baseline.
    `day_first` tells the order of day and month in columns that do not write days as ISO does.
    """

    table: Table
    columns: Mapping[str, tuple[str, ...]]
    adni: bool
    age_at_baseline: bool
    day_first: Mapping[str, bool | None]

    def cells(self, row: Row, ours: str) -> list[Cell]:
        """The cells of this row that speak of one thing, the most trusted first."""
        return [self.table.cell(row, column) for column in self.columns.get(ours, ())]


def read_row(layout: Layout, row: Row, subject: str | None = None) -> Entry:
    """Read one row.

    Args:
        layout: of the row's table.
        row: the row.
        subject: whose table it is, if the file's name tells.

    Raises:
        CohortError: a cell cannot be used; W_VISIT if it is the visit code of no usual visit.
    """
    who, rid = _person(layout, row)
    if subject is not None and who not in (subject, None):
        cell = layout.cells(row, "participant_id")[0]
        raise cell.refusal("E_ID", f"is not sub-{subject}, whose file it is", "mend one of them")
    subject, rid = (subject, None) if subject else (who, rid)
    session, screening = _session(layout, row)
    facts = _facts(layout, row, session)
    return Entry(layout.table.name, row.line, subject, rid, session, facts, screening)


def whose(layout: Layout, row: Row, subject: str | None = None) -> str:
    """A row that cannot be used and, as far as it tells, whose it is: for `Problem.where`."""
    where = f"{layout.table.name} line {row.line}"
    try:
        who, rid = (subject, None) if subject else _person(layout, row)
    except CohortError:
        return where
    try:
        session, _ = _session(layout, row)
    except CohortError:
        session = None
    if who is None:
        return where if rid is None else f"{where}, RID {rid}"
    return place(where, who, session)


def _person(layout: Layout, row: Row) -> tuple[str | None, int | None]:
    """The label of the person, or else the roster number. `NA` is a name like any other."""
    cells = layout.cells(row, "participant_id")
    if not cells:
        return None, None
    cell = next((cell for cell in cells if cell.text), cells[0])
    if vocabulary.fold(cell.column) not in _RIDS:
        return _located(cell, canonical_subject), None
    value = number(cell)
    if value is None or value != int(value) or value < 0:
        raise cell.refusal("E_ID", "is no roster number", "it is the last part of the PTID")
    return None, int(value)


def _session(layout: Layout, row: Row) -> tuple[str | None, bool]:
    """The visit and whether it is a screening; no visit where the table has none."""
    cells = layout.cells(row, "session_id")
    if not cells:
        return None, False
    cell = next((cell for cell in cells if not cell.missing), cells[0])
    if not cell.missing and vocabulary.fold(cell.column) not in _CODED_VISITS:
        return _located(cell, canonical_session), False
    session = None if cell.missing else session_of(cell.text)
    if session is None:
        raise cell.refusal("W_VISIT", "does not tell which visit it is", "the row is left out")
    return session, cell.text.casefold().startswith("sc")


def _facts(layout: Layout, row: Row, session: str | None) -> Facts:
    def diagnosis(cell: Cell) -> Diagnosis | None:
        return vocabulary.diagnosis(cell, adni=layout.adni)

    def date(cell: Cell) -> datetime.date | None:
        return day(cell, layout.day_first.get(cell.column))

    when = _first(layout.cells(row, "date"), date)
    since = _first(layout.cells(row, "baseline_date"), date)
    boxes = _numbers(layout, row, "boxes")
    apoe4 = _first(layout.cells(row, "apoe4"), lambda cell: _scaled(cell, "apoe4"))
    cdrsb = _first(layout.cells(row, "CDRSB"), lambda cell: _scaled(cell, "CDRSB"))
    return Facts(
        date=when,
        diagnosis=_first(layout.cells(row, "diagnosis"), diagnosis),
        mmse=_first(layout.cells(row, "MMSE"), lambda cell: _scaled(cell, "MMSE")),
        adas13=_first(layout.cells(row, "ADAS13"), lambda cell: _scaled(cell, "ADAS13")),
        cdrsb=sum(boxes) if cdrsb is None and boxes else cdrsb,
        age=_age(layout, row, session, when, since),
        sex=_first(layout.cells(row, "sex"), vocabulary.sex),
        apoe4=_alleles(layout, row) if apoe4 is None else int(apoe4),
        education=_first(layout.cells(row, "education"), lambda c: _scaled(c, "education")),
        site=_first(layout.cells(row, "site"), vocabulary.site),
        born=_first(layout.cells(row, "born"), birthday),
    )


def _scaled(cell: Cell, scale: str) -> float | None:
    """The number in a cell, on its scale.

    Raises:
        CohortError: it is no number, or one that the scale does not have.
    """
    value = number(cell, vocabulary.CODES.get(vocabulary.fold(cell.column), ADNI_CODES))
    low, high, step = SCALES[scale]
    if value is None:
        return None
    if not low <= value <= high:
        why = f"is off the scale, {scale} runs from {low:g} to {high:g}"
        raise cell.refusal("E_RANGE", why, "a missing one is n/a")
    if step and value % step:
        raise cell.refusal("E_RANGE", f"is no step, {scale} goes by {step:g}", "mend it")
    return value


def _numbers(layout: Layout, row: Row, scale: str) -> list[float]:
    """All parts of a sum, or none of them if one is missing."""
    parts = [_scaled(cell, scale) for cell in layout.cells(row, scale)]
    return [] if None in parts else [part for part in parts if part is not None]


def _alleles(layout: Layout, row: Row) -> int | None:
    """How many of the two alleles are e4."""
    pair = _numbers(layout, row, "alleles")
    for cell in layout.cells(row, "genotype"):
        match = _GENOTYPE.fullmatch(cell.text)
        if match:
            pair = [float(match[1]), float(match[2])]
        elif not cell.missing and cell.text not in ("-1", "-4"):
            raise cell.refusal("E_LABEL", "is no genotype of APOE", "write it as 3/4")
    return pair.count(4.0) if pair else None


def _age(
    layout: Layout,
    row: Row,
    session: str | None,
    when: datetime.date | None,
    since: datetime.date | None,
) -> float | None:
    """The age at the visit; ADNIMERGE has the age at baseline and the time since."""
    age = _first(layout.cells(row, "age"), _years)
    if age is None or not layout.age_at_baseline:
        return age
    if when is not None and since is not None:
        return age + (when - since).days / YEAR
    months = _MONTHS.fullmatch(session or "")
    return age + int(months[1]) / 12 if months else None


def _years(cell: Cell) -> float | None:
    """An age; BIDS writes `89+` for one that is kept private."""
    return 89.0 if cell.text == "89+" else _scaled(cell, "age")


def _first(cells: Iterable[Cell], read: Callable[[Cell], T | None]) -> T | None:
    """The first value that is there."""
    return next((value for cell in cells if (value := read(cell)) is not None), None)


def _located(cell: Cell, read: Callable[[str], str]) -> str:
    """A label, its refusal headed by where it stands."""
    try:
        return read(cell.text)
    except CohortError as error:
        raise error.at(f"{cell.table} line {cell.line}, column {cell.column}") from error
