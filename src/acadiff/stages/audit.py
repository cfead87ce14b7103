"""Impute the same scans with other prompts, to see what the prompt writes into the image."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from acadiff.clinical.prompt import Detail
from acadiff.cohort.dataset import hidden_truth
from acadiff.cohort.standing import unseen
from acadiff.cohort.table import Cohort, Diagnosis, Subject
from acadiff.cohort.told import OWN, conditions
from acadiff.commit import sha256, write_json
from acadiff.errors import CohortError, UsageError
from acadiff.evaluation.brains import brain_of
from acadiff.evaluation.gain import gains
from acadiff.evaluation.leak import (
    group_differences,
    image_changes,
    slopes,
    table,
    written,
)
from acadiff.evaluation.observed import changes_of, scan_rows
from acadiff.evaluation.readings import PRIMARY, acquired, of_sources
from acadiff.evaluation.regional import reader
from acadiff.evaluation.tables import write_table
from acadiff.evaluation.verdict import verdict
from acadiff.imputer import Imputer
from acadiff.modality import Modality
from acadiff.outputs.audit_page import SUMMARY, write_page
from acadiff.outputs.audit_page import TABLE as FILE
from acadiff.outputs.journal import Journal
from acadiff.volume.grid import place
from acadiff.workers import work

OnStep = Callable[[str], None]
Model = tuple[Path, str, bool]
"""Folder, method, and whether prompts may be shared with a remote text encoder."""

Mask = Bool[np.ndarray, "i j k"]
JOURNAL = "audit.jsonl"
COLUMNS = (
    *("level", "subject", "diagnosis", "condition", "told", "told_mmse"),
    *("measure", "region", "value", "low", "high", "n"),
)
"""Of the table: who, told what, and a number with its 95 % interval."""


@dataclass(frozen=True)
class Request:
    """What to audit.

    Args:
        target: what is imputed, a PET.
        sources: from which scans.
        draws: Monte Carlo draws of each imputation.
        subjects: at most so many people, as many of each diagnosis as can be; None is everyone.
        seed: of the draws, and of who is given whose record.
        jobs: processes.

    Raises:
        UsageError: the target is no PET or among the sources, or there is no source.
    """

    target: Modality = Modality.AV45
    sources: tuple[Modality, ...] = (Modality.MRI,)
    draws: int = 10
    subjects: int | None = None
    seed: int = 0
    jobs: int = 1

    def __post_init__(self) -> None:
        """Refuse what cannot be audited."""
        if self.target not in PRIMARY:
            known = " and ".join(m.name for m in PRIMARY)
            raise UsageError(f"{self.target.name} has no regional SUVR; there are {known}")
        if self.target in self.sources or not self.sources:
            raise UsageError(f"name sources other than the target, {self.target.name}")


@dataclass(frozen=True)
class Person:
    """One subject with the paths of the scans that are compared with, and what is told of it."""

    subject: Subject
    told: Mapping[str, Subject]
    truth: Path | None
    mri: Path | None


def unseen_by(imputer: Imputer, cohort: Cohort, target: Modality) -> tuple[Cohort, str]:
    """Those whom the model has not seen, and how that is known.

    Raises:
        CohortError: there is no generator for the target, nobody can tell, or there is nobody.
    """
    if target not in imputer.generators:
        raise CohortError(f"{imputer.folder}: holds no generator for {target.title}; train one")
    record = imputer.generators[target].record
    seen = {*record["trained_on"], *record.get("validated_on", ())}
    seen.update(*(codec.trained_on for codec in imputer.codecs.values()))
    simulated = record.get("simulated", False)
    return unseen(cohort, imputer.folder, seen, simulated_model=simulated)


def chosen(cohort: Cohort, people: Cohort, request: Request) -> list[Person]:
    """Whom to audit: who has the sources, diagnoses in turn, at most as many as asked.

    Who is told whose record, and what is typical, does not depend on how many are asked for.

    Raises:
        CohortError: nobody has the sources.
    """
    able = [s for s in people.subjects if set(request.sources) <= set(s.scans)]
    if not able:
        wanted = " and ".join(m.title for m in request.sources)
        raise CohortError(f"{cohort.root}: nobody whom the model has not seen has {wanted}")
    others = [m for m in Modality if m not in request.sources]
    told = conditions([s.without(*others) for s in able], request.seed)
    hidden = hidden_truth(cohort)

    def scan(subject: Subject, modality: Modality) -> Path | None:
        return subject.scans.get(modality) or hidden.get((subject.key, modality))

    found = [
        Person(s, said, scan(s, request.target), scan(s, Modality.MRI))
        for s, said in zip(able, told, strict=True)
    ]
    groups = [[p for p in found if p.subject.diagnosis is d] for d in (*Diagnosis, None)]
    turns = [p for p in chain.from_iterable(zip_longest(*groups)) if p is not None]
    return turns[: request.subjects]


def run(
    cohort: Cohort,
    persons: Sequence[Person],
    model: Model,
    out: Path,
    request: Request,
    assumption: str,
    on_step: OnStep,
) -> dict[str, Any]:
    """Impute, compare, and write `audit.tsv` and `audit.json`; what is imputed is not done again.

    Args:
        cohort: everybody.
        persons: whom to audit, as `chosen` gives them.
        model: what `loaded` takes.
        out: folder to write to.
        request: what to audit.
        assumption: how it is known that the model has not seen them.
        on_step: told of each person.

    Returns:
        What `audit.json` holds. In the table, a row is a reading of a scan (`level` scan) or a
        finding (`level` cohort).

    Raises:
        OutputError: `out` cannot be written.
        ScanError: a scan cannot be used.
        EncoderError: a remote text encoder may not or cannot be asked.
    """
    tasks = [Task(model, person, request, out / JOURNAL) for person in persons]
    rows: list[dict[str, Any]] = []
    imputer = loaded(*model)
    imputer.tell((s, request.target, Detail.FULL) for p in persons for s in p.told.values())
    for person, made in zip(persons, work(impute_person, tasks, request.jobs), strict=True):
        brain = brain_of(person.mri, imputer.grid)
        path = person.truth
        truth = None if path is None else acquired(path, request.target, brain, imputer.grid)
        used = {m: person.subject.scans[m] for m in request.sources}
        rows += scan_rows(person.told, made, truth, of_sources(used, brain, imputer.grid))
        on_step(person.subject.key)
    scans = pd.DataFrame(rows)
    readings, changes = scans[scans["measure"] == "SUVR"], changes_of(scans)
    found = image_changes(changes) + slopes(readings, changes) + group_differences(readings)
    findings = table(found + written(readings) + gains(scans[scans["region"] != "brain"]))
    whole = pd.concat([scans, findings.assign(level="cohort")], ignore_index=True)
    write_table(out / FILE, whole[list(COLUMNS)])
    held = _summary(persons, findings, model, request)
    held |= {"simulated": cohort.simulated, "assumption": assumption}
    write_json(out / SUMMARY, held)
    write_page(out)
    return held


def _summary(
    persons: Sequence[Person], findings: pd.DataFrame, model: Model, request: Request
) -> dict[str, Any]:
    found = loaded(*model).generators[request.target]
    groups = [p.subject.diagnosis for p in persons]
    return {
        "target": request.target.name,
        "sources": [m.name for m in request.sources],
        "region": PRIMARY[request.target][0],
        "draws": request.draws,
        "seed": request.seed,
        "subjects": {d.value if d else "unknown": groups.count(d) for d in (*Diagnosis, None)},
        "model": {"name": found.record["name"], "sha256": found.identity},
        "encoder": (found.record["encoder"] or {}).get("name"),
        "verdict": verdict(findings, request.target, request.sources),
    }


@dataclass(frozen=True)
class Task:
    """One person's imputations, for one process."""

    model: Model
    person: Person
    request: Request
    journal: Path


