"""Acquired scans, wherever they lie → one dataset on the model's grid."""

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from acadiff import __version__
from acadiff.cohort import dataset
from acadiff.cohort.roster import Member, Roster
from acadiff.cohort.selection import Selection, read_roster
from acadiff.cohort.text.textfile import shown
from acadiff.commit import lock, sha256, sweep
from acadiff.errors import AcadiffError, Problem, UsageError
from acadiff.modality import Modality
from acadiff.outputs import prepared_tables
from acadiff.outputs.prepared import RECORDS, Contents, Place, discard, finished, write_visit
from acadiff.outputs.prepared_page import entry, write_page
from acadiff.outputs.prepared_tables import Line
from acadiff.registration.brain import beside
from acadiff.registration.describe import is_simulated, mask_sidecar, scan_sidecar, ways
from acadiff.registration.options import Options
from acadiff.registration.visit import Visit
from acadiff.registration.visit import prepare as prepare_visit
from acadiff.volume.verdict import outliers
from acadiff.workers import work

OnStep = Callable[[str], None]
Record = dict[str, Any]


@dataclass(frozen=True)
class Prepared:
    """What came of it; every scan that was asked for was prepared or refused.

    Args:
        visits: how many there were.
        done: scans prepared, now or by an earlier run.
        refused: scans of which there is a file that cannot be used.
        kept: visits that an earlier run had finished.
        problems: everything that is wrong or odd.
    """

    visits: int
    done: int
    refused: int
    kept: int
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class _Job:
    """What a process needs to know, whichever visit it works on."""

    out: Path
    root: Path
    options: Options
    stated: Mapping[str, Any]
    again: bool


@dataclass(frozen=True)
class _Outcome:
    """A visit that was worked on: its record, empty if nothing of it can be used."""

    member: Member
    record: Record
    problems: tuple[Problem, ...]
    kept: bool


_Far = dict[str, list[tuple[Modality, str, Problem]]]
"""Visit → scan, measure, and what is said of it."""


def prepare(member: Member, options: Options, scratch: Path, root: Path | None = None) -> Visit:
    """Bring the scans of one member onto the grid, in memory.

    Args:
        member: whose.
        options: how.
        scratch: a folder for deformations.
        root: of the source, to which paths are told relative.
    """
    return prepare_visit(member.key, member.scans, options, scratch, root)


def run(
    source: Path,
    out: Path,
    selection: Selection | None = None,
    options: Options | None = None,
    *,
    jobs: int = 1,
    again: bool = False,
    on_step: OnStep | None = None,
) -> Prepared:
    """Prepare every visit of a source into the dataset `out`, or finish what is left of it.

    Args:
        source: a BIDS dataset, a CAPS folder or a table of paths.
        out: the dataset to write.
        selection: which of its scans are meant, and which clinical tables.
        options: how.
        jobs: processes at once; changes no byte.
        again: prepare also what is finished.
        on_step: told of each visit.

    Raises:
        MissingInputError: the source, or a table that was named, is not there.
        CohortError: the source is nothing that can be read.
        NothingSelectedError: the selection leaves no scan.
        OutputError: `out` lies among the scans, belongs to something else or cannot be written.
        UsageError: `jobs` is less than 1.
    """
    if jobs < 1:
        raise UsageError(f"jobs is {jobs}; at least one process must work")
    options = options or Options()
    roster = read_roster(source, selection or Selection())
    simulated = dataset.is_simulated(roster.root)
    prepared_tables.start(out, source, roster.root, simulated=simulated)
    sweep(out)
    sweep(out / RECORDS)
    job = _Job(out, roster.root, options, options.record(), again)
    outcomes = []
    for outcome in work(partial(_one, job), roster.members, jobs):
        outcomes.append(outcome)
        if on_step:
            on_step(outcome.member.key)
    whole = selection is None or selection.whole
    return _concluded(out, source, roster, outcomes, options, whole=whole)


def _one(job: _Job, member: Member) -> _Outcome:
    """Prepare one visit unless that is done; whatever goes wrong is its problem alone."""
    place = Place(member.subject, member.session, job.options.voxel)
    expected = {"Options": job.stated, "Inputs": _inputs(member, job.root)}
    with lock(job.out / f".{place.key}"):
        record = None if job.again else finished(job.out, place, expected)
        if record is not None:
            problems = tuple(Problem(**problem) for problem in record["Problems"])
            return _Outcome(member, record, problems, kept=True)
        with tempfile.TemporaryDirectory(prefix="acadiff-") as scratch:
            visit = prepare(member, job.options, Path(scratch), job.root)
            if not visit.scans:
                discard(job.out, place)
                return _Outcome(member, {}, visit.problems, kept=False)
            record = _write(job, place, visit, expected)
    return _Outcome(member, record, visit.problems, kept=False)


def _inputs(member: Member, root: Path) -> dict[str, Any]:
    """What of a visit's files its prepared scans depend on."""
    inputs: dict[str, Any] = {}
    for modality, candidate in member.scans.items():
        mask = None if modality.is_pet else beside(candidate.path)
        inputs[modality.name] = {
            "Path": _relative(candidate.path, root),
            "SHA256": _hash(candidate.path),
            "MaskSHA256": _hash(mask) if mask else None,
            "Space": candidate.space,
            "SUVR": candidate.suvr,
        }
    return inputs


