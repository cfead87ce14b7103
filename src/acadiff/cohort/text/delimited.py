"""Tables of text: bytes → rows with line numbers; no cell becomes anything else by itself.

Spreadsheets and data-frame libraries guess: an id `007` turns into 7, `NA` into nothing, a spare
comma at the line ends shifts every column. Here whatever is not plainly one table is refused, with
the place where it is not.
"""

import csv
import io
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from acadiff.cohort.text.textfile import MAX_BYTES, decoded, read_bytes, shorten, shown
from acadiff.errors import CohortError

# Lower case; beside BIDS' own `n/a`, what R, pandas, SAS, SQL and spreadsheets write for nothing.
MISSING = frozenset({"", ".", "n/a", "na", "nan", "<na>", "#n/a", "null", "none"})
# ADNI's own: -1 is confirmed missing, -4 not applicable.
ADNI_CODES = frozenset({-1.0, -4.0})
DELIMITERS = ("\t", ",", ";")
_SAVE = "save the table with tabs, commas or semicolons"
_QUOTES = "close every quote, and keep each row on one line"
_SEPARATOR = re.compile(r'"?sep=(.)"?\r?\n', re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,9}(?:\.[0-9]*)?|\.[0-9]+)")
_POINT = re.compile(r"[+-]?[0-9]*\.[0-9]+")
_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")


@dataclass(frozen=True)
class Cell:
    """One text and its place, so that whoever cannot use it can say where it stands."""

    text: str
    table: str
    line: int
    column: str
    decimal_comma: bool = False

    @property
    def missing(self) -> bool:
        """Whether it says that there is no value."""
        return self.text.casefold() in MISSING

    def refusal(self, code: str, why: str, hint: str) -> CohortError:
        """The error that this cell is."""
        where = f"{self.table} line {self.line}, column {self.column}"
        shown = shorten(self.text)
        return CohortError(f"{where}: {shown} {why}", code=code, value=shown, hint=hint)


