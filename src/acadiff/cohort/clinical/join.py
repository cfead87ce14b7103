"""Entries of many tables → facts of every visit. What tables disagree on is told, never mixed."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from acadiff.cohort.clinical.facts import LOOSE, Entry, Facts, alike, place
from acadiff.cohort.clinical.table import Reading
from acadiff.cohort.identity import clashes, rid_of
from acadiff.cohort.table import Diagnosis
from acadiff.errors import Problem

Visits = dict[str | None, Facts]
# True at all visits; a person may change the site.
_FIXED = ("sex", "apoe4", "education", "born")
_LASTING = (*_FIXED, "site")
_CLINICAL = ("diagnosis", "mmse", "adas13", "cdrsb", "age")
_FIRST = "M000"


def join(
    readings: Sequence[Reading], labels: Iterable[str]
) -> tuple[dict[str, Visits], list[Problem]]:
    """Bring all facts of a visit together: person → session → facts.

    Where two tables speak of one thing, the earlier one counts and a difference is told. Facts of
    a person count at all visits; values of the first visit only there, where it has none of its
    own. A session of None stands for a person of whom no table has visits.

    Args:
        readings: the tables, the most trusted first.
        labels: persons known otherwise, for tables that know only ADNI's roster numbers.
    """
    known = {e.subject for reading in readings for e in reading.entries if e.subject is not None}
    rids = _roster(known | set(labels))
    problems: list[Problem] = []
    entries: dict[str, list[Entry]] = defaultdict(list)
    for reading in readings:
        for subject, rows in _of_persons(reading, rids, problems).items():
            entries[subject] += rows if reading.lasting else _unique(subject, rows, problems)
    for group in clashes(entries):
        problems += [_clash(entries.pop(subject), group) for subject in group]
    return {s: _visits(s, rows, problems) for s, rows in sorted(entries.items())}, problems


def _roster(subjects: Iterable[str]) -> dict[int, str | None]:
    """Roster number → person; None where two persons have it."""
    found: dict[int, str | None] = {}
    for subject in subjects:
        rid = rid_of(subject)
        if rid is not None:
            found[rid] = subject if rid not in found else None
    return found


def _of_persons(
    reading: Reading, rids: dict[int, str | None], problems: list[Problem]
) -> dict[str, list[Entry]]:
    """The entries of each person; those whose number is nobody's are counted."""
    found: dict[str, list[Entry]] = defaultdict(list)
    unknown = []
    for entry in reading.entries:
        subject = entry.subject if entry.rid is None else rids.get(entry.rid)
        if subject is None:
            unknown.append(entry)
        else:
            found[subject].append(entry)
    if unknown:
        first, more = unknown[0], f" and {len(unknown) - 1} more rows" if unknown[1:] else ""
        text = f"{first.where}: RID {first.rid}{more} is of no one known by a PTID"
        hint = "add a table with PTID and RID, or ignore it if these have no scans"
        code = "W_SUBJECT"
        problems.append(Problem(first.where, code, str(first.rid), hint, f"{text}; {hint}"))
    return found


def _unique(subject: str, rows: Sequence[Entry], problems: list[Problem]) -> list[Entry]:
    """One entry a visit: rows that agree become one, rows that do not are all refused."""
    visits: dict[tuple[str | None, bool], list[Entry]] = defaultdict(list)
    for entry in rows:
        visits[entry.session, entry.screening].append(entry)
    kept = []
    for same in visits.values():
        merged, differing = same[0], list[str]()
        for entry in same[1:]:
            for name in entry.facts.conflicts(merged.facts):
                values = (getattr(e.facts, name) for e in (merged, entry))
                differing.append(f"{_title(name)} ({' and '.join(map(_shown, values))})")
            merged = replace(merged, facts=merged.facts.over(entry.facts))
        if len(same) > 1:
            problems.append(_duplicate(subject, same, differing))
        kept += [] if differing else [merged]
    return kept


def _duplicate(subject: str, same: Sequence[Entry], differing: Sequence[str]) -> Problem:
    visit = f"sub-{subject}" + (f" at {same[0].session}" if same[0].session else "")
    lines = " and ".join(str(entry.line) for entry in same)
    where = place(same[-1].where, subject, same[0].session)
    if differing:
        code, hint = "E_DUPLICATE", "keep the right one"
        why = f"and differ in {', '.join(differing)}"
    else:
        code, hint, why = "W_DUPLICATE", "remove all but one", "and agree"
    text = f"{same[0].table}: lines {lines} are both of {visit} {why}; {hint}"
    return Problem(where, code, visit, hint, text)


def _clash(entries: Sequence[Entry], group: Sequence[str]) -> Problem:
    first, ids = entries[0], " and ".join(group)
    hint = "give one of them another name, in the table and in the files"
    text = f"{first.where}: the ids {ids} are taken for one another; {hint}"
    where = f"{first.where}, {' and '.join(f'sub-{label}' for label in group)}"
    return Problem(where, "E_ID_CLASH", ids, hint, text)


def _visits(subject: str, entries: Sequence[Entry], problems: list[Problem]) -> Visits:
    """The facts of one person at every visit."""
    visits: Visits = {}
    ordered = sorted(entries, key=lambda entry: entry.screening)
    for entry in ordered:
        visits[entry.session] = visits.get(entry.session, Facts()).over(entry.facts)
    problems += _contradictions(subject, ordered)
    person = Facts()
    for entry in ordered:
        person = person.over(entry.facts.only(*_LASTING))
    visits = {s: f for s, f in visits.items() if s is None or f.only(*_CLINICAL, *_FIXED).said()}
    alone = visits.pop(None, Facts())
    if _FIRST in visits:
        visits[_FIRST] = visits[_FIRST].over(alone)
    elif not visits or alone.only(*_CLINICAL).said():
        visits[None] = alone
    fixed = person.only(*_FIXED)
    return {s: fixed.over(facts).over(person).aged() for s, facts in visits.items()}


def _contradictions(subject: str, entries: Sequence[Entry]) -> list[Problem]:
    """What two tables, or two visits, say differently of the same; told once each."""
    said: dict[str | None, dict[str, Entry]] = defaultdict(dict)
    found: dict[tuple[str | None, str], Problem] = {}
    for entry in entries:
        if entry.screening:
            continue
        for name, value in entry.facts.said().items():
            scope = "always" if name in _FIXED else entry.session
            other = said[scope].setdefault(name, entry)
            if other is entry or name in LOOSE or alike(value, getattr(other.facts, name)):
                continue
            found.setdefault((scope, name), _contradiction(subject, name, entry, other))
    return list(found.values())


def _contradiction(subject: str, name: str, entry: Entry, other: Entry) -> Problem:
    visit = f"sub-{subject}" + (f" at {entry.session}" if entry.session else "")
    shown, counts = (_shown(getattr(e.facts, name)) for e in (entry, other))
    what, hint = f"{_title(name)} of {visit}", "the latter counts; mend the wrong one"
    text = f"{entry.where}: {what} is {shown}, but {counts} on {other.where}; {hint}"
    where = place(entry.where, subject, entry.session)
    return Problem(where, "W_CONFLICT", shown, hint, text)


def _title(name: str) -> str:
    """A fact by the name its column has with us."""
    return name.upper() if name in ("mmse", "adas13", "cdrsb") else name


def _shown(value: object) -> str:
    if isinstance(value, Diagnosis):
        return value.value
    return f"{value:g}" if isinstance(value, float) else str(value)
