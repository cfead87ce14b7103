import contextlib
import os
import pty
import sys

import pytest

from acadiff.cli.progress import progress


def lines(capsys, total, steps):
    with progress("Working", total) as on_step:
        for step in range(steps):
            on_step(f"sub-{step}")
    out, err = capsys.readouterr()
    assert out == ""
    assert "\x1b" not in err
    return err.splitlines()


@pytest.mark.parametrize(("total", "expected"), [(1, 1), (3, 3), (10, 10), (1028, 10), (25, 10)])
def test_a_log_gets_at_most_ten_plain_lines_and_always_the_last(capsys, total, expected):
    said = lines(capsys, total, total)
    assert len(said) == expected
    assert said[-1] == f"Working {total} of {total}: sub-{total - 1}"


def test_a_log_gets_every_tenth_step_of_a_run_of_unknown_length(capsys):
    assert lines(capsys, None, 25) == ["Working 10: sub-9", "Working 20: sub-19"]


def test_more_steps_than_announced_do_no_harm(capsys):
    assert lines(capsys, 2, 4)[-1] == "Working 4 of 2: sub-3"


def drained(leader):
    """Everything a closed terminal was sent."""
    chunks = []
    with contextlib.suppress(OSError):  # how Linux says that nobody is at the other end
        while chunk := os.read(leader, 4096):
            chunks.append(chunk)
    os.close(leader)
    return b"".join(chunks)


def test_a_terminal_gets_a_bar_that_takes_names_as_they_are(monkeypatch):
    leader, follower = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", os.fdopen(follower, "w"))
    with progress("Working", 2) as on_step:
        on_step("[red]sub-1[/red]")
        on_step("sub-2")
    sys.stderr.close()
    shown = drained(leader).decode()
    assert "2/2" in shown
    assert "Working" in shown
    assert "sub-2" in shown


def fail(total):
    with progress("Working", total) as on_step:
        on_step("sub-1")
        raise ValueError("broken")


def test_a_failure_of_the_work_passes_through(capsys):
    with pytest.raises(ValueError, match="broken"):
        fail(2)
    assert capsys.readouterr().err == "Working 1 of 2: sub-1\n"
