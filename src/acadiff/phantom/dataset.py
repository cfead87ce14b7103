"""The simulated cohort as a BIDS dataset; a run that stopped goes on where it was."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from acadiff.bids import Name
from acadiff.cohort.dataset import HIDDEN, PEOPLE, read_cohort
from acadiff.cohort.missing import missing_pattern
from acadiff.cohort.table import Cohort, Scores, Subject
from acadiff.commit import sha256, sweep, write_json, write_text
from acadiff.errors import UsageError
from acadiff.modality import Modality
from acadiff.phantom.claim import SETTINGS, claimed, read_record
from acadiff.phantom.enrolment import Person
from acadiff.phantom.render import render
from acadiff.phantom.sidecars import COLUMNS, DESCRIPTION, README, dataset_description, sidecar
from acadiff.phantom.simulation import Simulation
from acadiff.volume.image import write_scan
from acadiff.workers import work

CAUSES = SETTINGS.with_name("causes.tsv")
RECORDS = SETTINGS.with_name("subjects")


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
    with claimed(root, simulation):
        for folder in (root, root / SETTINGS.parent, root / RECORDS):
            sweep(folder)
        write_json(root / "dataset_description.json", dataset_description())
        write_text(root / "README", README)
        people = simulation.people
        hidden = _hidden(root, simulation, people)
        task = partial(write_subject, root, simulation, hidden)
        for done in work(task, range(1, simulation.subjects + 1), jobs):
            if on_step is not None:
                on_step(done)
        write_text(root / CAUSES, _table([_causes_row(person) for person in people]))
        write_json(root / "participants.json", COLUMNS)
        write_text(root / PEOPLE, _table([_participants_row(person) for person in people]))
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
        tree = HIDDEN if modality in hidden.get(f"sub-{person.id}", ()) else Path()
        path = tree / Name(person.id, modality).path()
        sweep(root / path.parent)
        write_scan(root / path, volume, DESCRIPTION)
        text = tree / Name(person.id, modality).path(".json")
        write_json(root / text, sidecar(modality))
        sums |= {str(name): sha256(root / name) for name in (path, text)}
    write_json(record, {"simulated": True, "causes": _causes_row(person), "sha256": sums})
    return person.id


def _is_done(root: Path, record: Path) -> bool:
    """Whether the record is there and every file it names is what it was."""
    sums = read_record(record).get("sha256", {})
    whole = ((root / p).exists() and sha256(root / p) == digest for p, digest in sums.items())
    return bool(sums) and all(whole)


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
