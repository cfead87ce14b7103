"""Does a comparison give the numbers that were committed?"""

from pathlib import Path

import numpy as np
import pandas as pd

from acadiff.benchmark.generation.scores import KEYS
from acadiff.errors import AcadiffError
from acadiff.evaluation.tables import read_table

TOLERANCE = 1e-3
_OF_TABLE = (["method", "task", "image", "metric"], ["value", "sd", "lower", "upper"])
_OF_PEOPLE = (list(KEYS), ["value"])


def check(out: Path, committed: Path) -> str:
    """Hold what was made now against what another folder has.

    First every number of every person, then, if all its people were asked for, the table.

    Args:
        out: what was made now, perhaps for some of the people only.
        committed: what it must come to; its methods and tasks must all be there.

    Returns:
        One sentence that says how near they are.

    Raises:
        AcadiffError: a number differs by more than `TOLERANCE`, or is missing.
        MissingInputError: there is no such table.
    """
    ours, theirs = (
        _numbers(folder / "generation.tsv", *_OF_PEOPLE) for folder in (out, committed)
    )
    people, all_people = (set(table.index.get_level_values("subject")) for table in (ours, theirs))
    known = theirs[theirs.index.isin(people, level="subject")]
    worst = _hold(ours, known, out / "generation.tsv", committed)
    told = f"{len(known)} numbers of {len(people)} people"
    if people == all_people:
        ours, theirs = (_numbers(folder / "table.tsv", *_OF_TABLE) for folder in (out, committed))
        worst = max(worst, _hold(ours, theirs, out / "table.tsv", committed))
        told += f" and {len(theirs)} rows of the table"
    return f"{told} agree with {committed} within {TOLERANCE:g}; worst {worst:.2g}"


def _hold(ours: pd.DataFrame, theirs: pd.DataFrame, path: Path, committed: Path) -> float:
    """The greatest difference, if it may be."""
    missing = theirs.index.difference(ours.index)
    if len(missing) or theirs.empty:
        lacking = " ".join(missing[0]) if len(missing) else "its people"
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
    if gap.max() > TOLERANCE:
        raise AcadiffError(
            f"{path}: {theirs.columns[column]} of {' '.join(theirs.index[row])} is "
            f"{a[row, column]:g}, where {committed} has {b[row, column]:g}; in "
            f"{int((gap.max(axis=1) > TOLERANCE).sum())} of {len(gap)} rows more than "
            f"{TOLERANCE:g} differs",
            code="E_NOT_REPRODUCED",
            value=f"{gap.max():g}",
            hint="use the weights, draws and seed that it was made with",
        )
    return float(gap.max())


def _numbers(path: Path, keys: list[str], numbers: list[str]) -> pd.DataFrame:
    table = read_table(path, text=keys)
    return table.set_index(keys).sort_index()[numbers]
