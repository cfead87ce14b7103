"""The short tables of README.md and docs/, from those of a comparison.

    python benchmarks/league.py results/generation-4mm

Reads table.tsv and compute.tsv of `acadiff benchmark generation` and steps.tsv of steps.py; prints
Markdown: what came of the three tasks with two sources, and what each method costs.
"""

import argparse
import math
from pathlib import Path

import pandas as pd

from acadiff.benchmark.generation.markdown import HEADLINE, Cells
from acadiff.evaluation.league import TWO
from acadiff.evaluation.tables import read_table

UNKNOWN = "–"
COSTS = (
    ("seconds_a_step", "step, s", 2),
    ("samples_a_second", "samples a second", 1),
    ("training_minutes", "training, min a target", 0),
    ("seconds_a_volume", "imputing, s a volume", 2),
    ("gflop_a_volume", "GFLOP a volume", 0),
    ("training_peak_gb", "peak memory in training, GB", 1),
    ("imputing_peak_gb", "in imputing, GB", 1),
)


def row(cells):
    """One line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def head(titles):
    """Its first two lines."""
    return [row(["method", *titles]), row(["---", *("---:" for _ in titles)])]


def text(value, digits):
    """A number, or a dash where it is unknown."""
    return UNKNOWN if value is None or math.isnan(value) else f"{value:.{digits}f}"


def league(table):
    """Methods by measures, the best of each column bold."""
    cells = Cells(table)
    yield from head([m.title for m in HEADLINE])
    for method in cells.methods:
        line = [f"`{method}`"]
        for measure in HEADLINE:
            found = cells.row(TWO, method, measure)
            told = text(None if found is None else float(found["value"]), measure.digits)
            line.append(f"**{told}**" if cells.best(TWO, measure) == method else told)
        yield row(line)


def training(steps):
    """What all steps of a method's phases come to, at the pace that was measured: by method."""
    each = steps.assign(
        seconds=steps["steps"] * steps["seconds_a_step"], people=steps["steps"] * steps["batch"]
    ).groupby("method", sort=False)
    whole = each[["steps", "seconds", "people"]].sum()
    return pd.DataFrame(
        {
            "seconds_a_step": whole["seconds"] / whole["steps"],
            "samples_a_second": whole["people"] / whole["seconds"],
            "training_minutes": whole["seconds"] / 60,
            "training_peak_gb": each["peak_mb"].max() / 1000,
        }
    )


def costs(compute, steps):
    """Methods by what they cost."""
    imputing = compute.groupby("method", sort=False)[
        ["seconds_a_volume", "gflop_a_volume", "imputing_peak_mb"]
    ].mean()
    found = imputing.assign(imputing_peak_gb=imputing["imputing_peak_mb"] / 1000).join(
        training(steps)
    )
    yield from head([title for _, title, _ in COSTS])
    for method, numbers in found.iterrows():
        yield row([f"`{method}`", *(text(numbers[name], digits) for name, _, digits in COSTS)])


def main():
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    table = read_table(folder / "table.tsv", text=("method", "task", "image", "metric"))
    compute = read_table(folder / "compute.tsv", text=("method", "target", "clinical"))
    steps = read_table(folder / "steps.tsv", text=("method", "phase"))
    print("\n".join([*league(table), "", *costs(compute, steps)]))


if __name__ == "__main__":
    main()
