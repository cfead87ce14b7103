"""`acadiff train`: train generators on latents."""

from typing import Annotated

import typer

from acadiff.cli.progress import progress
from acadiff.cli.recipes import (
    CohortArgument,
    DeviceOption,
    RecipeOption,
    SetOption,
    ShareOption,
    WorkArgument,
    chosen,
    launched,
)
from acadiff.modality import Modality

Targets = Annotated[
    list[str] | None, typer.Option("--target", help="MRI, FDG or AV45; repeatable; default all.")
]


def train(
    cohort: CohortArgument,
    work: WorkArgument,
    recipe: RecipeOption = "phantom-4mm",
    set_: SetOption = None,
    method: Annotated[
        str, typer.Option(help="Method; docs/methods.md tells of each.")
    ] = "acadiff",
    target: Targets = None,
    device: DeviceOption = "auto",
    share: ShareOption = False,
) -> None:
    """Train one generator a target; run the same command again to resume."""
    numbers = chosen(recipe, [*(set_ or ()), *(["conditioning.share=true"] if share else ())])
    targets = modalities(target)
    from acadiff.stages.train import run

    with progress("Training") as on_step:
        fabric = launched(device, numbers.precision)
        run(cohort, work, numbers, method, targets, fabric, on_step)
    print(work / "generators")


def modalities(names: list[str] | None) -> tuple[Modality, ...]:
    """The modalities that options name; all if none is named.

    Raises:
        UsageError: no such modality.
    """
    from acadiff.errors import UsageError

    known = {m.name: m for m in Modality}
    unknown = [name for name in names or () if name.upper() not in known]
    if unknown:
        raise UsageError(f"no modality {unknown[0]!r}; known are {', '.join(known)}")
    chosen_ones = {known[name.upper()] for name in names} if names else set(Modality)
    return tuple(m for m in Modality if m in chosen_ones)
