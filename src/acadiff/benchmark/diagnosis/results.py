"""What a study of diagnoses leaves behind: three tables and a record; read back for the page."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from acadiff.errors import CohortError, MissingInputError

RECORD = "diagnosis.json"
TABLES = ("diagnosis.tsv", "summary.tsv", "differences.tsv", "patterns.tsv")
TABLE_1, PAGE = "table.md", "diagnosis.html"
_TEXT = ("scenario", "classifier", "method", "threshold", "metric", "against")


@dataclass(frozen=True)
class Results:
    """Everything that was found.

    Args:
        told: the record: people, rows, rates, numbers.
        summary: a line a metric of a cell.
        differences: a line a comparison of two rows.
        patterns: likewise, averaged over patterns of gaps; empty if there is one.
    """

    told: Mapping[str, Any]
    summary: pd.DataFrame
    differences: pd.DataFrame
    patterns: pd.DataFrame

    @property
    def tables(self) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """Summary, differences, and differences over patterns."""
        return self.summary, self.differences, self.patterns


def read_results(folder: Path) -> Results:
    """Read what `acadiff benchmark diagnosis` wrote.

    Raises:
        MissingInputError: a file is not there.
        CohortError: one is damaged.
    """
    for name in (RECORD, *TABLES[1:]):
        if not (folder / name).is_file():
            raise MissingInputError(
                f"{folder / name}: is not there; run `acadiff benchmark diagnosis` first"
            )
    try:
        told = json.loads((folder / RECORD).read_bytes())
        summary, differences, patterns = (read_table(folder / name) for name in TABLES[1:])
        _ = told["people"], told["rates"], summary["mean"], differences["difference"]
    except (ValueError, KeyError, TypeError) as error:
        raise CohortError(
            f"{folder}: holds damaged results; run `acadiff benchmark diagnosis` again"
        ) from error
    return Results(told, summary, differences, patterns)


def read_table(path: Path) -> pd.DataFrame:
    """A table of results; what names a row stays text."""
    text = dict.fromkeys(_TEXT, str)
    return pd.read_csv(path, sep="\t", dtype=text, keep_default_na=False, na_values=["n/a"])
