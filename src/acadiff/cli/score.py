"""`acadiff score`: how near imputed scans come to the acquired ones."""

from pathlib import Path
from typing import Annotated

import typer

from acadiff.cli.progress import progress


def score(
    derivatives: Annotated[
        list[Path], typer.Argument(metavar="DERIV", help="Folders of imputed scans.")
    ],
    cohort: Annotated[Path, typer.Option(help="The dataset they were imputed from.")],
    out: Annotated[Path, typer.Option(help="Folder to write generation.tsv and summary.tsv to.")],
    jobs: Annotated[int, typer.Option(min=1, help="Processes; changes no number.")] = 2,
    include_trained: Annotated[
        bool,
        typer.Option("--include-trained", help="Score people the model was trained on, too."),
    ] = False,
) -> None:
    """Compare imputed scans with acquired ones that the imputation did not see."""
    from acadiff.stages.score import run

    with progress("Scoring") as on_step:
        summary = run(derivatives, cohort, out, jobs, on_step, trained=include_trained)
    print(summary.to_string(index=False, float_format="{:.3f}".format, na_rep="n/a"))
    print(out / "summary.tsv")
