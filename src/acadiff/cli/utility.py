"""`acadiff utility`: is imputing a scan worth it in this cohort?"""

from pathlib import Path
from typing import Annotated

import typer

from acadiff.cli.progress import progress
from acadiff.cli.recipes import RecipeOption, SetOption, ShareOption, chosen
from acadiff.cli.train import Targets, modalities


def utility(
    cohort: Annotated[Path, typer.Argument(help="Dataset on the model's grid.")],
    work: Annotated[str, typer.Argument(help="Work folder of a training, or a pretrained name.")],
    out: Annotated[Path, typer.Option(help="Folder for utility.html and its tables.")],
    target: Targets = None,
    method: Annotated[str, typer.Option(help="Method: acadiff or another.")] = "acadiff",
    clinical: Annotated[
        str, typer.Option(help="What prompts tell: none, scores or full (the diagnosis, too).")
    ] = "none",
    rate: Annotated[
        int | None,
        typer.Option(min=1, max=95, help="Who lacks it, %; left out, as many as in the cohort."),
    ] = None,
    runs: Annotated[int, typer.Option(min=1, help="Repeats, each its own folds and draw.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Seed of draws, folds and gaps.")] = 0,
    recipe: RecipeOption = "phantom-4mm",
    set_: SetOption = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    share: ShareOption = False,
) -> None:
    """Take a scan from your own complete people, impute it, and see what a classifier gains.

    Only people whom the model has not seen count. What is imputed is kept: the same command goes
    on where it was interrupted.
    """
    numbers = chosen(recipe, set_).diagnosis
    from acadiff.benchmark.diagnosis.rows import rows_of
    from acadiff.benchmark.diagnosis.utility import Request, run
    from acadiff.benchmark.diagnosis.utility_page import verdicts
    from acadiff.pretrained import find

    folder = find(work)
    row = rows_of(f"{method}:{clinical}", folder)[-1]
    wanted = Request(row, modalities(target), rate, runs, seed, jobs, share)
    with progress("Imputing") as on_step:
        page = run(cohort, folder, out, numbers, wanted, on_step)
    for sentence in verdicts(out):
        print(sentence)
    print(page)
