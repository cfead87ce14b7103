"""Tab-separated tables for people, programs and spreadsheets."""

import math
from collections.abc import Iterable, Sequence

MISSING = "n/a"
_FORMULA = ("=", "+", "-", "@")


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as text. What is None, empty or not finite becomes `n/a`."""
    lines = ["\t".join(header), *("\t".join(map(cell, row)) for row in rows)]
    return "\n".join(lines) + "\n"


def cell(value: object) -> str:
    """One cell: on one line, and nothing that a spreadsheet takes for a formula."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return MISSING
    if isinstance(value, (int, float)):
        return f"{value:.10g}"
    plain = " ".join(str(value).split())
    return f"'{plain}" if plain.startswith(_FORMULA) else plain or MISSING
