"""Which persons and visits are asked for, and which scans and problems are theirs. No I/O."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from acadiff.cohort.identity import canonical_session, canonical_subject, rid_of
from acadiff.cohort.text.textfile import shown
from acadiff.errors import CohortError, Problem

Pattern = tuple[str | None, str | None]
"""A person and a session; None for any."""

_PLACE = re.compile(r"(?:^|[/ ])sub-([0-9A-Za-z+]+)(?:[/_]ses-([0-9A-Za-z+]+))?")
_NUMBER = re.compile(r"(?:^| )RID ([0-9]+)$")


@dataclass(frozen=True)
class Filters:
    """What is asked for.

    Args:
        asked: one group of patterns an option, in their order; a visit must fit one of each.
    """

    asked: tuple[Mapping[Pattern, None], ...] = ()

    @property
    def patterns(self) -> tuple[Pattern, ...]:
        """All that is asked for, each once."""
        return tuple(dict.fromkeys(pattern for group in self.asked for pattern in group))

    def meet(self, subject: str, session: str | None) -> bool:
        """Whether this visit is asked for."""
        known = fitting(subject, session)
        return all(any(pattern in group for pattern in known) for group in self.asked)

    def concern(self, problem: Problem, root: Path) -> bool:
        """Whether a problem is, or may be, with a visit that is asked for.

        Args:
            problem: of a file, a row of a table, or a whole table.
            root: of the source; its own name tells of nobody.
        """
        told = list(_told(problem.where.removeprefix(f"{shown(root)}/")))
        return not told or all(
            any(_may_be(*who, *pattern) for pattern in group for who in told)
            for group in self.asked
        )


def filters(
    participants: Iterable[str] | None = None,
    sessions: Iterable[str] | None = None,
    pairs: Iterable[tuple[str, str | None]] | None = None,
) -> Filters:
    """Bring what is asked for into its canonical spelling; None asks for all.

    Args:
        participants: ids with or without `sub-`, in any spelling of ADNI.
        sessions: labels with or without `ses-`; `M00` and `M000` are one.
        pairs: (participant, session); a pair without session asks for all of the person's.

    Raises:
        CohortError: an id is no label.
    """
    asked: list[dict[Pattern, None]] = []
    if participants is not None:
        asked.append({(canonical_subject(p), None): None for p in participants})
    if sessions is not None:
        asked.append({(None, canonical_session(s)): None for s in sessions})
    if pairs is not None:
        asked.append({(canonical_subject(p), s and canonical_session(s)): None for p, s in pairs})
    return Filters(tuple(asked))


def fitting(subject: str, session: str | None) -> tuple[Pattern, ...]:
    """All patterns that ask for this visit."""
    both = ((subject, session), (subject, None))
    return both if session is None else (*both, (None, session))


def _told(where: str) -> Iterator[tuple[str | int, str | None]]:
    """The persons, by label or by roster number, and sessions that a place names.

    What follows a comma tells more than the name of the file; of a file that lies elsewhere, the
    folders tell nothing.
    """
    place, _, rest = where.partition(", ")
    text = rest if _PLACE.search(rest) or _NUMBER.search(rest) else place
    text = text.rpartition("/")[2] if text.startswith("/") else text
    for match in _PLACE.finditer(text):
        try:
            yield canonical_subject(match[1]), match[2] and canonical_session(match[2])
        except CohortError:
            yield match[1], match[2]
    if number := _NUMBER.search(text):
        yield int(number[1]), None


def _may_be(who: str | int, when: str | None, subject: str | None, session: str | None) -> bool:
    """Whether a visit that was told may be one that fits this pattern."""
    same = subject is None or who == (rid_of(subject) if isinstance(who, int) else subject)
    return same and (session is None or when in (None, session))
