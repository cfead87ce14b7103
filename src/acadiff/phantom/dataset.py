"""The simulated cohort as a BIDS dataset; a run that stopped goes on where it was."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from acadiff import __version__
from acadiff.bids import Name
from acadiff.cohort.missing import missing_pattern
from acadiff.cohort.table import HIDDEN, TABLE, Cohort, Scores, Subject, read_cohort
from acadiff.commit import lock, sha256, sweep, write_json, write_text
from acadiff.errors import OutputError, UsageError
from acadiff.modality import Modality
from acadiff.phantom.enrolment import Person, enrol
from acadiff.phantom.parameters import Parameters
from acadiff.phantom.render import render
from acadiff.phantom.sidecars import COLUMNS, DESCRIPTION, README, dataset_description, sidecar
from acadiff.phantom.workers import work
from acadiff.volume.grid import VOXELS
from acadiff.volume.image import write_scan

SOURCE = Path("sourcedata")
SETTINGS = SOURCE / "simulation.json"
CAUSES = SOURCE / "causes.tsv"
RECORDS = SOURCE / "subjects"


@dataclass(frozen=True)
class Simulation:
    """Which cohort: everything that its bytes depend on.

    Args:
        subjects: how many; the first n subjects of a seed are the same for every n.
        voxel: voxel size in mm.
        seed: another seed, other people.
        missing: share of subjects that lose one or two scans.
        parameters: every number of the model.

    Raises:
        UsageError: a value makes no cohort.
    """

    subjects: int
    voxel: int
    seed: int
    missing: float = 0.0
    parameters: Parameters = field(default_factory=Parameters)

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated."""
        if self.subjects < 1:
            raise UsageError(f"subjects is {self.subjects}; a cohort needs at least one")
        if self.voxel not in VOXELS:
            sizes = ", ".join(map(str, VOXELS))
            raise UsageError(f"voxel is {self.voxel} mm; the phantom comes in {sizes} mm")
        if self.seed < 0:
            raise UsageError(f"seed is {self.seed}; it must not be negative")
        if not 0 <= self.missing <= 1:
            raise UsageError(f"the missing rate is {self.missing:g}; it lies between 0 and 1")

    def person(self, index: int) -> Person:
        """Subject `index`, from 1."""
        return enrol(self.seed, index, self.parameters)

    @property
    def people(self) -> tuple[Person, ...]:
        """Every subject, without images: milliseconds."""
        return tuple(self.person(index) for index in range(1, self.subjects + 1))

    def record(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        record = asdict(self) | {"version": __version__, "simulated": True}
        plain: dict[str, Any] = json.loads(json.dumps(record))
        return plain


def write_cohort(
    root: Path, simulation: Simulation, jobs: int, on_step: Callable[[str], None] | None
) -> Cohort:
    """Write the dataset, or what is left of it, and read it back.

    Raises:
        UsageError: `jobs` is less than 1, or the share of missing scans is impossible.
        OutputError: `root` holds something else, or cannot be written.
    """
    if jobs < 1:
        raise UsageError(f"jobs is {jobs}; at least one process must work")
    with _claimed(root, simulation):
        people = simulation.people
        hidden = _hidden(root, simulation, people)
        task = partial(write_subject, root, simulation, hidden)
        for done in work(task, range(1, simulation.subjects + 1), jobs):
            if on_step is not None:
                on_step(done)
        write_text(root / CAUSES, _table([_causes_row(person) for person in people]))
        write_json(root / "participants.json", COLUMNS)
        write_text(root / TABLE, _table([_participants_row(person) for person in people]))
    return read_cohort(root)


def write_subject(
    root: Path, simulation: Simulation, hidden: Mapping[str, frozenset[Modality]], index: int
) -> str:
    """Simulate one subject unless its files are complete; returns its id.

    The record with the files' checksums comes last: without it the subject is not done.
    """
    person = simulation.person(index)
    record = root / RECORDS / f"sub-{person.id}.json"
    if _is_done(root, record):
        return person.id
    sums: dict[str, str] = {}
    for modality, volume in render(person, simulation.voxel, simulation.parameters).items():
        tree = HIDDEN if modality in hidden.get(person.id, ()) else Path()
        path = tree / Name(person.id, modality).path()
        write_scan(root / path, volume, DESCRIPTION)
        text = tree / Name(person.id, modality).path(".json")
        write_json(root / text, sidecar(modality))
        sums |= {str(name): sha256(root / name) for name in (path, text)}
    write_json(record, {"simulated": True, "causes": _causes_row(person), "sha256": sums})
    return person.id


def _is_done(root: Path, record: Path) -> bool:
    """Whether the record is there and every file it names is what it was."""
    if not record.exists():
        return False
    sums: dict[str, str] = json.loads(record.read_bytes())["sha256"]
    return all((root / p).exists() and sha256(root / p) == digest for p, digest in sums.items())


@contextmanager
def _claimed(root: Path, simulation: Simulation) -> Iterator[None]:
    """Hold the folder for this simulation, which it must be empty for or belong to."""
    settings, wanted = root / SETTINGS, simulation.record()
    if root.exists() and any(root.iterdir()) and not settings.exists():
        raise OutputError(f"{root}: is not empty and holds no simulated cohort; name a new folder")
    with lock(settings):
        if settings.exists():
            _require_same(settings, wanted)
        else:
            write_json(settings, wanted)
        for folder in (root, root / SOURCE, root / RECORDS):
            sweep(folder)
        write_json(root / "dataset_description.json", dataset_description())
        write_text(root / "README", README)
        yield


def _require_same(settings: Path, wanted: dict[str, Any]) -> None:
    found = json.loads(settings.read_bytes())
    differing = [key for key in wanted if found.get(key) != wanted[key]]
    if differing:
        raise OutputError(
            f"{settings}: this cohort has {differing[0]} {found.get(differing[0])}, asked for is "
            f"{wanted[differing[0]]}; name a new folder"
        )


def _hidden(
    root: Path, simulation: Simulation, people: tuple[Person, ...]
) -> dict[str, frozenset[Modality]]:
    """Which scans go to the hidden tree."""
    scans = dict.fromkeys(Modality, root)
    nobody = Subject("", None, None, Scores(), scans)
    cohort = Cohort(root, tuple(replace(nobody, id=person.id) for person in people))
    return missing_pattern(cohort, simulation.missing, simulation.seed)


def _causes_row(person: Person) -> dict[str, Any]:
    causes = asdict(person.causes) | {"diagnosis": person.causes.diagnosis.name}
    return {"participant_id": f"sub-{person.id}", **causes}


def _participants_row(person: Person) -> dict[str, Any]:
    causes = person.causes
    return {
        "participant_id": f"sub-{person.id}",
        "diagnosis": causes.diagnosis.name,
        "age": f"{causes.age:.1f}",
        "sex": "F" if causes.female else "M",
        "apoe4": causes.e4,
        "MMSE": f"{causes.mmse:g}",
        "ADAS13": f"{causes.adas13:.2f}",
        "CDRSB": f"{causes.cdrsb:g}",
    }


def _table(rows: list[dict[str, Any]]) -> str:
    """Tab-separated text with a header."""
    lines = ["\t".join(rows[0])] + ["\t".join(map(str, row.values())) for row in rows]
    return "\n".join(lines) + "\n"
