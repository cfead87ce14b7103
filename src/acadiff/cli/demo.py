"""`acadiff demo`: the whole river on simulated people, from nothing to a report."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acadiff.cli.progress import progress
from acadiff.cli.recipes import DeviceOption, RecipeOption, SetOption, chosen, launched

if TYPE_CHECKING:
    from acadiff.recipe import Recipe

SEED = 77
TRAINING_SEED = 2026
"""Cohort seed of the pretrained weights; the demo's people come from another one."""

TRAINING_PEOPLE = 600
"""How many are simulated for a split that is given in shares."""


def demo(
    out: Annotated[Path, typer.Argument(help="Folder to write to; run again to go on.")],
    subjects: Annotated[int, typer.Option(min=1, help="Simulated people to impute.")] = 8,
    train: Annotated[bool, typer.Option(help="Train from nothing first (under an hour).")] = False,
    recipe: RecipeOption = "phantom-4mm",
    set_: SetOption = None,
    device: DeviceOption = "cpu",
    jobs: Annotated[int, typer.Option(min=1, help="Processes; changes no number.")] = 2,
) -> None:
    """Simulate people, hide scans of each, impute and score them, and show it in a report."""
    from acadiff import phantom
    from acadiff.errors import AcadiffError
    from acadiff.imputer import Imputer
    from acadiff.pretrained import find
    from acadiff.stages import impute, report, score

    numbers = chosen(recipe, set_)
    model = _train(out, numbers, device, jobs) if train else find(numbers.name)
    cohort, imputed, results = out / "cohort", out / "derivatives" / "acadiff", out / "results"
    with progress("Simulating", subjects) as on_step:
        phantom.cohort(
            cohort,
            subjects=subjects,
            voxel=numbers.voxel,
            seed=SEED,
            jobs=min(jobs, subjects),
            missing=1.0,
            on_step=on_step,
        )
    with progress("Imputing") as on_step:
        request = impute.Request(draws=numbers.diffusion.draws, keep_draws=True)
        failed = impute.run(cohort, Imputer.load(model), imputed, request, on_step)
    with progress("Scoring") as on_step:
        score.run([imputed], cohort, results, jobs=1, on_step=on_step)
    with progress("Drawing", subjects) as on_step:
        page = report.run([imputed], cohort, results, model, out, on_step=on_step)
    if failed:
        raise AcadiffError(f"{len(failed)} scan(s) failed: {'; '.join(failed)}")
    print(f"All data are SIMULATED, all imputed scans SYNTHETIC. Open the report:\n{page}")


def _train(out: Path, numbers: "Recipe", device: str, jobs: int) -> Path:
    """Simulate a training cohort and fit everything on it; returns the work folder."""
    from acadiff import phantom
    from acadiff.cohort.ledger import PARTS
    from acadiff.modality import Modality
    from acadiff.stages import compress, train

    parts = numbers.split.model_dump(include=set(PARTS)).values()
    people = sum(parts) if all(size >= 1 or not size for size in parts) else TRAINING_PEOPLE
    cohort, work = out / "training-cohort", out / "work"
    with progress("Simulating", people) as on_step:
        phantom.cohort(
            cohort,
            subjects=people,
            voxel=numbers.voxel,
            seed=TRAINING_SEED,
            jobs=jobs,
            on_step=on_step,
        )
    fabric = launched(device, numbers.precision)
    with progress("Compressing") as on_step:
        compress.run(cohort, work, numbers, fabric, on_step)
    with progress("Training") as on_step:
        train.run(cohort, work, numbers, "acadiff", tuple(Modality), fabric, on_step)
    return work
