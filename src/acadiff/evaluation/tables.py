"""Tidy result tables: one row per observation, tab-separated, `n/a` where there is no number."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from acadiff.commit import write_text
from acadiff.errors import MissingInputError

KEYS = ("subject", "session", "diagnosis", "target", "sources", "kind", "draw", "method")
"""Columns that say what was observed; all others are numbers."""

LABELS = (*KEYS, "region", "unit")
"""Columns of any table that stay text."""

GROUP = ("method", "target", "sources", "kind")
"""What `summary` keeps apart."""


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table atomically; numbers keep six significant digits, missing ones are `n/a`."""
    write_text(path, table.to_csv(sep="\t", index=False, na_rep="n/a", float_format="%.6g"))


def read_table(path: Path, text: Sequence[str] = LABELS) -> pd.DataFrame:
    """Read a table back; some columns stay text (an id 007 stays 007), the rest are numbers.

    Args:
        path: of the table.
        text: columns that stay text, as far as they are there.

    Raises:
        MissingInputError: there is no such table.
    """
    if not path.is_file():
        raise MissingInputError(f"{path}: there is no such table; run acadiff score first")
    table = pd.read_csv(
        path,
        sep="\t",
        dtype=dict.fromkeys(text, str),
        index_col=False,
        keep_default_na=False,
        na_values=["n/a"],
    )
    numbers = [column for column in table.columns if column not in text]
    return table.astype(dict.fromkeys(numbers, float))


def from_rows(rows: Sequence[Mapping[str, object]], metrics: Sequence[str]) -> pd.DataFrame:
    """Rows → table: the keys first, then the metrics as floats, sorted by subject, target, ….

    Args:
        rows: column → value; None is missing.
        metrics: names and order of the number columns.
    """
    table = pd.DataFrame(list(rows), columns=[*KEYS, *metrics])
    table = table.astype(dict.fromkeys(metrics, float))
    order = ["method", "target", "sources", "subject", "session", "kind", "draw"]
    number = table["draw"].astype(float)
    return (
        table.assign(draw=number)
        .sort_values(order, ignore_index=True)
        .assign(
            draw=lambda t: (
                t["draw"].map(lambda d: None if pd.isna(d) else str(int(d))).astype(object)
            )
        )
    )


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Mean and SD over subjects per method, target, sources and kind.

    A subject's draws and sessions are averaged first, so that each subject counts once.

    Returns:
        `GROUP`, n (subjects), and for each metric x the columns x and x_sd.
    """
    metrics = [column for column in table.columns if column not in KEYS]
    persons = table.groupby([*GROUP, "subject"], as_index=False)[metrics].mean()
    groups = persons.groupby(list(GROUP))
    parts: list[pd.Series] = [groups.size().rename("n")]
    for metric in metrics:
        parts.append(groups[metric].mean().rename(metric))
        parts.append(groups[metric].std(ddof=1).rename(f"{metric}_sd"))
    return pd.concat(parts, axis=1).reset_index()
