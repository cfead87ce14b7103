"""Many tasks at once, each in one thread of one process; results in order."""

import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from multiprocessing import get_context
from typing import TypeVar

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from acadiff.errors import AcadiffError

Item = TypeVar("Item")
Result = TypeVar("Result")


def work(task: Callable[[Item], Result], items: Iterable[Item], jobs: int) -> Iterator[Result]:
    """Call `task` with every item, `jobs` at a time, and hand on what it returns.

    Raises:
        AcadiffError: a process died.
    """
    if jobs == 1:
        yield from map(task, items)
        return
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_settle)
    with pool, closing(pool.map(task, items)) as results:  # type: ignore[type-var]
        try:
            yield from results
        except BrokenProcessPool as error:
            raise AcadiffError(
                "a process died, perhaps for want of memory",
                code="E_MEMORY",
                value=jobs,
                hint="run the same command again with fewer jobs, what is finished is kept",
            ) from error


def _settle() -> None:
    """One thread per process, and leave Ctrl-C to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threadpool_limits(1)