def _hash(path: Path) -> str | None:
    try:
        return sha256(path) if path.is_file() else None
    except AcadiffError:
        return None


def _write(job: _Job, place: Place, visit: Visit, expected: Mapping[str, Any]) -> Record:
    """Put a prepared visit on disk."""
    assert visit.mask is not None
    sources = {m: _uri(s.given.candidate.path, job.root) for m, s in visit.scans.items()}
    scans = {
        m: (scanned.volume, scan_sidecar(visit, scanned, job.options, sources[m]))
        for m, scanned in visit.scans.items()
    }
    mask = mask_sidecar(visit, job.options, next(iter(sources.values())))
    transforms = {
        place.transform(way.start, way.end, way.suffix, way.tracer): way.write
        for way in ways(visit)
    }
    record = {
        **expected,
        "Scans": {m.name: str(place.scan(m)) for m in scans},
        "Measures": {m.name: dict(scanned.measures) for m, scanned in visit.scans.items()},
        "Space": visit.space,
        "BrainExtraction": visit.extraction,
        "Problems": [asdict(problem) for problem in visit.problems],
        "Simulated": is_simulated(visit),
    }
    return write_visit(job.out, place, Contents(scans, visit.mask, mask, transforms), record)


def _concluded(
    out: Path,
    source: Path,
    roster: Roster,
    outcomes: Sequence[_Outcome],
    options: Options,
    *,
    whole: bool,
) -> Prepared:
    """Hold the visits against each other, and write the tables and the page."""
    far = _far(outcomes)
    lines = [_line(outcome, far) for outcome in outcomes]
    told = (p for outcome in outcomes for p in _problems(outcome, far))
    problems = tuple(dict.fromkeys((*roster.problems, *told)))
    done = sum(len(line.scans) for line in lines)
    asked = sum(len({*m.scans, *m.refused}) for m in roster.members)
    result = Prepared(len(lines), done, asked - done, sum(o.kept for o in outcomes), problems)
    check = {
        "software": {"name": "acadiff", "version": __version__},
        "source": str(source),
        "layout": roster.layout,
        "options": options.record(),
        "visits": result.visits,
        "requested": asked,
        "done": done,
        "refused": result.refused,
        "problems": [prepared_tables.as_json(problem) for problem in problems],
    }
    simulated = any(outcome.record.get("Simulated") for outcome in outcomes)
    if simulated:
        prepared_tables.start(out, source, roster.root, simulated=True)
    entries = [
        entry(o.member.key, o.record, _problems(o, far), [(m, n) for m, n, _ in far[o.member.key]])
        for o in outcomes
    ]
    write_page(out, entries, roster.root.resolve().name, simulated=simulated)
    prepared_tables.write_tables(out, lines, check, partial=not whole)
    return result


def _problems(outcome: _Outcome, far: _Far) -> tuple[Problem, ...]:
    """All that is wrong or odd about one visit."""
    odd = (problem for *_, problem in far[outcome.member.key])
    told = map(outcome.member.advised, (*outcome.problems, *outcome.member.refused.values()))
    return (*told, *odd)


def _line(outcome: _Outcome, far: _Far) -> Line:
    """A visit as the tables tell it."""
    member, record = outcome.member, outcome.record
    flags = [f"{_of(p, member)}{p.code}" for p in (*outcome.problems, *member.refused.values())]
    flags += [f"{m.name} {problem.code} {name}" for m, name, problem in far[member.key]]
    return Line(
        member.subject,
        member.session,
        {Modality[name]: path for name, path in record.get("Scans", {}).items()},
        member.visit,
        record.get("Space", ""),
        record.get("BrainExtraction", ""),
        {Modality[name]: values for name, values in record.get("Measures", {}).items()},
        tuple(dict.fromkeys(flags)),
    )


def _of(problem: Problem, member: Member) -> str:
    """`FDG ` if the problem is with that scan."""
    for modality, candidate in member.scans.items():
        if problem.where.endswith(candidate.path.name):
            return f"{modality.name} "
    return ""


def _far(outcomes: Iterable[_Outcome]) -> _Far:
    """What of which visit is unlike the cohort."""
    found: _Far = {outcome.member.key: [] for outcome in outcomes}
    for modality in Modality:
        known = [
            (o.member.key, o.record["Scans"][modality.name], o.record["Measures"][modality.name])
            for o in outcomes
            if modality.name in o.record.get("Measures", {})
        ]
        far = outliers([values for *_, values in known])
        for (key, path, values), names in zip(known, far, strict=True):
            for name in names:
                hint = "look at it in qc.html"
                text = f"{path}: its {name} ({values[name]:.4g}) is far from the cohort's; {hint}"
                problem = Problem(path, "W_QC_OUTLIER", f"{name} {values[name]:.4g}", hint, text)
                found[key].append((modality, name, problem))
    return found


def _uri(path: Path, root: Path) -> str:
    """A BIDS URI for what lies below the source, else the file's own."""
    if path.is_relative_to(root):
        return f"bids:raw:{path.relative_to(root).as_posix()}"
    return path.resolve().as_uri()


def _relative(path: Path, root: Path) -> str:
    return shown(path.relative_to(root) if path.is_relative_to(root) else path)
