import inspect
import os
import subprocess
import sys

import pytest
import typer

from acadiff import errors
from acadiff.cli.failure import guarded

TREE = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.AcadiffError)
]


def failing(error):
    """A real typer app whose only command fails."""
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def command():
        raise error

    return app


@pytest.mark.parametrize("kind", TREE)
def test_an_error_of_ours_is_one_sentence_and_its_own_status(kind, capsys):
    assert guarded(failing(kind("sub-7: MMSE is 34, the scale ends at 30")), []) == kind.exit_code
    assert capsys.readouterr() == ("", "acadiff: sub-7: MMSE is 34, the scale ends at 30\n")


def test_debug_shows_the_traceback_of_an_error_of_ours(capsys):
    assert guarded(failing(errors.ScanError("it holds NaN")), ["--debug"]) == 65
    err = capsys.readouterr().err
    assert err.startswith("Traceback")
    assert err.endswith("acadiff: it holds NaN\n")


def test_an_unexpected_error_is_one_line_that_leads_to_its_traceback(
    capsys, tmp_path, monkeypatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert guarded(failing(ValueError("first\nsecond")), []) == 1
    out, err = capsys.readouterr()
    (log,) = tmp_path.glob("acadiff-*.log")
    assert out == ""
    assert err == (
        f"acadiff: unexpected ValueError: first second (the traceback is in {log}; "
        "--debug shows it on the screen)\n"
    )
    assert "Traceback" in log.read_text()


def test_an_unexpected_error_is_told_even_where_no_log_can_be_written(capsys, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", "/nowhere/at/all")
    assert guarded(failing(ValueError("broken")), []) == 1
    expected = "acadiff: unexpected ValueError: broken (--debug shows it on the screen)\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize("error", [KeyboardInterrupt(), typer.Abort()])
def test_an_interrupt_is_130_and_says_how_to_go_on(error, capsys):
    assert guarded(failing(error), []) == 130
    assert "acadiff: interrupted; run the same command again" in capsys.readouterr().err


def test_an_exit_keeps_its_status():
    assert guarded(failing(typer.Exit(3)), []) == 3


def test_success_is_zero():
    app = typer.Typer()
    app.command()(lambda: None)
    assert guarded(app, []) == 0


def test_a_reader_that_leaves_early_is_no_failure():
    code = (
        "import sys, typer\n"
        "from acadiff.cli.failure import guarded\n"
        "app = typer.Typer()\n"
        "@app.command()\n"
        "def command():\n"
        "    for _ in range(100000): print('line')\n"
        "sys.exit(guarded(app, []))\n"
    )
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")
