"""`acadiff prompts`: every sentence that a text encoder would read, and nothing sent."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from acadiff.cli.recipes import CohortArgument, RecipeOption, SetOption, chosen
from acadiff.cli.train import Targets, modalities


def prompts(
    cohort: CohortArgument,
    work: Annotated[
        Path | None, typer.Argument(help="Work folder, if there is one: its split and memory.")
    ] = None,
    recipe: RecipeOption = "phantom-4mm",
    set_: SetOption = None,
    target: Targets = None,
    bodies: Annotated[
        bool, typer.Option("--bodies", help="Print the bodies of the requests as JSON instead.")
    ] = False,
) -> None:
    """Show what training and imputing would say of a cohort to the text encoder; send nothing.

    Each sentence stands once, on a line of its own. With a remote encoder (--set
    conditioning.encoder=openai) the count of requests and --bodies tell what would leave.
    """
    from acadiff.stages.prompts import run

    shown = run(cohort, chosen(recipe, set_), modalities(target), work)
    lines = map(json.dumps, shown.bodies) if bodies else shown.sentences
    for line in lines:
        print(line)
    what = f"{len(shown.sentences)} sentences on {shown.people} people"
    if shown.server is None:
        text = f"{what}; the encoder is no remote one, so none would leave this machine"
    else:
        text = (
            f"{what}, {shown.remembered} of them remembered; the others would go to "
            f"{shown.server} in {len(shown.bodies)} requests. Nothing was sent"
        )
    print(f"acadiff: {text}", file=sys.stderr)
