"""Runs of classifiers, each a line of a journal; tables are made of the journal alone."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from acadiff.benchmark.diagnosis.completion import Completion
from acadiff.benchmark.diagnosis.rows import Kind, Row
from acadiff.benchmark.diagnosis.setting import JOURNAL, Setting, gapped_in, rows_in
from acadiff.benchmark.diagnosis.study import Pattern
from acadiff.errors import CohortError
from acadiff.evaluation.diagnosis_table import Cell, Runs
from acadiff.latent.kept import kept_identity
from acadiff.outputs.journal import Journal
from acadiff.stages.classify import REGIONAL, Task, classify
from acadiff.stages.classify import forget as classifiers_forget
from acadiff.workers import work


@dataclass(frozen=True)
class Job:
    """One run: its place in the table, and the classifier to train."""

    cell: Cell
    run: int
    task: Task
    weights: str
    belongs: str

    @cached_property
    def key(self) -> str:
        """Everything that its result depends on, people and numbers included."""
        cases = [
            [c.key, c.label, [[_identity(path), draw] for path, draw in c.pieces.values()]]
            for part in self.task.parts
            for c in part
        ]
        held = json.dumps([self.belongs, self.cell, self.run, self.task.seed, cases])
        return hashlib.sha256(held.encode()).hexdigest()[:24]


@cache
def _identity(path: Path) -> str:
    return kept_identity(path)


def forget() -> None:
    """Forget what was read of kept volumes; some may have been made anew."""
    _identity.cache_clear()
    classifiers_forget()


def jobs_of(setting: Setting) -> Iterator[Job]:
    """Every run of every cell; those that too few people are left for are passed over."""
    request = setting.request
    for scenario in request.scenarios:
        setting.study.require(gapped_in(scenario)[1])
        for seed in request.mask_seeds:
            masks = [(0, dict[str, Any]()), *setting.masks(scenario, seed)]
            for kind in request.classifiers:
                for rate, pattern in masks:
                    for row in rows_in(request.rows, scenario):
                        if (row.kind is Kind.ORACLE) == (rate == 0):
                            cell = Cell(scenario, kind, seed, rate, row.name)
                            yield from _runs(setting, cell, row, pattern)


def _runs(setting: Setting, cell: Cell, row: Row, pattern: Pattern) -> Iterator[Job]:
    part, classes = gapped_in(cell.scenario)
    people = {name: setting.study.of(name, classes) for name in setting.study.parts}
    gapped = Completion(setting.shelf, pattern, people["fit"], classes)
    whole = replace(gapped, lost={})
    weights = _weights(setting.folder, row)
    for run in range(setting.request.runs):
        try:
            cases = {
                name: (gapped if name == part else whole).cases(people[name], row, run)
                for name in people
            }
            task = Task(
                kind=cell.classifier,
                **cases,
                classes=len(classes),
                seed=run,
                numbers=setting.recipe.diagnosis,
                device=setting.request.device,
                precision=setting.recipe.precision,
            )
        except CohortError as error:
            if error.code != "E_FEW_PEOPLE":
                raise
            return
        yield Job(cell, run, task, weights, setting.belongs)


def _weights(folder: Path, row: Row) -> str:
    """SHA-256 of the weights that a row draws from; nothing where there are none."""
    if not row.method:
        return ""
    found = sorted((folder / "generators").glob(f"{row.method}-*/generator.json"))
    records = [json.loads(path.read_bytes())["sha256"] for path in found]
    return hashlib.sha256("".join(records).encode()).hexdigest()[:16]


def run_jobs(setting: Setting) -> None:
    """Do every run that the journal does not hold, regional ones in this process."""
    journal = Journal(setting.out / JOURNAL)
    done = set(journal.read())
    for regional in (True, False):
        left = (
            job
            for job in jobs_of(setting)
            if (job.cell.classifier == REGIONAL) == regional and job.key not in done
        )
        for key, line in work(_classified, left, 1 if regional else setting.request.jobs):
            journal.add(key, line)
            setting.on_step(f"{line['method']}, {line['rate']} %, run {line['run'] + 1}")


def _classified(job: Job) -> tuple[str, dict[str, Any]]:
    """Key and line of a run; of each person, the probabilities of all classes but the first."""
    told = classify(job.task)
    rounded = {
        name: [[round(p, 6) for p in row[1:]] for row in told[name].tolist()] for name in told
    }
    of = {"belongs": job.belongs, "weights": job.weights, "run": job.run}
    return job.key, {**of, **job.cell._asdict(), **rounded}


def finished(setting: Setting) -> dict[Cell, Runs]:
    """What the journal holds of this table, asked for now or before.

    Of a row whose weights changed, the runs with the newest alone.
    """
    lines = [
        line
        for line in Journal(setting.out / JOURNAL).read().values()
        if line.get("belongs") == setting.belongs
    ]
    newest = {(line["scenario"], line["method"]): line["weights"] for line in lines}
    held: dict[Cell, dict[int, Mapping[str, Any]]] = {}
    for line in lines:
        if newest[line["scenario"], line["method"]] == line["weights"]:
            cell = Cell(*(line[name] for name in Cell._fields))
            held.setdefault(cell, {})[line["run"]] = line
    return {cell: _gathered(lines, setting, cell.scenario) for cell, lines in held.items()}


def _gathered(lines: Mapping[int, Mapping[str, Any]], setting: Setting, scenario: str) -> Runs:
    classes = gapped_in(scenario)[1]
    labels = [
        np.array([classes.index(s.diagnosis) for s in setting.study.of(part, classes)])
        for part in ("validation", "test")
    ]
    told = {
        part: np.array([lines[run][part] for run in sorted(lines)], np.float64)
        for part in ("validation", "test")
    }
    whole = {p: np.concatenate([1 - t.sum(-1, keepdims=True), t], -1) for p, t in told.items()}
    return Runs(whole["validation"], whole["test"], (labels[0], labels[1]))
