"""A table of paths → `Inventory`: `participant_id`, `session_id`, `mri`, `fdg`, `av45`.

Optional columns: `mri_date`, `fdg_date`, `av45_date`, and `space`, the template that all scans of
a row lie in. Paths are absolute or relative to the table's folder; a scan that does not exist is
`n/a`. What is wrong with one row is told with its line, and the other rows are used.
"""

import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from acadiff.cohort.candidate import Candidate, Inventory, inventory_of, refusal
from acadiff.cohort.files.claims import refuse_synthetic, suvr_of
from acadiff.cohort.files.entities import IMAGES, Entities, entities_of
from acadiff.cohort.files.sidecar import NOTHING, Fields, read_json
from acadiff.cohort.identity import canonical_session, canonical_subject, checked_label
from acadiff.cohort.shared_mri import shared_warning
from acadiff.cohort.text.dates import day, day_first
from acadiff.cohort.text.delimited import Cell, Row, Table, read_table
from acadiff.cohort.text.textfile import shown
from acadiff.errors import CohortError, Problem
from acadiff.modality import Modality

LAYOUT = "manifest"
PERSON, SESSION, SPACE = "participant_id", "session_id", "space"
_SCANS = {modality.name.lower(): modality for modality in Modality}
COLUMNS = (PERSON, SESSION, *_SCANS)
_Visit = tuple[str, str | None]
_NAMELESS = Entities({}, "")


def read_manifest(path: Path) -> Inventory:
    """Read a table of paths, separated by tabs, commas or semicolons.

    Raises:
        MissingInputError: the table cannot be read.
        CohortError: it is no table, or lacks `participant_id` or every column of scans.
    """
    manifest = _manifest(path)
    found: list[Candidate | Problem] = []
    visits: dict[_Visit, list[Row]] = {}
    for row in manifest.table.rows:
        try:
            visits.setdefault(_visit(manifest.table, row), []).append(row)
        except CohortError as error:
            found.append(Problem.of(f"{path.name} line {row.line}", error))
    for visit, rows in visits.items():
        same = len({manifest.said(row) for row in rows}) == 1
        if len(rows) > 1:
            found.append(_repetition(manifest, visit, rows, same=same))
        if same:
            found += _scans_of(manifest, visit, rows[0])
    return inventory_of(path.parent, LAYOUT, _shared(path, found))


def read_pairs(path: Path) -> tuple[_Visit, ...]:
    """Read a table of `participant_id` and perhaps `session_id`: who and which visits are wanted.

    Raises:
        MissingInputError: the table cannot be read.
        CohortError: it is no table, lacks `participant_id`, or an id is no label.
    """
    table = _lower(read_table(path))
    if PERSON not in table.columns:
        raise _columns(table, (PERSON, SESSION))
    return tuple(dict.fromkeys(_visit(table, row) for row in table.rows))


@dataclass(frozen=True)
class _Manifest:
    """The table, its columns of scans, and whether a day or a month comes first in their dates."""

    folder: Path
    table: Table
    scans: Mapping[str, Modality]
    day_first: Mapping[str, bool | None]

    def cell(self, row: Row, column: str) -> Cell | None:
        """A cell that holds something."""
        if column not in self.table.columns:
            return None
        cell = self.table.cell(row, column)
        return None if cell.missing else cell

    def said(self, row: Row) -> tuple[str | None, ...]:
        """All that a row says of scans."""
        columns = (SPACE, *self.scans, *(f"{scan}_date" for scan in self.scans))
        return tuple(cell.text if cell else None for c in columns for cell in [self.cell(row, c)])

    def place(self, visit: _Visit, *rows: Row) -> str:
        """Where these rows of a visit stand."""
        subject, session = visit
        lines = " and ".join(str(row.line) for row in rows)
        name = f"{Path(self.table.name).name} line {lines}, sub-{subject}"
        return name if session is None else f"{name}_ses-{session}"


def _manifest(path: Path) -> _Manifest:
    table = _lower(read_table(path))
    scans = {column: modality for column, modality in _SCANS.items() if column in table.columns}
    if PERSON not in table.columns or not scans:
        raise _columns(table, COLUMNS)
    orders = {
        column: day_first(table.cell(row, column).text for row in table.rows)
        for column in (f"{scan}_date" for scan in scans)
        if column in table.columns
    }
    return _Manifest(path.parent, table, scans, orders)


def _visit(table: Table, row: Row) -> _Visit:
    """Whose visit a row is.

    Raises:
        CohortError: an id is no label; it says on which line.
    """
    try:
        subject = canonical_subject(table.cell(row, PERSON).text)
        if SESSION not in table.columns or table.cell(row, SESSION).missing:
            return subject, None
        return subject, canonical_session(table.cell(row, SESSION).text)
    except CohortError as error:
        raise error.at(f"{table.name} line {row.line}") from error


