"""The comparison as Markdown: what came of it, whether the bars are met, and every task."""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from acadiff.evaluation.bars import Bar
from acadiff.evaluation.league import REFERENCE, SPREAD, TWO, WASSERSTEIN, fault
from acadiff.evaluation.paper import LABEL

SURE = 0.05
_SMALL = 10
SIMULATED = "SIMULATED: every number here was measured on digital phantoms, none on a patient."


NOTES = (
    "Mean ± SD over people [95 % interval of resampled people, the same for every method]; bold "
    f"is best; a star: differs from {REFERENCE} by a signed-rank test, p < {SURE} after Holm's "
    "correction. Sharpness is |ln| of the power in the upper half of the frequencies over that of "
    "the acquired scan, 0 being best. Spread is the SD of draws over the RMS error of their mean: "
    "1 where they differ as much as they err, 0 for one answer. Of single draws, too, are the "
    "regional error (absolute, in SUVR) and the distance (Wasserstein's, in SUVR) of the "
    "distribution over people of imputed values from that of acquired ones, both averaged over "
    "regions of PET."
)


class Measure(NamedTuple):
    """A column: which image and metric, how it is called, and with how many digits."""

    image: str
    metric: str
    title: str
    digits: int


HEADLINE = (
    Measure("mean", "psnr", "PSNR, dB", 2),
    Measure("mean", "ssim", "SSIM", 3),
    Measure("mean", "nmi", "NMI", 3),
    Measure("mean", "mae", "MAE", 4),
    Measure("draw", "psnr", "PSNR of a draw", 2),
    Measure("draw", "ssim", "SSIM of a draw", 3),
    Measure("draw", "sharpness", "sharpness of a draw", 2),
    Measure("draw", SPREAD, "spread of draws", 2),
    Measure("draw", "suvr_error", "regional error", 4),
    Measure("draw", WASSERSTEIN, "distance", 4),
)
TASKWISE = HEADLINE[:2] + HEADLINE[5:7]
COUNTS = ("clinical", "parameters", "evaluations", "gflop_a_volume", "draws", "people_seen")


class Cells:
    """The table, looked up by task, method, image and metric."""

    def __init__(self, table: pd.DataFrame) -> None:
        """Index the rows of `league`."""
        rows = table.to_dict("records")
        self.rows = {(r["task"], r["method"], r["image"], r["metric"]): r for r in rows}
        self.methods = tuple(dict.fromkeys(str(m) for m in table["method"]))
        self.tasks = tuple(dict.fromkeys(str(t) for t in table["task"]))

    def row(self, task: str, method: str, measure: Measure) -> Mapping[Hashable, Any] | None:
        """One row; None where there is no such number."""
        return self.rows.get((task, method, measure.image, measure.metric))

    def best(self, task: str, measure: Measure) -> str | None:
        """The method that is first."""
        rows = {m: self.row(task, m, measure) for m in self.methods}
        values = {m: float(row["value"]) for m, row in rows.items() if row is not None}
        if not values:
            return None
        return min(values, key=lambda m: fault(measure.metric, values[m]))

    def text(self, task: str, method: str, measure: Measure) -> str:
        """`27.91 ± 1.20 [27.6, 28.2]*`; the best is bold; a star where it surely differs."""
        row = self.row(task, method, measure)
        if row is None:
            return "–"
        text = number(row["value"], measure.digits)
        if not math.isnan(row["sd"]):
            text += f" ± {number(row['sd'], measure.digits)}"
        if not math.isnan(row["lower"]):
            low, high = (number(row[end], measure.digits) for end in ("lower", "upper"))
            text += f" [{low}, {high}]"
        text += "\\*" if self.differs(row) else ""
        return f"**{text}**" if method == self.best(task, measure) else text

    @staticmethod
    def differs(row: Mapping[Hashable, Any]) -> bool:
        """Whether a method surely differs from the reference."""
        return bool(row["p_holm"] < SURE)