def impute_person(task: Task) -> list[dict[str, Any]]:
    """Impute one person under every condition; what the journal holds is not done again.

    Returns:
        One row a condition: `condition`, `regions` (mean SUVR of the target's readings), `change`
        (RMS against the own prompt, in SUVR) and `sd` (RMS between draws, likewise).
    """
    imputer = loaded(*task.model)
    imputer.together = min(task.request.draws, imputer.together)
    return list(_Audited(imputer, task).rows())


@cache
def loaded(folder: Path, method: str, share: bool) -> Imputer:
    """The model, once a process."""
    return Imputer.load(folder, method, share=share)


class _Audited:
    """The imputations of one person; its own image is made once, when another is compared."""

    def __init__(self, imputer: Imputer, task: Task) -> None:
        self._imputer, self._person, self._request = imputer, task.person, task.request
        self._journal = Journal(task.journal)
        self._brain = brain_of(task.person.mri, imputer.grid)
        self._read = reader(task.request.target, self._brain, imputer.grid.voxel)
        self._own: Float[np.ndarray, "i j k"] | None = None
        scans = task.person.told[OWN].scans
        self._hashes = {m.name: sha256(path) for m, path in sorted(scans.items(), key=str)}

    def rows(self) -> Iterator[dict[str, Any]]:
        done = self._journal.read()
        for condition, subject in self._person.told.items():
            key = self._key(subject)
            if key not in done:
                done[key] = self._row(condition, subject)
                self._journal.add(key, done[key])
            yield {**done[key], "condition": condition}

    def _key(self, subject: Subject) -> str:
        """What an imputation and its comparison depend on."""
        own = self._provenance(self._person.told[OWN])["PromptSHA256"]
        held = {"key": subject.key, "own": own, "scans": self._hashes, "audit": 1}
        held |= {"together": self._imputer.together, **self._provenance(subject)}
        return hashlib.sha256(json.dumps(held, sort_keys=True).encode()).hexdigest()[:24]

    def _provenance(self, subject: Subject) -> dict[str, Any]:
        wanted = self._request
        return self._imputer.provenance(subject, wanted.target, wanted.draws, wanted.seed)

    def _row(self, condition: str, subject: Subject) -> dict[str, Any]:
        mean, sd = self._imputed(subject)
        if condition == OWN:
            self._own = mean
        elif self._own is None:
            self._own = self._imputed(self._person.told[OWN])[0]
        own = mean if self._own is None else self._own
        return {
            "subject": subject.key,
            "condition": condition,
            "regions": {name: v for (name, unit), v in self._read(mean).items() if unit == "SUVR"},
            "change": _rms((mean - own)[self._brain]),
            "sd": _rms(sd[self._brain]),
        }

    def _imputed(self, subject: Subject) -> tuple[Float[np.ndarray, "i j k"], ...]:
        wanted = self._request
        made = self._imputer.impute(subject, wanted.target, wanted.draws, wanted.seed)
        grid = self._imputer.grid
        return tuple(place(volume, grid).data[0] for volume in (made.mean, made.sd))


def _rms(values: Float[np.ndarray, " v"]) -> float:
    return float(np.sqrt(np.square(values, dtype=np.float64).mean()))
