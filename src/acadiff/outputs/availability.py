"""Of every scan that is expected, whether it was found: records and counts. No I/O."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from acadiff.cohort.roster import Member, Roster
from acadiff.cohort.table import Diagnosis
from acadiff.errors import Problem
from acadiff.modality import Modality

UNKNOWN = "unknown"
NATIVE = "native"


class State(Enum):
    """What became of an expected scan."""

    FOUND = "found"
    ABSENT = "not found"
    REJECTED = "rejected"

    @property
    def code(self) -> str:
        """Class of its cell on a page."""
        return self.value.replace(" ", "-")


@dataclass(frozen=True)
class Geometry:
    """Voxels along the axes in RAS order, their sizes in mm, and the template or `native`."""

    shape: tuple[int, ...]
    voxel: tuple[float, ...]
    space: str


@dataclass(frozen=True)
class Expected:
    """One scan that a member should have.

    Args:
        member: whose.
        modality: which.
        state: what became of it.
        path: of its file, below the source's root if it lies there; None if there is none.
        geometry: by its header; None if that was not read.
        problem: why it was rejected.
    """

    member: Member
    modality: Modality
    state: State
    path: str | None = None
    geometry: Geometry | None = None
    problem: Problem | None = None


@dataclass(frozen=True)
class Findings:
    """All that a check found.

    Args:
        source: what was looked at.
        roster: who is there.
        scans: every member's expected scans, three a member.
        problems: everything that is wrong, each once.
        tests: the rows of the missingness test.
        verdicts: its sentence about each modality.
        thorough: whether every voxel was read, not only the headers.
    """

    source: Path
    roster: Roster
    scans: tuple[Expected, ...]
    problems: tuple[Problem, ...]
    tests: tuple[Mapping[str, Any], ...] = ()
    verdicts: Mapping[Modality, str] = field(default_factory=dict)
    thorough: bool = False

    @property
    def refusals(self) -> tuple[Problem, ...]:
        """The problems for which an input is not used."""
        return tuple(problem for problem in self.problems if problem.code.startswith("E_"))

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The problems with which an input is used all the same."""
        return tuple(problem for problem in self.problems if not problem.code.startswith("E_"))


Counts = Mapping[Modality, Counter[State]]


def tally(scans: Iterable[Expected]) -> Counts:
    """How many scans of each modality have which state."""
    counts: dict[Modality, Counter[State]] = {modality: Counter() for modality in Modality}
    for scan in scans:
        counts[scan.modality][scan.state] += 1
    return counts


def tally_by(
    scans: Iterable[Expected], group: Callable[[Member], str], order: Iterable[str] = ()
) -> dict[str, Counts]:
    """`tally` of each group of members; the groups in the given order, then sorted."""
    groups: dict[str, list[Expected]] = defaultdict(list)
    for scan in scans:
        groups[group(scan.member)].append(scan)
    named = [name for name in order if name in groups]
    rest = sorted(set(groups) - set(named))
    return {name: tally(groups[name]) for name in (*named, *rest)}


def by_diagnosis(scans: Iterable[Expected]) -> dict[str, Counts]:
    """`tally` of each diagnosis, from healthy to ill, the unknown last."""
    known = [diagnosis.value for diagnosis in Diagnosis]
    return tally_by(scans, diagnosis_of, known)


def by_session(scans: Iterable[Expected]) -> dict[str, Counts]:
    """`tally` of each session; those without one are `no session`."""
    return tally_by(scans, session_of)


def diagnosis_of(member: Member) -> str:
    """Name of the diagnosis at that visit, or `unknown`."""
    known = member.visit.diagnosis if member.visit else None
    return known.value if known else UNKNOWN


def session_of(member: Member) -> str:
    """`ses-X`, or `no session`."""
    return f"ses-{member.session}" if member.session else "no session"


def patterns(scans: Iterable[Expected]) -> dict[tuple[Modality, ...], int]:
    """How many members have exactly these modalities; the most frequent first."""
    own: dict[str, tuple[Modality, ...]] = {}
    for scan in scans:
        had = own.get(scan.member.key, ())
        own[scan.member.key] = (*had, scan.modality) if scan.state is State.FOUND else had
    return dict(Counter(own.values()).most_common())


def grouped(problems: Iterable[Problem]) -> dict[str, list[Problem]]:
    """The problems of each code: refusals before warnings, then the most frequent first."""
    groups: dict[str, list[Problem]] = defaultdict(list)
    for problem in problems:
        groups[problem.code].append(problem)
    order = sorted(groups, key=lambda code: (code[0] != "E", -len(groups[code]), code))
    return {code: groups[code] for code in order}
