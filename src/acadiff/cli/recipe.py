"""`acadiff recipe`: show the numbers of a method."""

from typing import Annotated

import typer

from acadiff.cli.recipes import SetOption, chosen


def recipe(
    name: Annotated[str, typer.Argument(help="A named recipe or a TOML file.")] = "phantom-4mm",
    set_: SetOption = None,
) -> None:
    """Print a recipe as TOML, to be edited and given back with --recipe."""
    from acadiff.recipe import to_toml

    print(to_toml(chosen(name, set_)), end="")
