"""The options that several commands share: which recipe, which device."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acadiff.terms import FLAG, TERMS

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from acadiff.recipe import Recipe

RecipeOption = Annotated[
    str, typer.Option("--recipe", help="A named recipe (see `acadiff recipe`) or a TOML file.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change one number, e.g. --set diffusion.steps=20; repeatable."),
]
DeviceOption = Annotated[
    str,
    typer.Option("--device", help="Where to compute: auto, cpu, cuda or mps.", metavar="DEVICE"),
]
ShareOption = Annotated[
    bool,
    typer.Option(
        FLAG,
        help="You may give prompts to the service of a remote text encoder; without this nothing "
        f"is ever sent. {TERMS}",
    ),
]
CheckOption = Annotated[
    Path | None, typer.Option("--check", help="Committed results, which these must come to.")
]
ToleranceOption = Annotated[
    float, typer.Option(min=0, help="By how much a number may differ from the committed one.")
]
WorkArgument = Annotated[Path, typer.Argument(help="Work folder; made if it is not there.")]
CohortArgument = Annotated[Path, typer.Argument(help="Root of the BIDS dataset.")]


def chosen(recipe: str, changes: list[str] | None) -> "Recipe":
    """The recipe that the options name."""
    from acadiff.recipe import load_recipe

    return load_recipe(recipe, changes or ())


def launched(device: str, precision: str) -> "Fabric":
    """Lightning Fabric on the chosen device, processes started.

    Raises:
        UsageError: there is no such device here.
    """
    from acadiff.errors import UsageError
    from acadiff.training.arithmetic import fabric_on

    try:
        fabric = fabric_on(device, precision, "auto" if device != "cpu" else 1)
    except (ValueError, RuntimeError, LookupError) as error:
        raise UsageError(f"--device {device}: {str(error).splitlines()[0]}") from error
    fabric.launch()
    return fabric
