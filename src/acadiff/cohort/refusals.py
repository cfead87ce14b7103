"""From what is wrong with files and lines to the scans that a person therefore lacks. No I/O."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from acadiff.cohort.files.entities import Entities, entities_of
from acadiff.cohort.files.tracers import tracer_of
from acadiff.cohort.identity import canonical_session, canonical_subject
from acadiff.errors import CohortError, Problem
from acadiff.modality import Modality

Who = tuple[str, str | None]
"""Canonical labels of a person and a session."""

_WISH = "E_NOT_FOUND"
_SAID = re.compile(
    r"(?:^| )sub-([0-9A-Za-z+]+)(?:_ses-([0-9A-Za-z+]+))?(?: ([A-Z0-9]+))?(?=[ ,]|$)"
)
_FOLDER = re.compile(r"(sub|ses)-([0-9A-Za-z+]+)")
_TWICE = re.compile(r"_(?:T1w|pet)(?=_space-)")  # older names of CAPS repeat the suffix
_ALL = tuple(Modality)
_PET = tuple(modality for modality in Modality if modality.is_pet)
_NAMED = {modality.name: (modality,) for modality in Modality}
_PLACES = {"anat": (Modality.MRI,), "t1_linear": (Modality.MRI,), "pet": _PET, "pet_linear": _PET}


def refusals(
    problems: Iterable[Problem], present: Iterable[Who]
) -> dict[Who, dict[Modality, Problem]]:
    """Why scans that are, or may be, there cannot be used: the first refusal of each.

    A refusal that does not tell the modality is one of every modality it may be about, and one
    that tells only the person is one of all visits of that person.

    Args:
        problems: of files, table lines and choices; warnings are passed over.
        present: the visits of which scans are used.

    Returns:
        Visit → modality → problem. Who was asked for and not found is there without any.
    """
    told = [(p, who, ms) for p in problems if p.code[0] == "E" for who, ms in concerned(p)]
    visits: dict[str, dict[Who, None]] = defaultdict(dict)
    for who in (*present, *(who for _, who, _ in told if who[1])):
        visits[who[0]][who] = None
    found: dict[Who, dict[Modality, Problem]] = {}
    for problem, who, modalities in told:
        for visit in _meant(who, visits[who[0]]):
            own = found.setdefault(visit, {})
            for modality in modalities if problem.code != _WISH else ():
                own.setdefault(modality, problem)
    return found


def concerned(problem: Problem) -> Iterator[tuple[Who, tuple[Modality, ...]]]:
    """Whom a problem is about, and which modalities it may be about, as its place tells."""
    if "/" in problem.where:
        yield from _by_path(problem.where.split("/"))
        return
    for match in _SAID.finditer(problem.where):
        who = _who(match[1], match[2])
        if who:
            yield who, _NAMED.get(match[3], _ALL)


def _meant(who: Who, visits: Collection[Who]) -> Collection[Who]:
    """The visit itself; all of the person's where no session is told and others are known."""
    return visits if who[1] is None and visits and who not in visits else [who]


def _by_path(parts: list[str]) -> Iterator[tuple[Who, tuple[Modality, ...]]]:
    """Who and what by the name of a file if it tells, else by its folders."""
    labels: Mapping[str, str] = {m[1]: m[2] for m in map(_FOLDER.fullmatch, parts) if m}
    place = next((_PLACES[part] for part in parts if part in _PLACES), _ALL)
    entities = entities_of(_TWICE.sub("", parts[-1].partition(".")[0]))
    if entities is not None and "sub" in entities.values:
        labels, place = entities.values, _shown_by(entities) or place
    who = _who(labels.get("sub", ""), labels.get("ses"))
    if who:
        yield who, place


def _shown_by(entities: Entities) -> tuple[Modality, ...] | None:
    """The modality that a name tells; None if it does not."""
    for modality in Modality:
        if modality.suffix == entities.suffix and not modality.is_pet:
            return (modality,)
    try:
        told = tracer_of(entities, {}, {}) if entities.suffix == "pet" else None
    except CohortError:
        return _PET
    return None if told is None else (told,)


def _who(subject: str, session: str | None) -> Who | None:
    try:
        return canonical_subject(subject), canonical_session(session) if session else None
    except CohortError:
        return None
