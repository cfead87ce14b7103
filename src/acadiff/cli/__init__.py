"""The command line: parse, call a stage, say what came of it.

Each command is a file here with one function of its name and one line below. A command imports its
stage when it runs, so that `acadiff --help` answers at once. Nothing else in acadiff prints.
"""

import sys
from typing import Annotated

import typer

from acadiff import __version__
from acadiff.cli import (
    audit,
    benchmark,
    bids_app,
    calibrate,
    check,
    compress,
    demo,
    impute,
    prepare,
    prompts,
    recipe,
    report,
    score,
    simulate,
    train,
    utility,
)
from acadiff.cli.failure import guarded

app = typer.Typer(
    name="acadiff",
    help="Fill in the brain scan a patient does not have. Research use only.",
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(demo.demo)
app.command()(simulate.simulate)
app.command()(check.check)
app.command()(prepare.prepare)
app.command()(compress.compress)
app.command()(prompts.prompts)
app.command()(train.train)
app.command()(calibrate.calibrate)
app.command()(impute.impute)
app.command()(score.score)
app.command()(audit.audit)
app.command()(utility.utility)
app.command()(report.report)
app.command()(recipe.recipe)
app.add_typer(benchmark.app)
app.command(bids_app.NAME, hidden=True)(bids_app.bids_app)


def _version(asked: bool) -> bool:
    if asked:
        print(f"acadiff {__version__}")
        raise typer.Exit
    return asked


@app.callback()
def _options(
    version: Annotated[  # noqa: ARG001 - its callback acts
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")
    ] = False,
    debug: Annotated[  # noqa: ARG001 - taken out by `guarded`, wherever it stands; here for --help
        bool, typer.Option("--debug", help="Show the traceback of any failure.")
    ] = False,
) -> None:
    """Take what every command takes."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command line and return its exit status (the numbers of `acadiff.errors`).

    Args:
        arguments: without the program's name; None takes those of this process.
    """
    given = sys.argv[1:] if arguments is None else arguments
    named = {
        command.name or getattr(command.callback, "__name__", "")
        for command in app.registered_commands
    } | {benchmark.NAME}
    return guarded(app, [bids_app.NAME, *given] if bids_app.is_bids_app(given, named) else given)
