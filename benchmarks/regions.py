"""Regional read-outs of imputed scans as tables, and the worth of the hippocampal proxy.

    python benchmarks/regions.py agreement OUT/results     # from what `acadiff score` wrote
    python benchmarks/regions.py hippocampus --subjects 100 --seed 7

SIMULATED: the second renders people whose hippocampal volume is known, at 2 and at 4 mm.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from acadiff.evaluation.regional import CENTILOIDS, SUMMARIES
from acadiff.evaluation.tables import read_table
from acadiff.modality import Modality
from acadiff.phantom import Simulation, scans_of, scene_of
from acadiff.phantom.atlas import atlas
from acadiff.phantom.warp import at_voxel, carry
from acadiff.volume.grid import Grid
from acadiff.volume.hippocampus import hippocampal_volume
from acadiff.volume.image import Volume
from acadiff.volume.lattice import block_mean, upsample
from acadiff.volume.mask import brain_mask
from acadiff.volume.regions import NAMES
from acadiff.volume.template import template

HIPPOCAMPAL = 0.58  # as in phantom_tables.py
FINE, COARSE = 2, 4
HEAD = ("read-out", "task", "method", "bias", "limits", "RMSE", "R²", "explained", "SD of draws")
STATUS = ("task", "method", "accuracy", "κ", "AUC")


def show(head, rows):
    print("\n| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")


def interval(row, name, digits):
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return f"{row[name]:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def print_agreement(results):
    """Two tables: agreement of the summaries, and of the amyloid status."""
    agreement = read_table(results / "agreement.tsv")
    keys = ["method", "target", "sources", "region", "unit"]
    means = read_table(results / "regional.tsv").query("kind == 'mean'")
    spread = means.groupby(keys)["sd_over_draws"].mean()
    wanted = [key for key in SUMMARIES if key != CENTILOIDS]
    rows, status = [], []
    for _, row in agreement.iterrows():
        if (row.region, row.unit) not in wanted:
            continue
        digits = 2 if row.unit == "mL" else 3
        task, sd = f"{row.sources} → {row.target}", spread[tuple(row[keys])]
        limits = f"{row.lower:+.{digits}f} to {row.upper:+.{digits}f}"
        numbers = (f"{row.bias:+.{digits}f}", limits, f"{row.rmse:.{digits}f}")
        r2 = interval(row, "r_squared", 2) if np.isfinite(row.r_squared) else "–"
        last = (r2, f"{row.explained:.2f}", f"{sd:.{digits}f}" if np.isfinite(sd) else "–")
        rows.append((f"{row.region}, {row.unit}", task, row.method, *numbers, *last))
        if np.isfinite(row.accuracy):
            found = [interval(row, name, 2) for name in ("accuracy", "kappa", "auc")]
            status.append((task, row.method, *found))
    show(HEAD, rows)
    show(STATUS, status)


def hippocampi(person):
    """True volume, and the proxy at 2 and at 4 mm, mL."""
    scene = scene_of(person, FINE)
    share = upsample(atlas().regions[NAMES.index("hippocampus")], FINE)
    own = ((share > HIPPOCAMPAL) & (template(FINE).gm > 0.5)).astype(np.float32)
    true = float(carry(own, at_voxel(scene.brain.moved, FINE), FINE).sum()) * FINE**3 / 1000
    fine = scans_of(scene, FINE)[Modality.MRI]
    data = block_mean(fine.data[0], COARSE // FINE)
    coarse = Volume(data[None], Grid(COARSE).affine, Modality.MRI)
    read = [
        hippocampal_volume(scan.data[0], brain_mask(scan), voxel)
        for scan, voxel in ((fine, FINE), (coarse, COARSE))
    ]
    return person.causes.diagnosis.name, true, *read


def print_hippocampi(subjects, seed):
    everybody = Simulation(600, FINE, seed)
    step = 600 // subjects
    people = [everybody.person(index) for index in range(1, 601, step)][:subjects]
    columns = ["diagnosis", "true", "2 mm", "4 mm"]
    table = pd.DataFrame([hippocampi(person) for person in people], columns=columns)
    for grid in columns[2:]:
        r2 = table["true"].corr(table[grid]) ** 2
        slope = np.polyfit(table["true"], table[grid], 1)[0]
        bias = (table[grid] - table["true"]).mean()
        print(f"{grid}: R² {r2:.2f}, slope {slope:.2f}, bias {bias:+.2f} mL, n {len(table)}")
    print(table.groupby("diagnosis").agg(["mean", "std"]).round(2).to_string())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("agreement").add_argument("results", type=Path)
    one = commands.add_parser("hippocampus")
    one.add_argument("--subjects", type=int, default=100)
    one.add_argument("--seed", type=int, default=7)
    wanted = parser.parse_args()
    if wanted.command == "agreement":
        print_agreement(wanted.results)
    else:
        print_hippocampi(wanted.subjects, wanted.seed)


if __name__ == "__main__":
    main()
