"""`acadiff impute`: make the scans that are missing."""

from pathlib import Path
from typing import Annotated

import typer

from acadiff.cli.progress import progress
from acadiff.cli.recipes import CohortArgument
from acadiff.cli.train import modalities


def impute(
    cohort: CohortArgument,
    out: Annotated[Path, typer.Argument(help="Derivative dataset to write, kept if it is there.")],
    model: Annotated[
        str, typer.Option("--model", "-m", help="Work folder of a training, or a pretrained name.")
    ] = "phantom-4mm",
    method: Annotated[str, typer.Option(help="Method: acadiff or mean.")] = "acadiff",
    draws: Annotated[int, typer.Option(min=1, help="Monte Carlo draws.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
    source: Annotated[
        list[str] | None,
        typer.Option("--source", help="Use only these scans and impute the others; repeatable."),
    ] = None,
    target: Annotated[list[str] | None, typer.Option("--target", help="Only these.")] = None,
    participant_label: Annotated[
        list[str] | None,
        typer.Option("--participant-label", metavar="ID", help="Only these subjects."),
    ] = None,
    keep_draws: Annotated[bool, typer.Option(help="Write the single draws too.")] = False,
) -> None:
    """Fill in every scan a subject lacks, from all scans it has. What is done is skipped."""
    from acadiff.bids import subject_label
    from acadiff.errors import AcadiffError
    from acadiff.imputer import Imputer
    from acadiff.pretrained import find
    from acadiff.stages.impute import Request, run

    labels = tuple(map(subject_label, participant_label)) if participant_label else None
    request = Request(
        draws=draws,
        seed=seed,
        sources=modalities(source) if source else None,
        subjects=labels,
        targets=modalities(target),
        keep_draws=keep_draws,
    )
    with progress("Imputing") as on_step:
        failed = run(cohort, Imputer.load(find(model), method), out, request, on_step)
    if failed:
        reasons = "; ".join(f"{scan}: {why}" for scan, why in failed.items())
        raise AcadiffError(f"{len(failed)} scan(s) failed, all others are done. {reasons}")
    print(out)