def number(value: float, digits: int) -> str:
    """A number with its digits; a proper minus."""
    return f"{value:.{digits}f}".replace("-", "−")


def markdown(
    table: pd.DataFrame,
    bars: Sequence[Bar],
    compute: pd.DataFrame,
    below: pd.DataFrame,
    *,
    simulated: bool,
) -> str:
    """The page of tables; it tells of no machine and no time.

    Args:
        table: of `league`.
        bars: what is asked of ACADiff.
        compute: what each job cost; only what any machine would count is told.
        below: how far methods stay below what nobody can beat; empty if that is not known.
        simulated: whether the people are.
    """
    cells = Cells(table)
    people, known = int(table["n"].max()), paper(table)
    parts = [
        "# Generation: every method on equal terms",
        *([SIMULATED] if simulated else []),
        f"{people} test people. {NOTES}",
        _section("Tasks with two sources, averaged", *_headline(cells)),
        *([_section(f"{LABEL}: other people, other voxels", *known)] if known[1] else []),
        _section("What ACADiff has to reach", *_bars(bars)),
        _section("What each method is and is told", *_counts(compute)),
    ]
    if len(below):
        parts.append(_section("Below what nobody can beat, PSNR in dB", *distances(below)))
    for measure in TASKWISE:
        parts.append(_section(f"{measure.title}, every task", *_taskwise(cells, measure)))
    return "\n\n".join(parts) + "\n"


def grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """One Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _section(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return f"## {title}\n\n{grid(head, rows)}"


Table = tuple[list[str], list[list[str]]]


def _headline(cells: Cells) -> Table:
    rows = [[m, *(cells.text(TWO, m, measure) for measure in HEADLINE)] for m in cells.methods]
    return ["method", *(measure.title for measure in HEADLINE)], rows


def _taskwise(cells: Cells, measure: Measure) -> Table:
    tasks = [task for task in cells.tasks if "-" in task]
    rows = [[m, *(cells.text(task, m, measure) for task in tasks)] for m in cells.methods]
    return ["method", *(arrow(task) for task in tasks)], rows


def arrow(task: str) -> str:
    """`MRI+FDG → AV45`."""
    return task.replace("-", " → ")


def paper(table: pd.DataFrame) -> Table:
    """What the paper says, head and rows; what its text lost is left empty."""
    metrics = HEADLINE[:4]
    known = table.dropna(subset=["paper"])
    rows = []
    for method in dict.fromkeys(known["method"]):
        own = known[known["method"] == method].set_index("metric")["paper"]
        cells = (f"{own[m.metric]:g}" if m.metric in own else "" for m in metrics)
        rows.append([str(method), *cells])
    return ["method", *(measure.title for measure in metrics)], rows


def distances(below: pd.DataFrame) -> Table:
    """Method by target and limit: how much its best task stays below."""
    columns = below[["target", "limit"]].drop_duplicates().to_records(index=False).tolist()
    held = below.set_index(["method", "target", "limit"])["value"].to_dict()
    rows = []
    for method in dict.fromkeys(below["method"]):
        known = [held.get((method, *column)) for column in columns]
        rows.append([str(method), *("–" if v is None else number(v, 2) for v in known)])
    return ["method", *(f"{target}: {limit}" for target, limit in columns)], rows


def _bars(bars: Sequence[Bar]) -> Table:
    return ["asked", "", "numbers"], [[b.asked, b.verdict, b.told] for b in bars]


def _counts(compute: pd.DataFrame) -> Table:
    rows = []
    for method, jobs in compute.groupby("method", sort=False):
        own = jobs.iloc[0]
        rows.append([str(method), *(_count(own[column]) for column in COUNTS)])
    titles = ("told", "parameters", "evaluations a volume", "GFLOP a volume", "draws")
    return ["method", *titles, "people seen in training"], rows


def _count(value: Any) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.1f}" if 0 < value < _SMALL else f"{value:,.0f}"
