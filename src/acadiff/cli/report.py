"""`acadiff report`: everything to look at, in one file."""

from pathlib import Path
from typing import Annotated

import typer

from acadiff.cli.progress import progress


def report(
    derivatives: Annotated[
        list[Path], typer.Argument(metavar="DERIV", help="Folders of imputed scans.")
    ],
    cohort: Annotated[Path, typer.Option(help="The dataset they were imputed from.")],
    out: Annotated[Path, typer.Option(help="Folder to write report.html to.")] = Path(),
    results: Annotated[Path | None, typer.Option(help="Folder that `score` wrote.")] = None,
    work: Annotated[
        Path | None, typer.Option(help="Folder that `compress` and `train` wrote.")
    ] = None,
    audit: Annotated[Path | None, typer.Option(help="Folder that `audit` wrote.")] = None,
    diagnosis: Annotated[
        Path | None, typer.Option(help="Folder that `benchmark diagnosis` wrote.")
    ] = None,
    utility: Annotated[Path | None, typer.Option(help="Folder that `utility` wrote.")] = None,
) -> None:
    """Show on one offline page what was filled in, how sure it is and how near the truth."""
    from acadiff.benchmark.diagnosis import page as study
    from acadiff.benchmark.diagnosis import utility_page
    from acadiff.stages.report import run

    further = [study.section(diagnosis)] if diagnosis else []
    further += [utility_page.section(utility)] if utility else []
    with progress("Drawing") as on_step:
        page = run(derivatives, cohort, results, work, out, on_step, audit, further)
    print(page)