def _repetition(manifest: _Manifest, visit: _Visit, rows: list[Row], *, same: bool) -> Problem:
    """Several rows of one visit: harmless if they say the same, else none can be believed."""
    where = manifest.place(visit, *rows)
    lines = ", ".join(str(row.line) for row in rows)
    if same:
        text = f"{where}: the rows say the same and count once; remove all but one"
        return Problem(where, "W_DUPLICATE", lines, "remove all but one", text)
    text = f"{where}: the rows of one visit name different scans; keep the right one"
    return Problem(where, "E_DUPLICATE", lines, "keep the right one", text)


def _scans_of(manifest: _Manifest, visit: _Visit, row: Row) -> Iterator[Candidate | Problem]:
    """The candidates of a row, and what is wrong with its cells."""
    where = manifest.place(visit, row)
    try:
        space = manifest.cell(row, SPACE)
        template = checked_label(space.text, "the space") if space else None
    except CohortError as error:
        yield Problem.of(where, error.at(f"{manifest.table.name} line {row.line}"))
        return
    for column, modality in manifest.scans.items():
        cell = manifest.cell(row, column)
        if cell is None:
            continue
        try:
            yield _candidate(manifest, visit, row, cell, modality, template)
        except CohortError as error:
            yield Problem.of(f"{where} {modality.name}", error)


def _candidate(
    manifest: _Manifest,
    visit: _Visit,
    row: Row,
    cell: Cell,
    modality: Modality,
    template: str | None,
) -> Candidate:
    """The scan a cell names.

    Raises:
        CohortError: there is no such image, it is synthetic, or its date is none.
    """
    path = manifest.folder / cell.text
    entities, sidecar = _described(cell, path)
    date = manifest.cell(row, f"{cell.column}_date")
    return Candidate(
        path=path,
        subject=visit[0],
        session=visit[1],
        modality=modality,
        reconstruction=entities.get("rec"),
        space=template or entities.get("space"),
        desc=entities.get("desc"),
        suvr=suvr_of(entities, sidecar) if modality.is_pet else None,
        date=None if date is None else day(date, manifest.day_first[date.column]),
    )


def _described(cell: Cell, path: Path) -> tuple[Entities, Fields]:
    """What the name and the JSON beside an image tell.

    Raises:
        CohortError: there is no such image, or it is synthetic.
    """
    extension = next((e for e in IMAGES if cell.text.endswith(e)), None)
    if extension is None:
        raise cell.refusal("E_FORMAT", "is no image read here", "name a .nii or .nii.gz")
    try:
        kind = path.stat().st_mode
    except OSError as error:
        why = f"is not there ({error.strerror})"
        raise cell.refusal("E_MISSING", why, "paths are relative to the table's folder") from error
    if not stat.S_ISREG(kind):
        raise cell.refusal("E_FILE", "is no regular file", "name a .nii or .nii.gz")
    stem = path.name.removesuffix(extension)
    entities = entities_of(stem) or _NAMELESS
    beside = path.with_name(f"{stem}.json")
    sidecar = read_json(beside, shown(beside)) if beside.is_file() else NOTHING
    try:
        refuse_synthetic(entities, sidecar)
    except CohortError as error:
        raise error.at(f"{cell.table} line {cell.line}, column {cell.column}") from error
    return entities, sidecar


def _shared(table: Path, found: list[Candidate | Problem]) -> Iterator[Candidate | Problem]:
    """All but the files that several cells name, whichever of them is right.

    An MRI may serve several visits of its person, for that is how to say that it does.
    """
    owners: dict[Path, list[Candidate]] = {}
    for item in found:
        if isinstance(item, Problem):
            yield item
        else:
            owners.setdefault(item.path.resolve(), []).append(item)
    for path, candidates in owners.items():
        one = len({c.subject for c in candidates}) == 1 and not any(
            c.modality.is_pet for c in candidates
        )
        if len(candidates) == 1 or one:
            yield from candidates
            for c in candidates[1:] and candidates:
                yield shared_warning(shown(path.name), c.subject, c.session)
            continue
        names = [
            f"sub-{c.subject}{f'_ses-{c.session}' if c.session else ''} {c.modality.name}"
            for c in candidates
        ]
        error = CohortError(
            f"one file is named for {' and '.join(names)}", code="E_DUPLICATE", value=shown(path),
            hint="correct the paths",
        )  # fmt: skip
        yield refusal(f"{table.name}, {', '.join(names)}", error)


def _lower(table: Table) -> Table:
    """The same table, its columns in lower case.

    Raises:
        CohortError: two columns have one name.
    """
    columns = tuple(column.casefold() for column in table.columns)
    if len(set(columns)) < len(columns):
        raise _columns(table, (PERSON, SESSION))
    return replace(table, columns=columns)


def _columns(table: Table, wanted: Iterable[str]) -> CohortError:
    there = ", ".join(table.columns)[:200]
    return CohortError(
        f"{table.name}: its columns are {shown(there)}", code="E_COLUMN", value=shown(there),
        hint=f"name them {', '.join(wanted)}, each once",
    )  # fmt: skip
