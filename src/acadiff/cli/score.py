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
    out: Annotated[Path, typer.Option(help="Folder to write the tables to.")],
    jobs: Annotated[int, typer.Option(min=1, help="Processes; changes no number.")] = 2,
    include_trained: Annotated[
        bool,
        typer.Option("--include-trained", help="Score people the model was trained on, too."),
    ] = False,
) -> None:
    """Compare imputed scans, by voxel and by region, with acquired ones they did not see."""
    from acadiff.stages.score import run

    with progress("Scoring") as on_step:
        scores = run(derivatives, cohort, out, jobs, on_step, trained=include_trained)
    for table in (scores.summary, scores.endpoints):
        if len(table):
            print(table.to_string(index=False, float_format="{:.3f}".format, na_rep="n/a"))
    if scores.left_out:
        print(f"{len(scores.left_out)} left out in part; the first: {scores.left_out[0]}")
    print(out / "summary.tsv")
    print(out / "agreement.tsv")
