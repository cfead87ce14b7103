"""Tell what is there, what is missing and what is wrong, before anything runs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from acadiff.cohort.candidate import Candidate
from acadiff.cohort.files.validator import violations
from acadiff.cohort.roster import Member, Roster
from acadiff.cohort.selection import Selection, read_roster
from acadiff.cohort.text.textfile import shown
from acadiff.commit import lock, write_text
from acadiff.errors import AcadiffError, Problem
from acadiff.evaluation.missingness import Missingness, Person, missingness
from acadiff.modality import Modality
from acadiff.outputs.availability import NATIVE, Expected, Findings, Geometry, State
from acadiff.outputs.check_files import write_files
from acadiff.outputs.check_page import render
from acadiff.outputs.place import keep_apart
from acadiff.volume.glance import STRICT, Leave, Seen, glance, peruse
from acadiff.volume.space import common
from acadiff.workers import work

OnStep = Callable[[str], None]

PAGE = "check.html"
_Sights = Mapping[Path, Seen | Problem]
_Look = Callable[[Candidate], Seen | Problem]


def check(
    roster: Roster,
    source: Path,
    *,
    thorough: bool = False,
    leave: Leave = STRICT,
    jobs: int = 1,
    on_step: OnStep | None = None,
) -> Findings:
    """Look at every chosen scan of a roster and judge what is there and what is not.

    Args:
        roster: who is there, with which files.
        source: where it was read from.
        thorough: read every voxel, not only the headers.
        leave: what is allowed for files that are not whole.
        jobs: processes at once, if thorough.
        on_step: told of each scan that was read whole.
    """
    look = partial(_look, roster.root, thorough, leave)
    looks = _looks(roster, look, *((jobs, on_step) if thorough else (1, None)))
    scans: list[Expected] = []
    problems: list[Problem] = []
    for member in roster.members:
        own, more = _member(roster, member, looks)
        scans += own
        problems += more
    every = tuple(dict.fromkeys((*roster.problems, *problems)))
    found = _missingness(scans)
    tests = tuple(asdict(test) for test in found.tests)
    return Findings(source, roster, tuple(scans), every, tests, found.verdicts, thorough)


def run(
    source: Path,
    selection: Selection | None = None,
    *,
    thorough: bool = False,
    leave: Leave = STRICT,
    strict_bids: bool = False,
    jobs: int = 1,
    out: Path | None = None,
    on_step: OnStep | None = None,
) -> Findings:
    """Check a source; leave tables, `check.json` and `check.html` in the folder `out`.

    Args:
        source: a BIDS dataset, a CAPS folder or a table of paths.
        selection: which of its scans are meant, and which tables; all and its own by default.
        thorough: read every voxel, not only the headers.
        leave: what is allowed for files that are not whole.
        strict_bids: also ask the validator of BIDS.
        jobs: processes at once, if thorough.
        out: a folder outside the source, or in its `derivatives/`.
        on_step: told of each scan that was read whole.

    Raises:
        MissingInputError: the source, or a table that was named, is not there.
        CohortError: the source is nothing that can be read.
        NothingSelectedError: the selection leaves no scan.
        UsageError: the validator is asked for and not installed.
        OutputError: `out` lies among the scans, or cannot be written.
    """
    if out is not None:
        keep_apart(out, source)
    with lock(out / PAGE) if out is not None else nullcontext():
        roster = read_roster(source, selection or Selection())
        if strict_bids:
            roster = replace(roster, problems=(*roster.problems, *violations(source)))
        found = check(roster, source, thorough=thorough, leave=leave, jobs=jobs, on_step=on_step)
        if out is not None:
            write_files(out, found)
            write_text(out / PAGE, render(found))
    return found


def _looks(roster: Roster, look: _Look, jobs: int, on_step: OnStep | None) -> _Sights:
    """What every chosen file looks like, or why it cannot be used."""
    candidates = [scan for member in roster.members for scan in member.scans.values()]
    sights = {}
    for scan, seen in zip(candidates, work(look, candidates, jobs), strict=True):
        sights[scan.path] = seen
        if on_step:
            on_step(_where(roster.root, scan.path))
    return sights


def _look(root: Path, thorough: bool, leave: Leave, scan: Candidate) -> Seen | Problem:
    where = _where(root, scan.path)
    try:
        if thorough:
            return peruse(scan.path, where, scan.modality, scan.space, scan.suvr, leave)
        return glance(scan.path, where, scan.modality, scan.space, leave)
    except AcadiffError as error:
        return Problem.of(where, error)


def _member(
    roster: Roster, member: Member, looks: _Sights
) -> tuple[list[Expected], tuple[Problem, ...]]:
    """The three scans that one member should have, and what their files say of each other."""
    seen = {m: looks[scan.path] for m, scan in member.scans.items()}
    good = {m: look for m, look in seen.items() if isinstance(look, Seen)}
    refused = {m: look for m, look in seen.items() if isinstance(look, Problem)}
    for refuse in (_apart, _unplaced):
        refused |= refuse(member, {m: look for m, look in good.items() if m not in refused})
    used = {m: look for m, look in good.items() if m not in refused}
    warnings = [*(note for look in good.values() for note in look.notes), *_grids(member, used)]
    scans = [_expected(roster, member, m, good.get(m), refused.get(m)) for m in Modality]
    return scans, (*dict.fromkeys(refused.values()), *warnings)


def _expected(
    roster: Roster, member: Member, modality: Modality, look: Seen | None, problem: Problem | None
) -> Expected:
    scan, problem = member.scans.get(modality), problem or member.refused.get(modality)
    state = State.REJECTED if problem else State.FOUND if scan else State.ABSENT
    name = look.space.name if look and look.space else NATIVE
    geometry = Geometry(look.shape, look.voxel, name) if look else None
    path = _where(roster.root, scan.path) if scan else None
    return Expected(member, modality, state, path, geometry, problem)


def _apart(member: Member, looks: Mapping[Modality, Seen]) -> dict[Modality, Problem]:
    """All scans of a visit, if they lie in different spaces."""
    try:
        common({m: look.space for m, look in looks.items()})
    except AcadiffError as error:
        return dict.fromkeys(looks, Problem.of(member.key, error.at(member.key)))
    return {}


def _unplaced(member: Member, looks: Mapping[Modality, Seen]) -> dict[Modality, Problem]:
    """PET that nothing tells the place of in the brain."""
    native = [m for m, look in looks.items() if look.space is None]
    if not native or Modality.MRI in looks:
        return {}
    names = " and ".join(m.title for m in native)
    text = f"its {names} is native, and there is no MRI to tell where it lies"
    hint = "add the MRI, or give the PET on a template"
    problem = _problem(member, "E_NO_MRI", names, text, hint)
    return dict.fromkeys(native, member.advised(problem))


def _grids(member: Member, looks: Mapping[Modality, Seen]) -> list[Problem]:
    """A warning if scans on one template lie on different grids."""
    placed = [look for look in looks.values() if look.space]
    if all(look.on_grid_of(placed[0]) for look in placed):
        return []
    each = ", ".join(f"{m.title} {_size(look)}" for m, look in looks.items())
    text = f"its scans lie on one template and on different grids: {each}"
    return [_problem(member, "W_GRID", each, text, "see that this is meant; each is resampled")]


def _size(look: Seen) -> str:
    return f"{'×'.join(map(str, look.shape))} of {'×'.join(f'{mm:.3g}' for mm in look.voxel)} mm"


def _problem(member: Member, code: str, value: str, text: str, hint: str) -> Problem:
    return Problem(member.key, code, value, hint, f"{member.key}: {text}; {hint}")


def _missingness(scans: Iterable[Expected]) -> Missingness:
    """Tests on every person's first visit."""
    visits: dict[str, dict[str, list[Expected]]] = {}
    for scan in scans:
        own = visits.setdefault(scan.member.subject, {})
        own.setdefault(scan.member.key, []).append(scan)
    return missingness([_person(next(iter(own.values()))) for own in visits.values()])


def _person(scans: Sequence[Expected]) -> Person:
    lacks = frozenset(scan.modality for scan in scans if scan.state is not State.FOUND)
    visit = scans[0].member.visit
    if visit is None:
        return Person(lacks, {})
    values: dict[str, str | float | None] = {
        "diagnosis": visit.diagnosis.value if visit.diagnosis else None,
        "sex": visit.sex,
        "apoe4": None if visit.apoe4 is None else str(visit.apoe4),
        "site": visit.site,
        "age": visit.age,
        "education": visit.education,
        "MMSE": visit.scores.mmse,
        "ADAS13": visit.scores.adas13,
        "CDRSB": visit.scores.cdrsb,
    }
    return Person(lacks, values)


def _where(root: Path, path: Path) -> str:
    return shown(path.relative_to(root) if path.is_relative_to(root) else path)
