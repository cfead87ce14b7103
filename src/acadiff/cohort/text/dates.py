"""Days in tables: ISO's spelling, and others only where a whole column proves their order."""

import datetime
import re
from collections.abc import Iterable

from acadiff.cohort.text.delimited import Cell

_TIME = r"(?:[T ][0-9:.]{4,15}(?:Z|[+-][0-9:]{2,6})?)?"
_ISO = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})" + _TIME)
_LOCAL = re.compile(r"([0-9]{1,2})([/.])([0-9]{1,2})\2([0-9]{4})" + _TIME)
_MONTH = re.compile(r"([0-9]{1,2})/([0-9]{4})")


def day(cell: Cell, day_first: bool | None) -> datetime.date | None:
    """The day in a cell, without its time; None if it is missing.

    Args:
        cell: `2009-05-17`, or `17/05/2009` or `5/17/2009` if the order is known.
        day_first: the order of day and month in the column (`day_first`), None if unproven.

    Raises:
        CohortError: no day, or one of two.
    """
    if cell.missing or cell.text in ("-1", "-4"):
        return None
    if match := _ISO.fullmatch(cell.text):
        return _date(cell, match[1], match[2], match[3])
    match = _LOCAL.fullmatch(cell.text)
    if match and day_first is not None:
        month, number = (match[3], match[1]) if day_first else (match[1], match[3])
        return _date(cell, match[4], month, number)
    why = "may be day or month first" if match else "is no day"
    raise cell.refusal("E_DATE", why, "write days as 2009-05-17")


def birthday(cell: Cell) -> datetime.date | None:
    """The middle of the month of birth, `05/1931`, or a whole day.

    Raises:
        CohortError: neither.
    """
    match = _MONTH.fullmatch(cell.text)
    return _date(cell, match[2], match[1], "15") if match else day(cell, None)


def day_first(texts: Iterable[str]) -> bool | None:
    """Whether a column writes the day before the month: only a number above 12 can prove it."""
    matches = [match for text in texts if (match := _LOCAL.fullmatch(text))]
    first = max((int(match[1]) for match in matches), default=0) > 12
    second = max((int(match[3]) for match in matches), default=0) > 12
    return None if first == second else first


def _date(cell: Cell, year: str, month: str, number: str) -> datetime.date:
    try:
        return datetime.date(int(year), int(month), int(number))
    except ValueError as error:
        raise cell.refusal("E_DATE", "is in no calendar", "write days as 2009-05-17") from error
