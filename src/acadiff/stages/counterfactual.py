"""The same scans and noise, told another MMSE: what the model associates with decline."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from acadiff import __version__
from acadiff.cohort.table import Cohort, Diagnosis, Subject
from acadiff.commit import sha256, write_json
from acadiff.errors import CohortError
from acadiff.evaluation.brains import brain_of
from acadiff.evaluation.course import ALONE, LEVELS, TOGETHER, alone, lowest, together
from acadiff.evaluation.regional import COMPOSITE, META_ROI, reader
from acadiff.imputer import Imputer
from acadiff.modality import Modality
from acadiff.outputs.derivative import Imputation
from acadiff.outputs.journal import Journal
from acadiff.outputs.panels import FOLDER, Panel, Point, record
from acadiff.volume.grid import place
from acadiff.volume.image import LABEL, Volume, write_scan

OnStep = Callable[[str], None]
JOURNAL = "counterfactual.jsonl"
_READ = {Modality.AV45: COMPOSITE, Modality.FDG: META_ROI}
_SLUG = {ALONE: "mmse", TOGETHER: "all"}


@dataclass(frozen=True)
class Request:
    """What is imputed from what, and how.

    Args:
        target: AV45 or FDG.
        sources: from which scans.
        draws: Monte Carlo draws of each imputation.
        seed: of the draws.
    """

    target: Modality
    sources: tuple[Modality, ...]
    draws: int
    seed: int


def spanning(people: Cohort, sources: Sequence[Modality]) -> list[Subject]:
    """One person of each diagnosis: who has the sources and an MMSE nearest to its median."""
    found = []
    for group in Diagnosis:
        able = [
            s for s in people.subjects if s.diagnosis is group and set(sources) <= set(s.scans)
        ]
        known = [s.scores.mmse for s in able if s.scores.mmse is not None]
        if known:
            middle = float(np.median(known))
            able = [s for s in able if s.scores.mmse is not None]
            found.append(min(able, key=lambda s: (abs((s.scores.mmse or 0) - middle), s.key)))
    return found


def count(subjects: Sequence[Subject]) -> int:
    """How many imputations that takes."""
    return len(subjects) * len(_SLUG) * len(LEVELS)


def run(
    subjects: Sequence[Subject],
    cohort: Cohort,
    imputer: Imputer,
    out: Path,
    request: Request,
    on_step: OnStep,
) -> list[Panel]:
    """Impute each subject along both courses and write images and `counterfactual.json`.

    Args:
        subjects: for whom.
        cohort: whose scores say what is typical.
        imputer: the model.
        out: folder of the audit.
        request: what and how.
        on_step: told of each imputation.

    Raises:
        CohortError: a subject lacks a source.
        OutputError: `out` cannot be written.
    """
    panels = []
    for subject in subjects:
        lacking = [m.title for m in request.sources if m not in subject.scans]
        if lacking:
            raise CohortError(f"{subject.key}: has no {lacking[0]} to impute from; name another")
        for row in (ALONE, TOGETHER):
            panels.append(_panel(subject, row, cohort, imputer, out, request, on_step))
    told = {"lowest_mmse": lowest(cohort.subjects), "simulated": cohort.simulated}
    write_json(out / FOLDER / "counterfactual.json", {**told, "panels": [*map(record, panels)]})
    return panels


def _panel(
    subject: Subject,
    row: str,
    cohort: Cohort,
    imputer: Imputer,
    out: Path,
    request: Request,
    on_step: OnStep,
) -> Panel:
    bare = subject.without(*(m for m in Modality if m not in request.sources))
    people = alone(bare) if row == ALONE else together(bare, cohort.subjects)
    asked = _Asked(subject, imputer, out, request)
    points = []
    for level, person in zip(LEVELS, people, strict=True):
        ends = level in (LEVELS[0], LEVELS[-1])
        image = f"{subject.key}_{_SLUG[row]}-{level}.nii.gz" if ends else None
        points.append(asked.point(level, person, image))
        on_step(f"{subject.key} {row} MMSE={level}")
    group = subject.diagnosis.value if subject.diagnosis else None
    region = _READ[request.target][0]
    return Panel(subject.key, group, row, request.target, region, tuple(points))


class _Asked:
    """The points of one subject; what the journal holds, with its image, is not done again."""

    def __init__(self, subject: Subject, imputer: Imputer, out: Path, request: Request) -> None:
        self._imputer, self._out, self._request = imputer, out, request
        self._journal = Journal(out / JOURNAL)
        self._brain = brain_of(subject.scans.get(Modality.MRI), imputer.grid)
        self._hashes = {m.name: sha256(subject.scans[m]) for m in request.sources}

    def point(self, level: int, person: Subject, image: str | None) -> Point:
        """One imputation: the composite, its SD over draws, and an image if one is asked for."""
        wanted = self._request
        held: dict[str, Any] = {"key": person.key, "scans": self._hashes, "image": image}
        held |= self._imputer.provenance(person, wanted.target, wanted.draws, wanted.seed)
        text = json.dumps({**held, "together": self._imputer.together}, sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()[:24]
        done = self._journal.read().get(key)
        if done is None or not self._is_there(image, done.get("sha256")):
            made = self._imputer.impute(person, wanted.target, wanted.draws, wanted.seed)
            done = {**self._read(made), "sha256": self._write(image, made.mean)}
            self._journal.add(key, done)
        prompt = str(self._imputer.prompt(person, wanted.target))
        return Point(level, prompt.partition(" for ")[2], done["value"], done["sd"], image)

    def _read(self, made: Imputation) -> dict[str, float]:
        grid, target = self._imputer.grid, self._request.target
        read = reader(target, self._brain, grid.voxel)
        draws = [] if made.kept is None else list(made.kept)
        volumes = [made.mean, *(Volume(d[None], made.mean.affine, target) for d in draws)]
        values = [read(place(v, grid).data[0])[_READ[target]] for v in volumes]
        sd = float(np.std(values[1:], ddof=1)) if len(values) > 2 else 0.0
        return {"value": float(values[0]), "sd": sd}

    def _write(self, image: str | None, volume: Volume) -> str | None:
        if image is None:
            return None
        path = self._out / FOLDER / image
        placed = place(volume, self._imputer.grid)
        write_scan(path, placed, f"{LABEL} acadiff {__version__}", LABEL)
        return sha256(path)

    def _is_there(self, image: str | None, digest: str | None) -> bool:
        if image is None:
            return True
        path = self._out / FOLDER / image
        return path.is_file() and sha256(path) == digest
