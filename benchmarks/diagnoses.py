"""The short tables of docs/results.md from what `acadiff benchmark diagnosis` wrote.

python benchmarks/diagnoses.py results/diagnosis-4mm
"""

import sys
from pathlib import Path

import numpy as np

from acadiff.benchmark.diagnosis.results import read_results
from acadiff.evaluation.row_titles import place_of, title_of


def shown(found):
    """Mean ± SD of runs that differ, their number where they are few."""
    text = f"{found['mean']:.3f}"
    if found["runs"] > 1 and np.isfinite(found["sd"]) and found["sd"] > 0:
        text += f" ± {found['sd']:.3f}"
    return text if found["runs"] == 10 else f"{text} ({found['runs']})"


def table(lines):
    """AUC of each row at each rate; in brackets how many runs, if not ten."""
    rates = sorted(set(lines["rate"]))
    print("| row |", " | ".join(f"{rate} %" for rate in rates), "|")
    print("|---" * (len(rates) + 1) + "|")
    for row in sorted(set(lines["method"]), key=place_of):
        own = lines[lines["method"] == row].set_index("rate")
        cells = [shown(own.loc[rate]) if rate in own.index else "" for rate in rates]
        print(f"| {title_of(row)} |", " | ".join(cells), "|")
    print()


def patterns(lines):
    """Mean ± SD over patterns of gaps of the means over runs."""
    rates = sorted(set(lines["rate"]) - {0})
    print("| row |", " | ".join(f"{rate} %" for rate in rates), "|")
    print("|---" * (len(rates) + 1) + "|")
    for row in sorted(set(lines["method"]) - {"oracle"}, key=place_of):
        own = lines[lines["method"] == row].groupby("rate")["mean"].agg(["mean", "std", "count"])
        if own["count"].max() > 1:
            cells = [f"{own.loc[r, 'mean']:.3f} ± {own.loc[r, 'std']:.3f}" for r in rates]
            print(f"| {title_of(row)} |", " | ".join(cells), "|")
    print()


def main():
    """Print every scenario and classifier, then the rows that were run under several patterns."""
    found = read_results(Path(sys.argv[1])).summary
    areas = found[found["metric"] == "AUC"]
    for (scenario, classifier), lines in areas.groupby(["scenario", "classifier"], sort=False):
        print(f"{scenario}, {classifier}: AUC\n")
        table(lines[lines["mask_seed"] == 0])
        if lines["mask_seed"].nunique() > 1:
            print(f"{scenario}, {classifier}: AUC over {lines['mask_seed'].nunique()} patterns\n")
            patterns(lines)


if __name__ == "__main__":
    main()
