"""Guidance strength against image and regions: is the scale of training the best one?

Imputes AV45-PET and FDG-PET of the test subjects from MRI with the same noise at several scales of
guidance. PSNR is of the mean of draws, in the brain; the regions are the AV45 cortical composite
and the FDG meta-ROI, compared with those of the acquired scans.

    python benchmarks/guidance_scale.py COHORT WORK OUT [--draws 4] [--subjects 60]

Writes OUT/guidance-scale.tsv (a row a subject, target and scale) and OUT/guidance-scale.svg; what
the table holds already is not imputed again. SIMULATED.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from acadiff.cohort.dataset import read_cohort
from acadiff.cohort.ledger import read_split
from acadiff.evaluation.brains import brain_of
from acadiff.evaluation.metrics import judge
from acadiff.evaluation.readings import PRIMARY, acquired
from acadiff.evaluation.regional import reader
from acadiff.evaluation.tables import write_table
from acadiff.imputer import Imputer
from acadiff.modality import Modality
from acadiff.outputs.charts import SERIES, svg
from acadiff.volume.grid import place
from acadiff.volume.image import read_scan
from acadiff.volume.intensity import Window

SCALES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
KEYS = ["subject", "diagnosis", "target", "scale"]
MEASURES = {"psnr": "PSNR, dB", "bias": "bias of the region, SUVR", "r2": "R² of the region"}


def measured(imputer, subject, target, scale, wanted):
    """One row: the region imputed and acquired, and PSNR in the brain."""
    grid, window, region = imputer.grid, Window(), PRIMARY[target]
    brain = brain_of(subject.scans[Modality.MRI], grid)
    bare = subject.without(Modality.FDG, Modality.AV45)
    made = imputer.impute(bare, target, wanted.draws, wanted.seed, guidance=scale)
    image = place(made.mean, grid).data[0]
    truth = place(read_scan(subject.scans[target], target), grid).data[0]
    group = subject.diagnosis.value if subject.diagnosis else None
    return {
        **dict(zip(KEYS, (subject.id, group, target.name, scale), strict=True)),
        "acquired": acquired(subject.scans[target], target, brain, grid)[region[0]],
        "imputed": reader(target, brain, grid.voxel)(image)[region],
        "psnr": judge(window.to_unit(truth), brain)(window.to_unit(image))["psnr"],
    }


def curves(table):
    """A row a target and scale: PSNR, bias, SD of the error and R² with bootstrap intervals."""
    rows, random = [], np.random.default_rng(0)
    for (target, scale), group in table.groupby(["target", "scale"]):
        values = group[["acquired", "imputed", "psnr"]].to_numpy(float)
        drawn = random.integers(0, len(values), (1000, len(values)))
        sampled = np.array([summary(values[at]) for at in (np.arange(len(values)), *drawn)])
        low, high = np.percentile(sampled[1:], (2.5, 97.5), axis=0)
        for n, name in enumerate(MEASURES):
            found = {"measure": name, "value": sampled[0, n], "low": low[n], "high": high[n]}
            rows.append({"target": target, "scale": scale, "n": len(values), **found})
    return pd.DataFrame(rows)


def summary(values):
    """PSNR, bias and R² (1 - SSE/SST)."""
    truth, imputed, psnr = values.T
    error, spread = imputed - truth, truth - truth.mean()
    r2 = 1 - (error**2).sum() / (spread**2).sum() if (spread**2).sum() > 0 else np.nan
    return psnr.mean(), error.mean(), r2


def figure(curve):
    """The three measures over the scale, a colour a target."""

    def draw(axes):
        axes.set_axis_off()
        for n, (name, label) in enumerate(MEASURES.items()):
            part = axes.inset_axes((n * 0.36, 0.05, 0.28, 0.85))
            for colour, (target, rows) in zip(SERIES, curve.groupby("target"), strict=False):
                kept = rows[rows.measure == name]
                part.fill_between(kept.scale, kept.low, kept.high, color=colour, alpha=0.13, lw=0)
                part.plot(kept.scale, kept.value, "o-", ms=3.5, color=colour, label=target)
            if name == "r2":  # of few people its interval has no lower end to speak of
                part.set_ylim(curve[curve.measure == name].value.min() - 0.3, 1)
            part.axvline(1, color="#8b949e", lw=0.8, ls=":")
            part.set_xlabel("guidance scale")
            part.set_title(label)
            if n == 0:
                part.legend()

    return svg(draw, (9.6, 2.8))


def print_table(curve):
    """The curve as Markdown."""
    print("\n| target | scale | n | " + " | ".join(MEASURES.values()) + " |\n|" + "---|" * 6)
    for (target, scale), rows in curve.groupby(["target", "scale"]):
        cells = [
            f"{r.value:+.3f} ({r.low:+.3f} to {r.high:+.3f})"
            if r.measure == "bias"
            else f"{r.value:.2f} ({r.low:.2f} to {r.high:.2f})"
            for r in rows.itertuples()
        ]
        print(f"| {target} | {scale:g} | {rows.n.iloc[0]} | {' | '.join(cells)} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cohort", type=Path)
    parser.add_argument("work", type=Path, help="work folder of the training")
    parser.add_argument("out", type=Path)
    parser.add_argument("--target", action="append", choices=[m.name for m in PRIMARY])
    parser.add_argument("--draws", type=int, default=4)
    parser.add_argument("--subjects", type=int, help="of the test subjects; all")
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    imputer = Imputer.load(wanted.work)
    imputer.together = wanted.draws
    people = read_cohort(wanted.cohort).named(read_split(wanted.work / "split.tsv")["test"])
    path = wanted.out / "guidance-scale.tsv"
    table = pd.read_csv(path, sep="\t", dtype={"subject": str}) if path.is_file() else None
    rows = [] if table is None else table.to_dict("records")
    done = {(row["subject"], row["target"], row["scale"]) for row in rows}
    able = [s for s in people.subjects if len(s.scans) == len(Modality)][: wanted.subjects]
    for subject in able:
        for target in (m for m in PRIMARY if m.name in (wanted.target or m.name)):
            for scale in SCALES:
                if (subject.id, target.name, scale) not in done:
                    rows.append(measured(imputer, subject, target, scale, wanted))
        write_table(path, pd.DataFrame(rows))
        print(f"{subject.key} of {len(able)}", flush=True)
    curve = curves(pd.DataFrame(rows))
    write_table(wanted.out / "guidance-curve.tsv", curve)
    (wanted.out / "guidance-scale.svg").write_text(figure(curve), encoding="utf-8")
    print_table(curve)


if __name__ == "__main__":
    main()
