"""`acadiff benchmark …`: compare methods with one another."""

from pathlib import Path
from typing import Annotated

import typer

from acadiff.cli.progress import progress
from acadiff.cli.recipes import (
    CohortArgument,
    DeviceOption,
    RecipeOption,
    SetOption,
    WorkArgument,
    chosen,
    launched,
)

NAME = "benchmark"
app = typer.Typer(
    name=NAME,
    help="Compare methods with one another, on equal terms.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def generation(
    cohort: CohortArgument,
    work: WorkArgument,
    out: Annotated[Path, typer.Option(help="Folder for tables, figures and imputed scans.")],
    methods: Annotated[str, typer.Option(help="All, or names with commas between.")] = "all",
    recipe: RecipeOption = "phantom-4mm",
    set_: SetOption = None,
    draws: Annotated[int, typer.Option(min=1, help="Monte Carlo draws.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
    subjects: Annotated[
        int | None, typer.Option(min=1, help="Only so many of the test people.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes that score.")] = 1,
    job: Annotated[
        list[str] | None, typer.Option("--job", help="Only METHOD-TARGET; repeatable.")
    ] = None,
    device: DeviceOption = "auto",
) -> None:
    """Train what is not trained, impute nine tasks for the test people, score and compare."""
    from acadiff.benchmark.generation import Request, run
    from acadiff.benchmark.plan import jobs_of, methods_of

    numbers = chosen(recipe, set_)
    wanted = Request(jobs_of(methods_of(methods), job or ()), draws, seed, subjects, jobs)
    with progress("Comparing") as on_step:
        run(cohort, work, out, numbers, wanted, launched(device, numbers.precision), on_step)
    print(out)
