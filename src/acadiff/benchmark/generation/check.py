"""Does a comparison give the numbers that were committed?"""

from pathlib import Path

import numpy as np
import pandas as pd

from acadiff.errors import AcadiffError
from acadiff.evaluation.tables import read_table

TOLERANCE = 1e-3
_KEYS = ["method", "task", "image", "metric"]
_NUMBERS = ["value", "sd", "lower", "upper"]


def check(out: Path, committed: Path) -> str:
    """Hold `table.tsv` against the one in another folder.

    Args:
        out: what was made now.
        committed: what it must come to; its methods and tasks must all be there.

    Returns:
        One sentence that says how near they are.

    Raises:
        AcadiffError: a number differs by more than `TOLERANCE`, or is missing.
        MissingInputError: there is no such table.
    """
    ours, theirs = (_numbers(folder) for folder in (out, committed))
    missing = theirs.index.difference(ours.index)
    if len(missing):
        raise AcadiffError(
            f"{out / 'table.tsv'}: lacks {' '.join(missing[0])}, which {committed} has",
            code="E_NOT_REPRODUCED",
            value=" ".join(missing[0]),
            hint="compare the same methods and tasks",
        )
    found = ours.loc[theirs.index]
    a, b = found.to_numpy(float), theirs.to_numpy(float)
    gap = np.where(np.isnan(a) & np.isnan(b), 0, np.nan_to_num(np.abs(a - b), nan=np.inf))
    row, column = (int(i) for i in np.unravel_index(int(gap.argmax()), gap.shape))
    if gap.max() > TOLERANCE:
        raise AcadiffError(
            f"{out / 'table.tsv'}: {_NUMBERS[column]} of {' '.join(theirs.index[row])} is "
            f"{a[row, column]:g}, where {committed} has {b[row, column]:g}; in "
            f"{int((gap.max(axis=1) > TOLERANCE).sum())} of {len(gap)} rows more than "
            f"{TOLERANCE:g} differs",
            code="E_NOT_REPRODUCED",
            value=f"{gap.max():g}",
            hint="use the weights, people, draws and seed that it was made with",
        )
    return f"{len(gap)} rows agree with {committed} within {TOLERANCE:g}; worst {gap.max():.2g}"


def _numbers(folder: Path) -> pd.DataFrame:
    table = read_table(folder / "table.tsv", text=_KEYS)
    return table.set_index(_KEYS).sort_index()[_NUMBERS]
