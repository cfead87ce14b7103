"""`acadiff calibrate`: tell how far imputed scans err, and what scans usually look like."""

from typing import Annotated

import typer

from acadiff.cli.progress import progress
from acadiff.cli.recipes import CohortArgument, WorkArgument
from acadiff.cli.train import Targets, modalities


def calibrate(
    cohort: CohortArgument,
    work: WorkArgument,
    method: Annotated[str, typer.Option(help="Method: acadiff or mean.")] = "acadiff",
    target: Targets = None,
    detail: Annotated[
        list[str] | None,
        typer.Option("--clinical", help="For prompts that tell none, scores or full; repeatable."),
    ] = None,
    draws: Annotated[int, typer.Option(min=2, help="Monte Carlo draws, as for impute.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
) -> None:
    """Calibrate intervals on the validation subjects; run the same command again to resume."""
    from acadiff.clinical import Detail
    from acadiff.errors import UsageError
    from acadiff.stages.calibrate import Order, run

    known = {level.value: level for level in Detail}
    unknown = [name for name in detail or () if name not in known]
    if unknown:
        raise UsageError(f"--clinical {unknown[0]}: known are {', '.join(known)}")
    details = tuple(known[name] for name in detail) if detail else Order().details
    with progress("Calibrating") as on_step:
        run(cohort, work, method, Order(modalities(target), details, draws, seed), on_step)
    print(work / "generators")
