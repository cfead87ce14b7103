"""Does imputation keep the diagnosis? AD against CN at each missing rate [paper §3, Table 1].

Volumes are made once (`shelf`), classifiers are trained cell by cell and each finished run is a
line of a journal (`runs`). Killed at any moment, the same command goes on where it was.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from acadiff.benchmark.diagnosis.completion import lacking
from acadiff.benchmark.diagnosis.page import write_page
from acadiff.benchmark.diagnosis.results import RECORD, TABLES
from acadiff.benchmark.diagnosis.rows import Row
from acadiff.benchmark.diagnosis.runs import finished, forget, run_jobs
from acadiff.benchmark.diagnosis.setting import (
    THREE_WAY,
    OnStep,
    Request,
    Setting,
    gapped_in,
    rows_in,
)
from acadiff.benchmark.diagnosis.shelf import FOLDER, Acquire, Draw, Shelf, draws_of, loaded, make
from acadiff.benchmark.diagnosis.study import THREE, TWO, Study, study
from acadiff.cohort.dataset import read_cohort
from acadiff.commit import write_json
from acadiff.errors import OutputError, RecipeError
from acadiff.evaluation.diagnosis_table import (
    differences,
    every_run,
    measured,
    over_patterns,
    summary,
)
from acadiff.evaluation.tables import write_table
from acadiff.generators.folder import folder_name
from acadiff.latent.codec_folder import load_codec, read_record
from acadiff.modality import Modality
from acadiff.recipe import Recipe
from acadiff.workers import work


def run(
    cohort: Path, folder: Path, out: Path, recipe: Recipe, request: Request, on_step: OnStep
) -> Path:
    """Do everything that is not done yet, then write tables, figures and a page.

    Args:
        cohort: root of the classifier's people, whom no model has seen.
        folder: where the models are, and where volumes are kept.
        out: folder for the results.
        recipe: the numbers; the voxel size must be the models'.
        request: what is run.
        on_step: told of each thing done.

    Returns:
        The page.

    Raises:
        RecipeError: the models are of another voxel size.
        CohortError: people were trained on, have no diagnosis, or are too few.
        OutputError: `out` holds results of other people.
    """
    setting = opened(cohort, folder, out, recipe, request, on_step)
    fill(setting)
    forget()
    run_jobs(setting)
    return tell(setting)


def opened(
    cohort: Path, folder: Path, out: Path, recipe: Recipe, request: Request, on_step: OnStep
) -> Setting:
    """Everything that runs work with; refuses what cannot be run before anything is made.

    The arguments and failures are those of `run`.
    """
    seen, simulated = seen_by(folder, request.rows)
    voxel = load_codec(folder / "codecs" / Modality.MRI.name).grid.voxel
    if voxel != recipe.voxel:
        raise RecipeError(f"voxel is {recipe.voxel} mm, but the models in {folder} are of {voxel}")
    people = study(
        read_cohort(cohort), folder, seen, recipe.diagnosis.people, simulated_model=simulated
    )
    refuse_others(out, people)
    shelf = Shelf(folder / FOLDER / people.fingerprint[:12], voxel)
    setting = Setting(people, shelf, folder, recipe, request, out, on_step)
    for scenario in request.scenarios:
        people.require(gapped_in(scenario)[1])
        setting.masks(scenario, 0)
    return setting


def seen_by(folder: Path, rows: Sequence[Row]) -> tuple[list[str], bool]:
    """Hashes of all whom any model of these rows has seen; whether all of those were simulated.

    Raises:
        MissingInputError: a codec or a generator is not there.
    """
    seen: set[str] = set()
    for modality in Modality:
        seen |= set(load_codec(folder / "codecs" / modality.name).trained_on)
    simulated = True
    for method in dict.fromkeys(row.method for row in rows if row.method):
        for target in Modality:
            path = folder / "generators" / folder_name(method, target) / "generator.json"
            record = read_record(path, "generator")
            seen |= {*record["trained_on"], *record.get("validated_on", ())}
            simulated &= bool(record.get("simulated", False))
    return sorted(seen), simulated


def refuse_others(out: Path, people: Study) -> None:
    """Refuse to mix results of two splits.

    Raises:
        OutputError: the folder holds results of other people, or of the same in other parts.
    """
    path = out / RECORD
    if not path.is_file():
        return
    try:
        held = json.loads(path.read_bytes())["split"]
    except (ValueError, KeyError, TypeError):
        held = "damaged"
    if held != people.fingerprint:
        raise OutputError(
            f"{out}: holds results of another split",
            code="E_OTHER_SPLIT",
            value=str(held)[:12],
            hint="name another folder, or the cohort and recipe of those results",
        )


def fill(setting: Setting) -> None:
    """Put every volume on the shelf that any run asks for."""
    request = setting.request
    everybody = {s.key: s for part in setting.study.parts.values() for s in part.subjects}
    classes = THREE if THREE_WAY in request.scenarios else TWO
    people = [s for s in everybody.values() if s.diagnosis in classes]
    acquire = [Acquire(setting.shelf, s, m) for s in people for m in s.scans]
    tasks: list[Acquire | Draw] = [*acquire, *_draws(setting)]
    if request.sampling.share:
        _tell(setting, [t for t in tasks if isinstance(t, Draw)])
    for done in work(make, tasks, request.jobs):
        setting.on_step(done)


def _draws(setting: Setting) -> Iterator[Draw]:
    """Row by row, so that a process seldom changes models."""
    request, found = setting.request, dict[Row, dict[Path, Draw]]()
    for scenario in request.scenarios:
        subjects = setting.study.of(*gapped_in(scenario))
        patterns = [p for seed in request.mask_seeds for p in setting.masks(scenario, seed)]
        for row in rows_in(request.rows, scenario):
            people = lacking(subjects, [pattern for _, pattern in patterns])
            own = draws_of(setting.shelf, setting.folder, [row], people, request.sampling)
            paths = {setting.shelf.drawn(row, d.subject, d.target): d for d in own}
            found.setdefault(row, {}).update(paths)
    for draws in found.values():
        yield from draws.values()


def _tell(setting: Setting, draws: Sequence[Draw]) -> None:
    """Have a remote text encoder encode all prompts of a method at once."""
    for method in dict.fromkeys(d.row.method for d in draws):
        imputer = loaded(setting.folder, method, True)
        own = [d for d in draws if d.row.method == method]
        imputer.tell((d.subject, d.target, d.row.detail) for d in own)


def tell(setting: Setting) -> Path:
    """Tables, figures and a page of all runs that are finished; returns the page."""
    found = measured(finished(setting))
    tables = (every_run(found), summary(found), differences(found), over_patterns(found))
    for name, table in zip(TABLES, tables, strict=True):
        write_table(setting.out / name, table)
    write_json(setting.out / RECORD, _record(setting))
    return write_page(setting.out)


def _record(setting: Setting) -> dict[str, Any]:
    """What was asked for, now and before in this folder."""
    request, path = setting.request, setting.out / RECORD
    before = json.loads(path.read_bytes()) if path.is_file() else {}
    return {
        **setting.study.told(),
        "rates": sorted({*request.rates, *before.get("rates", ())}),
        "mask_seeds": list(dict.fromkeys([*before.get("mask_seeds", ()), *request.mask_seeds])),
        "runs": max(request.runs, before.get("runs", 0)),
        "rows": list(dict.fromkeys([*before.get("rows", ()), *(r.name for r in request.rows)])),
        "seed": request.sampling.seed,
        "voxel": setting.shelf.voxel,
        "numbers": setting.recipe.diagnosis.model_dump(mode="json"),
    }
