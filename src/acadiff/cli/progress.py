"""From a stage's `on_step` calls to a bar on a terminal, or to a few plain lines in a log."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LINES = 10


@contextmanager
def progress(title: str, total: int | None = None) -> Iterator[Callable[[str], None]]:
    """Give a stage its `on_step`: each call is one step done, its text says which.

    Shown on stderr, so that what a command prints on stdout stays clean. A terminal gets a bar
    with the time left; anything else gets plain lines: ten in all, or one for every ten steps when
    `total` is not known.

    Args:
        title: what the run is doing, `Simulating`.
        total: how many steps there will be, if known.
    """
    if not sys.stderr.isatty():
        yield _lines(title, total)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[step]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(title, total=total, step="")
        yield lambda step: bars.update(task, advance=1, step=step)


def _lines(title: str, total: int | None) -> Callable[[str], None]:
    whole = f" of {total}" if total else ""
    done = 0

    def on_step(step: str) -> None:
        nonlocal done
        done += 1
        if done * _LINES // (total or _LINES**2) > (done - 1) * _LINES // (total or _LINES**2):
            print(f"{title} {done}{whole}: {step}", file=sys.stderr, flush=True)

    return on_step
