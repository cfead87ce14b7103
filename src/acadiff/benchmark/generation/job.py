"""One method on one target: weights, the scans of its tasks, their scores. Killed, it goes on.

A job's record comes last and holds the SHA-256 of its tables; without it, what is there is gone
on with. Before anything is made the job says what it belongs to, so that results of another split,
seed or recipe are never mixed in.
"""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from acadiff.benchmark.generation.bench import Bench
from acadiff.benchmark.generation.cost import (
    Cost,
    clinical_seen,
    imputing_cost,
    training_cost,
)
from acadiff.benchmark.generation.plan import Job, Task
from acadiff.benchmark.generation.scores import regions_of, scores_of
from acadiff.benchmark.generation.weights import are_there, ready
from acadiff.commit import lock, sha256, write_json
from acadiff.errors import AcadiffError, OutputError
from acadiff.evaluation.regional import EVERYTHING
from acadiff.evaluation.tables import write_table
from acadiff.generators.folder import folder_name
from acadiff.imputer import Imputer
from acadiff.outputs.cases import find_cases, refuse_trained
from acadiff.outputs.derivative import drop_draws
from acadiff.stages import impute
from acadiff.stages.score import Judged, score_case
from acadiff.workers import work

CLAIM, RECORD = "claim.json", "job.json"
SCORES, REGIONS = "scores.tsv", "regions.tsv"


def perform(job: Job, bench: Bench) -> None:
    """Do what is left of a job.

    One that is done keeps its results though its weights are gone: tables are small enough to be
    handed on, and nothing is trained to come to the same.

    Raises:
        OutputError: its folder holds results of another split, seed or recipe.
        AcadiffError: a scan cannot be imputed.
    """
    folder = bench.folder(job)
    with lock(folder):
        require_same(folder / CLAIM, bench.belongs(job))
        if is_done(folder) and not are_there(job, bench):
            bench.on_step(f"{job.name}: there already, without its weights")
            return
        weights = ready(job, bench)
        if is_done(folder):
            require_same(folder / RECORD, {"weights": weights["sha256"]})
            bench.on_step(f"{job.name}: there already")
        else:
            _do(job, bench, weights)
            bench.on_step(f"{job.name}: scored")
        if not bench.request.keep_draws:
            for task in job.tasks:
                drop_draws(_root(job, task, bench))


def _do(job: Job, bench: Bench, weights: Mapping[str, Any]) -> None:
    """Impute, score, and say so in the end."""
    folder = bench.folder(job)
    write_json(folder / CLAIM, bench.belongs(job))
    imputer = imputer_of(job, bench)
    roots = [_impute(job, task, imputer, bench) for task in job.tasks]
    judged = _judge(roots, bench)
    regions = regions_of(judged)
    write_table(folder / REGIONS, regions)
    write_table(folder / SCORES, scores_of(job.entry.name, judged, regions))
    write_json(folder / RECORD, _record(job, imputer, weights, bench))


def imputer_of(job: Job, bench: Bench) -> Imputer:
    """The model of a job, in the precision that is asked for."""
    return Imputer.load(
        bench.work,
        job.entry.weights,
        targets=(job.target,),
        precision=bench.request.precision,
    )


def _root(job: Job, task: Task, bench: Bench) -> Path:
    """The dataset of a task's scans."""
    return bench.folder(job) / "imputed" / task.pattern


def is_done(folder: Path) -> bool:
    """Whether a job's record is there, and its tables are those that it was made for."""
    files = read(folder / RECORD).get("files", {})
    return bool(files) and all(
        (folder / name).is_file() and sha256(folder / name) == known
        for name, known in files.items()
    )


def read(path: Path) -> dict[str, Any]:
    """A JSON object; an empty one where there is none or it is damaged."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def require_same(path: Path, expected: Mapping[str, Any]) -> None:
    """Refuse a folder whose record says that it belongs to something else.

    Raises:
        OutputError: it does.
    """
    found = read(path)
    plain = json.loads(json.dumps(expected))
    different = sorted(k for k in plain if k in found and found[k] != plain[k])
    if different:
        raise OutputError(
            f"{path.parent}: holds results of another {', another '.join(different)}",
            code="E_OTHER_RUN",
            value=path.parent.name,
            hint="use another --out, or remove that folder",
        )


def _impute(job: Job, task: Task, imputer: Imputer, bench: Bench) -> Path:
    """Have the scans of one task made; returns their dataset.

    Raises:
        AcadiffError: one cannot be; without it methods would be judged by different people.
    """
    root = _root(job, task, bench)
    asked = impute.Request(
        draws=job.entry.asked,
        seed=bench.request.seed,
        sources=task.sources,
        subjects=bench.people_of(task),
        targets=(task.target,),
        keep_draws=True,
    )
    failed = impute.run(bench.root, imputer, root, asked, _named(job, task, bench))
    if failed:
        who, why = next(iter(failed.items()))
        raise AcadiffError(
            f"{job.name}: {len(failed)} scans could not be imputed; the first, {who}: {why}"
        )
    return root


def _named(job: Job, task: Task, bench: Bench) -> impute.OnStep:
    return lambda text: bench.on_step(f"{job.entry.name} {task.pattern}: {text}")


def _judge(roots: list[Path], bench: Bench) -> list[Judged]:
    """Score all scans of a job, every region of every draw among it.

    Raises:
        CohortError: the model was trained on somebody.
    """
    cases = find_cases(roots, bench.cohort)
    refuse_trained(cases)
    return list(work(partial(score_case, of_draws=EVERYTHING), cases, bench.request.processes))


def _record(
    job: Job, imputer: Imputer, weights: Mapping[str, Any], bench: Bench
) -> dict[str, Any]:
    """What the job was made with, what it cost, and which tables it left."""
    folder = bench.folder(job)
    return {
        **bench.belongs(job),
        "weights": weights["sha256"],
        "cost": cost_of(job, imputer, weights, bench),
        "files": {name: sha256(folder / name) for name in (REGIONS, SCORES)},
    }


def cost_of(job: Job, imputer: Imputer, weights: Mapping[str, Any], bench: Bench) -> Cost:
    """What the job takes, measured now on the first person of its first task."""
    task = job.tasks[0]
    subject = bench.cohort.named(bench.people_of(task)[:1]).subjects[0]
    trained = bench.work / "generators" / folder_name(job.entry.weights, job.target)
    return {
        **training_cost(job.entry, trained),
        **imputing_cost(imputer, subject, task, job.entry.asked),
        "clinical": clinical_seen(job.entry, weights),
    }
