"""How a run ends when it fails: one sentence on stderr, and an exit status for scripts."""

import os
import shlex
import sys
import tempfile
import traceback
from collections.abc import Callable
from typing import Any

import typer

from acadiff.errors import AcadiffError, UsageError

_DEBUG = "--debug"
_INTERRUPTED = 130
_BROKEN_PIPE = 1  # as typer has it


def guarded(app: Callable[..., Any], arguments: list[str] | None) -> int:
    """Run a typer app on `arguments` (None: those of this process) and return its exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    debug = _DEBUG in given
    try:
        status = app([a for a in given if a != _DEBUG], prog_name="acadiff", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        return _say(_of_the_parser(error), UsageError.exit_code)
    except AcadiffError as error:
        if debug:
            traceback.print_exc()
        return _say(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        status = _INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except Exception as error:  # noqa: BLE001 - the last resort of the whole program
        return _unexpected(error, given, debug)
    if status == _INTERRUPTED:
        return _say("interrupted; run the same command again to go on", status)
    return status if isinstance(status, int) else 0


def _say(sentence: str, status: int) -> int:
    print(f"acadiff: {sentence}", file=sys.stderr)
    return status


def _of_the_parser(error: typer.TyperException) -> str:
    """Take typer's sentence and add which command's help to read."""
    context = getattr(error, "ctx", None)
    if context is None:
        return error.format_message()
    name = context.command_path
    if error.format_message() == context.get_help():  # what typer says to a bare `acadiff`
        return f"a command is missing (see `{name} --help`)"
    return f"{error.format_message().rstrip('.')} (see `{name} --help`)"


def _unexpected(error: Exception, given: list[str], debug: bool) -> int:
    """Say in one line what broke and where its traceback is."""
    text = "".join(traceback.format_exception(error))
    if debug:
        print(text, file=sys.stderr, end="")
    log = _log(f"acadiff {shlex.join(given)}\n{text}")
    where = f"the traceback is in {log}; " if log else ""
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return _say(f"unexpected {what[:300]} ({where}--debug shows it on the screen)", 1)


def _log(text: str) -> str | None:
    """Leave a text in a new temporary file, if there is any place for it."""
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="acadiff-", suffix=".log", delete=False, encoding="utf-8"
        ) as file:
            file.write(text)
            return file.name
    except OSError:
        return None
