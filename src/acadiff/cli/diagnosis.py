"""`acadiff benchmark diagnosis`: what completed scans are worth to a classifier."""

from pathlib import Path
from typing import Annotated

import typer

from acadiff.cli.progress import progress
from acadiff.cli.recipes import (
    CheckOption,
    CohortArgument,
    DeviceOption,
    RecipeOption,
    SetOption,
    ShareOption,
    ToleranceOption,
    chosen,
)


def diagnosis(
    cohort: CohortArgument,
    work: Annotated[Path, typer.Argument(help="Work folder of the trainings.")],
    out: Annotated[Path, typer.Option(help="Folder for tables, figures and the page.")],
    methods: Annotated[
        str, typer.Option(help="All that are trained, or names with commas, as ldm,acadiff:none.")
    ] = "all",
    classifier: Annotated[str, typer.Option(help="Either regional, densenet, or both.")] = (
        "regional"
    ),
    scenario: Annotated[
        list[str] | None, typer.Option(help="Either train, test or three-way; repeatable.")
    ] = None,
    runs: Annotated[int, typer.Option(min=1, help="Runs of each row, each its own draw.")] = 10,
    rates: Annotated[str, typer.Option(help="Missing rates, %.")] = "20,40,60,80",
    mask_seed: Annotated[
        str, typer.Option("--mask-seed", help="Who loses which scans; several with commas.")
    ] = "0",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
    recipe: RecipeOption = "phantom-4mm",
    set_: SetOption = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    device: DeviceOption = "auto",
    check: CheckOption = None,
    tolerance: ToleranceOption = 1e-3,
    share: ShareOption = False,
) -> None:
    """Take scans away, complete people by every method, and compare diagnoses from them.

    The people are those whom no method has seen: another cohort, or the classifier part of the
    split. What is finished is kept: the same command goes on where it was interrupted.
    """
    numbers = chosen(recipe, set_)
    from acadiff.benchmark.diagnosis.check import check as compare
    from acadiff.benchmark.diagnosis.comparison import run
    from acadiff.benchmark.diagnosis.rows import rows_of
    from acadiff.benchmark.diagnosis.setting import Request
    from acadiff.benchmark.diagnosis.shelf import Sampling
    from acadiff.stages.classify import CLASSIFIERS

    wanted = Request(
        rows=rows_of(methods, work),
        classifiers=CLASSIFIERS if classifier == "both" else (classifier,),
        scenarios=tuple(scenario or ("train",)),
        rates=whole_numbers("--rates", rates),
        mask_seeds=whole_numbers("--mask-seed", mask_seed),
        runs=runs,
        sampling=Sampling(max(runs, Sampling.draws), seed, share),
        jobs=jobs,
        device=device,
    )
    with progress("Diagnosing") as on_step:
        page = run(cohort, work, out, numbers, wanted, on_step)
    print(page)
    if check is not None:
        print(compare(out, check, tolerance))


def whole_numbers(option: str, text: str) -> tuple[int, ...]:
    """Whole numbers with commas between.

    Raises:
        UsageError: something is none.
    """
    from acadiff.errors import UsageError

    found = []
    for part in text.split(","):
        if not part.strip().isdigit():
            raise UsageError(
                f"{option} {text!r}: {part.strip()!r} is no whole number",
                code="E_RATE" if option == "--rates" else "E_OPTION",
                value=part.strip(),
                hint="as in 20,40",
            )
        found.append(int(part))
    return tuple(dict.fromkeys(found))