@dataclass(frozen=True)
class Row:
    """One line of a table, and its number as an editor counts."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Named columns and rows of the same length; all cells are stripped text."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    decimal_commas: frozenset[str] = frozenset()

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {column: index for index, column in enumerate(self.columns)}

    def cell(self, row: Row, column: str) -> Cell:
        """The cell of this row in this column."""
        text = row.cells[self._places[column]]
        return Cell(text, self.name, row.line, column, column in self.decimal_commas)


def read_table(
    path: Path, limit: int = MAX_BYTES, delimiters: Sequence[str] = DELIMITERS
) -> Table:
    """Read a table of tab, comma or semicolon separated text.

    UTF-8, and UTF-16 with its byte order mark. The delimiter is told by the header (or by
    Excel's `sep=` line) and must fit every row. Empty rows are skipped.

    Args:
        path: a regular file.
        limit: bytes; a larger file is refused.
        delimiters: those that it may have.

    Raises:
        MissingInputError: the file is not there or cannot be read.
        CohortError: it is no regular file, too large, or not plainly one table.
    """
    return parse_table(read_bytes(path, limit), shown(path), delimiters)


def parse_table(data: bytes, name: str, delimiters: Sequence[str] = DELIMITERS) -> Table:
    """Read a table from memory; `name` is what messages call it.

    Raises:
        CohortError: it is not plainly one table.
    """
    text = decoded(data, name)
    said = _SEPARATOR.match(text)
    if said and said[1] not in delimiters:
        raise _refused((name, 1), "E_DELIMITER", said[1], "is no delimiter read here", _SAVE)
    body, first = (text[said.end() :], 2) if said else (text, 1)
    delimiter = said[1] if said else _delimiter(body, name, delimiters)
    rows = list(_parsed(body, name, first, delimiter))
    if not rows:
        raise CohortError(
            f"{name} line 1: there is no header", code="E_COLUMN", hint="name its columns"
        )
    header = rows.pop(0)
    for row in rows:
        if len(row.cells) != len(header.cells):
            raise _refused(
                (name, row.line),
                "E_ROW",
                f"{len(row.cells)} cells",
                f"are in this row, {len(header.cells)} in the header",
                "remove the spare delimiter, or quote the cell that holds one",
            )
    kept = _named(header, rows, name)
    columns = tuple(header.cells[index] for index in kept)
    if len(kept) < len(header.cells):
        rows = [Row(row.line, tuple(row.cells[index] for index in kept)) for row in rows]
    commas = frozenset[str]() if delimiter == "," else _decimal_commas(columns, rows)
    return Table(name, columns, tuple(rows), commas)


def number(cell: Cell, codes: Container[float] = ADNI_CODES) -> float | None:
    """The number in a cell, or None if it is missing.

    Args:
        cell: digits with at most a sign and a decimal point (or a decimal comma, where the
            whole column has them and the delimiter is another sign).
        codes: numbers that stand for a missing one in this table.

    Raises:
        CohortError: it is anything else: `>30`, `inf`, a unit, digits that are not ASCII.
    """
    if cell.missing:
        return None
    comma = cell.decimal_comma and _COMMA.fullmatch(cell.text)
    text = cell.text.replace(",", ".") if comma else cell.text
    if not _NUMBER.fullmatch(text):
        raise cell.refusal("E_NUMBER", "is not a number", "a missing one is n/a")
    value = float(text)
    return None if value in codes else value


def _delimiter(body: str, name: str, delimiters: Sequence[str]) -> str:
    """The one that divides the header, and under which every row is as long as the header."""
    counts = {d: _width(body, name, d) for d in delimiters}
    dividing = sorted((d for d in delimiters if counts[d] > 1), key=lambda d: -counts[d])
    if len(dividing) < 2:
        return (*dividing, delimiters[0])[0]
    fits = [d for d in dividing if _fits(body, name, d)] or dividing
    if len(fits) > 1 and counts[fits[0]] == counts[fits[1]]:
        shown = " and ".join(map(repr, fits[:2]))
        raise _refused((name, 1), "E_DELIMITER", shown, "divide the rows equally", _SAVE)
    return fits[0]


def _width(body: str, name: str, delimiter: str) -> int:
    """Columns of the header; 0 if its quotes make no sense with this delimiter."""
    try:
        header = next(_parsed(body, name, 1, delimiter), None)
    except CohortError:
        return 0
    return len(header.cells) if header else 0


def _fits(body: str, name: str, delimiter: str) -> bool:
    try:
        return len({len(row.cells) for row in _parsed(body, name, 1, delimiter)}) == 1
    except CohortError:
        return False


def _parsed(body: str, name: str, first: int, delimiter: str) -> Iterator[Row]:
    """Rows that hold anything, stripped; `first` is the number of the first line."""
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + first
        try:
            cells = next(reader, None)
        except csv.Error as error:
            why = "is how its quotes end"
            raise _refused((name, line), "E_QUOTE", str(error), why, _QUOTES) from error
        if cells is None:
            return
        stripped = tuple(cell.strip() for cell in cells)
        if reader.line_num + first > line + 1 and any("\n" in cell for cell in cells):
            swallowed = next(cell for cell in cells if "\n" in cell)
            why = "goes over several lines, as if a quote were missing"
            raise _refused((name, line), "E_QUOTE", swallowed, why, _QUOTES)
        if any(stripped):
            yield Row(line, stripped)


def _named(header: Row, rows: Sequence[Row], name: str) -> list[int]:
    """Which columns have a name. An unnamed one may only be a row count in front, or empty."""
    kept = []
    for index, column in enumerate(header.cells):
        empty = index == 0 or not any(row.cells[index] for row in rows)
        if not column and empty:
            continue
        why = "names two columns" if header.cells.count(column) > 1 else "is no column name"
        if not column or not column.isprintable() or header.cells.count(column) > 1:
            hint = "give every column one name of its own, in plain signs"
            raise _refused((name, header.line), "E_COLUMN", column, why, hint)
        kept.append(index)
    return kept


def _decimal_commas(columns: Sequence[str], rows: Sequence[Row]) -> frozenset[str]:
    """Columns where some number has a decimal comma and none has a point."""
    found = set()
    for index, column in enumerate(columns):
        texts = [row.cells[index] for row in rows]
        commas = any("," in text and _COMMA.fullmatch(text) for text in texts)
        if commas and not any("." in text and _POINT.fullmatch(text) for text in texts):
            found.add(column)
    return frozenset(found)


def _refused(where: tuple[str, int], code: str, value: str, why: str, hint: str) -> CohortError:
    shown = shorten(value)
    message = f"{where[0]} line {where[1]}: {shown} {why}"
    return CohortError(message, code=code, value=shown, hint=hint)
