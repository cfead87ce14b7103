"""Does a study give the numbers that were committed?"""

from pathlib import Path

from acadiff.benchmark.diagnosis.results import TABLES
from acadiff.benchmark.reproduced import TOLERANCE, hold, numbers
from acadiff.errors import AcadiffError
from acadiff.evaluation.diagnosis_table import CELL

_KEYS = [*CELL, "threshold", "metric", "runs"]
_VALUES = ["mean", "sd", "low", "high"]


def check(out: Path, committed: Path, tolerance: float = TOLERANCE) -> str:
    """Hold a summary against another one: every cell that both ran as often.

    Args:
        out: what was made now, perhaps of some rows and rates only.
        committed: what it must come to.
        tolerance: by how much a number may differ.

    Returns:
        One sentence that says how near they are.

    Raises:
        AcadiffError: a number differs by more, or no cell is in both.
    """
    summary = TABLES[1]
    ours, theirs = (numbers(folder / summary, _KEYS, _VALUES) for folder in (out, committed))
    known = theirs[theirs.index.isin(ours.index)]
    if known.empty:
        raise AcadiffError(
            f"{out / summary}: has no cell that {committed} ran as often",
            code="E_NOT_REPRODUCED",
            value=0,
            hint="compare the same rows, rates and number of runs",
        )
    worst = hold(ours, known, out / summary, committed, tolerance)
    return f"{len(known)} numbers agree with {committed} within {tolerance:g}; worst {worst:.2g}"
