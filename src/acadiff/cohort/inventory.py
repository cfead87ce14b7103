"""Which of the files found are used: whose, which visits, and one file a scan without a guess."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from acadiff.cohort.candidate import Candidate as Candidate
from acadiff.cohort.candidate import Inventory as Inventory
from acadiff.cohort.candidate import Key, refusal
from acadiff.cohort.filters import Filters, fitting
from acadiff.cohort.text.textfile import shown
from acadiff.errors import CohortError, NothingSelectedError, Problem
from acadiff.modality import Modality

NONE = "none"
"""As a preference: the file whose name does not say."""

_TOLD_APART = ("run", "space", "resolution", "desc")


class Choice(NamedTuple):
    """One file a scan, and the scans of which none could be chosen."""

    scans: dict[Key, Candidate]
    problems: tuple[Problem, ...]


def select(inventory: Inventory, wanted: Filters) -> Inventory:
    """Keep some persons and visits, their scans and their problems.

    Whoever is asked for and has no scan becomes a problem.

    Args:
        inventory: what was found.
        wanted: who and which visits.

    Raises:
        NothingSelectedError: no scan is left.
    """
    kept = tuple(c for c in inventory.candidates if wanted.meet(c.subject, c.session))
    if not kept:
        asked = _few(_label(*pattern) for pattern in wanted.patterns)
        there = _few(dict.fromkeys(_label(c.subject, c.session) for c in inventory.candidates))
        raise NothingSelectedError(
            f"{inventory.root}: nothing is left of {len(inventory.candidates)} scans by {asked}",
            code="E_NOTHING_SELECTED", value=asked, hint=f"there is {there}",
        )  # fmt: skip
    known = [p for p in inventory.problems if wanted.concern(p, inventory.root)]
    met = {pattern for c in kept for pattern in fitting(c.subject, c.session)}
    lacking = [_not_found(_label(*pattern)) for pattern in wanted.patterns if pattern not in met]
    return replace(inventory, candidates=kept, problems=(*known, *lacking))


def choose(
    inventory: Inventory,
    *,
    reconstructions: Mapping[Modality, str] = MappingProxyType({}),
    run: str | None = None,
    space: str | None = None,
    resolution: str | None = None,
    desc: str | None = None,
) -> Choice:
    """Settle on one file a scan; where several are left, none is taken and all are listed.

    Args:
        inventory: what was found and selected.
        reconstructions: the `rec-` label that scans of a modality must have; they are refused
            if none has it, for reconstructions differ in resolution.
        run: among several files, those of this run; `none` for those whose name has no run.
        space: likewise, the template.
        resolution: likewise, the `res-` label.
        desc: likewise, the `desc-` label.
    """
    wanted = {"run": run, "space": space, "resolution": resolution, "desc": desc}
    groups: dict[Key, list[Candidate]] = {}
    for candidate in inventory.candidates:
        groups.setdefault(candidate.key, []).append(candidate)
    scans: dict[Key, Candidate] = {}
    problems = []
    for key, group in groups.items():
        where = f"{_label(*key[:2])} {key[2].name}"
        try:
            made = _reconstructed(inventory.root, group, reconstructions.get(key[2]))
            scans[key] = _only(inventory.root, _preferred(made, wanted))
        except CohortError as error:
            problems.append(refusal(where, error))
    return Choice(scans, tuple(problems))


def _reconstructed(root: Path, group: list[Candidate], wanted: str | None) -> list[Candidate]:
    if wanted is None:
        return group
    made = [c for c in group if _is(c.reconstruction, wanted)]
    if not made:
        raise CohortError(
            f"no file has the reconstruction {wanted} ({_files(root, group)})",
            code="E_RECONSTRUCTION", value=wanted,
            hint="leave the scan out, or ask for one that it has",
        )  # fmt: skip
    return made


def _preferred(group: list[Candidate], wanted: Mapping[str, str | None]) -> list[Candidate]:
    """Those that a preference tells from the others; one that fits none changes nothing."""
    for attribute, value in wanted.items():
        if value is not None:
            group = [c for c in group if _is(getattr(c, attribute), value)] or group
    return group


def _only(root: Path, group: list[Candidate]) -> Candidate:
    if len(group) == 1:
        return group[0]
    raise CohortError(
        f"{len(group)} files claim to be this scan: {_files(root, group)}",
        code="E_AMBIGUOUS",
        value=_files(root, group),
        hint=_way_out(group),
    )


def _way_out(group: list[Candidate]) -> str:
    """The options that tell these files apart."""
    ways = []
    made = sorted({c.reconstruction or NONE for c in group})
    if len(made) > 1:
        ways += [f"--reconstruction {group[0].modality.name}={rec}" for rec in made]
    for attribute in _TOLD_APART:
        values = sorted({getattr(c, attribute) or NONE for c in group})
        if len(values) > 1:
            ways += [f"--{attribute} {value}" for value in values]
    return (
        f"choose with {' or '.join(ways)}" if ways else "keep one, or list one in a table of paths"
    )


def _is(value: str | None, wanted: str) -> bool:
    """Whether an entity is the one asked for; runs 1 and 01 are the same."""
    if value is None or wanted == NONE:
        return value is None and wanted == NONE
    numbers = value.isdecimal() and wanted.isdecimal()
    return int(value) == int(wanted) if numbers else value == wanted


def _not_found(who: str) -> Problem:
    error = CohortError(
        "was asked for and has no scan that can be used", code="E_NOT_FOUND", value=who,
        hint="look among the other problems for files of this name",
    )  # fmt: skip
    return refusal(who, error)


def _label(subject: str | None, session: str | None) -> str:
    parts = (subject and f"sub-{subject}", session and f"ses-{session}")
    return "_".join(part for part in parts if part)


def _files(root: Path, group: Iterable[Candidate]) -> str:
    return ", ".join(
        shown(c.path.relative_to(root) if c.path.is_relative_to(root) else c.path) for c in group
    )


def _few(items: Iterable[str], most: int = 5) -> str:
    listed = list(items)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return (", ".join(listed[:most]) or "nothing") + more
