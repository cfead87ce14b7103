"""What tables say of a person at a visit, before it is known which table is right."""

import datetime
import math
from dataclasses import dataclass

from acadiff.cohort.table import Diagnosis

YEAR = 365.25
# Dates and ages of one visit differ between tables by the days between its tests; sites are
# numbered anew by every portal.
LOOSE = ("date", "age", "site", "born")


@dataclass(frozen=True)
class Facts:
    """Values, and None where a table is silent. `born` only serves to tell the age."""

    date: datetime.date | None = None
    diagnosis: Diagnosis | None = None
    mmse: float | None = None
    adas13: float | None = None
    cdrsb: float | None = None
    age: float | None = None
    sex: str | None = None
    apoe4: int | None = None
    education: float | None = None
    site: str | None = None
    born: datetime.date | None = None

    def said(self) -> dict[str, object]:
        """The facts that are not None."""
        return {name: value for name, value in vars(self).items() if value is not None}

    def conflicts(self, other: "Facts") -> list[str]:
        """Names of facts on which both speak and differ by more than rounding."""
        mine, theirs = self.said(), other.said()
        return [n for n in mine if n in theirs and not alike(mine[n], theirs[n])]

    def over(self, other: "Facts") -> "Facts":
        """These facts, and where they are silent the other's."""
        return Facts(**{**other.said(), **self.said()})  # type: ignore[arg-type]

    def only(self, *names: str) -> "Facts":
        """No facts but these."""
        return Facts(**{k: v for k, v in self.said().items() if k in names})  # type: ignore[arg-type]

    def aged(self) -> "Facts":
        """With the age told by the dates of birth and visit, if nothing else tells it."""
        if self.age is not None or self.born is None or self.date is None:
            return self
        return Facts(age=(self.date - self.born).days / YEAR).over(self)


@dataclass(frozen=True)
class Entry:
    """The facts of one row, and where it stands.

    A person is known by `subject`, or only by ADNI's roster number. `screening` marks a visit
    before the first one, whose facts count as the first's where that has none.
    """

    table: str
    line: int
    subject: str | None
    rid: int | None
    session: str | None
    facts: Facts
    screening: bool = False

    @property
    def where(self) -> str:
        """The row, for messages."""
        return f"{self.table} line {self.line}"


def place(where: str, subject: str, session: str | None) -> str:
    """A row and whose it is: `sessions.tsv line 3, sub-1_ses-M012`."""
    return f"{where}, sub-{subject}" + (f"_ses-{session}" if session else "")


def alike(one: object, other: object) -> bool:
    """Whether two values are one, but for rounding."""
    if isinstance(one, float | int) and isinstance(other, float | int):
        return math.isclose(one, other, abs_tol=0.01)
    return one == other
