"""`acadiff benchmark …`: compare methods with one another."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acadiff.cli.diagnosis import diagnosis
from acadiff.cli.progress import progress
from acadiff.cli.recipes import (
    CheckOption,
    CohortArgument,
    DeviceOption,
    RecipeOption,
    SetOption,
    ToleranceOption,
    WorkArgument,
    chosen,
    launched,
)

if TYPE_CHECKING:
    from acadiff.benchmark.generation.plan import Entry

NAME = "benchmark"
app = typer.Typer(
    name=NAME,
    help="Compare methods with one another, on equal terms.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Several = list[str] | None

app.command()(diagnosis)


@app.command()
def generation(
    cohort: CohortArgument,
    work: WorkArgument,
    out: Annotated[Path, typer.Option(help="Folder for tables, figures and imputed scans.")],
    methods: Annotated[str, typer.Option(help="All, or names with commas between.")] = "all",
    recipe: RecipeOption = "phantom-4mm",
    set_: SetOption = None,
    variant: Annotated[
        Several, typer.Option(help="NAME=section.key=value,…: the same, changed; repeatable.")
    ] = None,
    task: Annotated[Several, typer.Option(help="Only MRI+AV45-FDG or so; repeatable.")] = None,
    draws: Annotated[int, typer.Option(min=1, help="Monte Carlo draws.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
    subjects: Annotated[
        int | None, typer.Option(min=1, help="Only so many of the test people.")
    ] = None,
    job: Annotated[Several, typer.Option(help="Only METHOD-TARGET now; repeatable.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes that score.")] = 1,
    no_train: Annotated[
        bool, typer.Option("--no-train", help="Refuse what is not trained to its end.")
    ] = False,
    keep_draws: Annotated[
        bool, typer.Option("--keep-draws", help="Leave single draws on disk once scored.")
    ] = False,
    ceiling: Annotated[
        bool, typer.Option("--ceiling", help="Tell the distance to what nobody can beat, too.")
    ] = False,
    single_precision: Annotated[
        bool,
        typer.Option(
            "--single-precision",
            help="Impute without bfloat16: slower, but every processor comes to the same numbers.",
        ),
    ] = False,
    check: CheckOption = None,
    tolerance: ToleranceOption = 1e-3,
    device: DeviceOption = "auto",
) -> None:
    """Train what is not trained, impute nine tasks for the test people, score and compare."""
    entries = _entries(methods, variant or [], recipe, set_, draws)
    from acadiff.benchmark.generation.bench import Bench, Request
    from acadiff.benchmark.generation.check import check as compare
    from acadiff.benchmark.generation.comparison import run
    from acadiff.benchmark.generation.plan import chosen_jobs, jobs_of, tasks_of
    from acadiff.training.arithmetic import SINGLE

    everything = jobs_of(entries, tasks_of(task or ()), named=bool(task))
    now = chosen_jobs(everything, job or ())
    asked = Request(
        seed,
        subjects,
        jobs,
        train=not no_train,
        keep_draws=keep_draws,
        ceiling=ceiling,
        precision=SINGLE if single_precision else None,
    )
    with progress("Comparing") as on_step:
        fabric = launched(device, entries[0].recipe.precision)
        bench = Bench(cohort, work, out, asked, fabric, on_step)
        left = run(everything, now, bench)
    if left:
        print(f"{len(left)} jobs are not done yet, and then come the tables: {', '.join(left)}")
        return
    if check is not None:
        print(compare(out, check, tolerance))
    print(out / "table.md")


def _entries(
    methods: str, variants: list[str], recipe: str, changes: list[str] | None, draws: int
) -> list["Entry"]:
    """The lines of the tables: methods, then variants."""
    from acadiff.benchmark.generation.plan import Entry, methods_of, variant_of

    base = chosen(recipe, changes)
    entries = [Entry(name, base, draws, base) for name in methods_of(methods)]
    for text in variants:
        asked = variant_of(text)
        other = chosen(recipe, [*(changes or ()), *asked.changes])
        entries.append(Entry(asked.name, other, asked.draws or draws, base))
    return entries
