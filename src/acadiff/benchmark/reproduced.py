"""Do tables that were made now hold the numbers that were committed?"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from acadiff.errors import AcadiffError
from acadiff.evaluation.tables import read_table
from acadiff.training.arithmetic import has_bfloat16

TOLERANCE = 1e-3
"""In the same arithmetic; single precision in place of bfloat16 differs by more."""


def hold(
    ours: pd.DataFrame, theirs: pd.DataFrame, path: Path, committed: Path, tolerance: float
) -> float:
    """The greatest difference, if it may be.

    Args:
        ours: what was made now, by key.
        theirs: what it must come to; all of it must be there.
        path: of ours.
        committed: folder of theirs.
        tolerance: by how much a number may differ.

    Raises:
        AcadiffError: a number differs by more, or is missing.
    """
    missing = theirs.index.difference(ours.index)
    if len(missing) or theirs.empty:
        lacking = _named(missing[0]) if len(missing) else "what was made"
        raise AcadiffError(
            f"{path}: lacks {lacking}, which {committed} has",
            code="E_NOT_REPRODUCED",
            value=lacking,
            hint="compare the same methods, tasks and people",
        )
    found = ours.loc[theirs.index]
    a, b = found.to_numpy(float), theirs.to_numpy(float)
    gap = np.where(np.isnan(a) & np.isnan(b), 0, np.nan_to_num(np.abs(a - b), nan=np.inf))
    row, column = (int(i) for i in np.unravel_index(int(gap.argmax()), gap.shape))
    if gap.max() > tolerance:
        raise AcadiffError(
            f"{path}: {theirs.columns[column]} of {_named(theirs.index[row])} is "
            f"{a[row, column]:g}, where {committed} has {b[row, column]:g}; in "
            f"{int((gap.max(axis=1) > tolerance).sum())} of {len(gap)} rows more than "
            f"{tolerance:g} differs",
            code="E_NOT_REPRODUCED",
            value=f"{gap.max():g}",
            hint=_hint(),
        )
    return float(gap.max())


def numbers(path: Path, keys: list[str], columns: list[str]) -> pd.DataFrame:
    """A table of results by its keys."""
    table = read_table(path, text=keys)
    return table.set_index(keys).sort_index()[columns]


def _named(keys: Sequence[str]) -> str:
    return " ".join(keys)


def _hint() -> str:
    same = "use the weights, draws, seed and precision that it was made with"
    if has_bfloat16("cpu"):
        return same
    return f"{same}; what was made in bfloat16, which this processor lacks, needs --tolerance 0.1"
