"""Do the intervals hold? Coverage on the test subjects, by region and by diagnosis.

Imputations of the test subjects, as `benchmarks/nine_tasks.sh` writes them (with single draws),
are held against the acquired scans, by the intervals that `acadiff calibrate` stored beside the
weights. Everybody counts alike. SIMULATED people.

    python benchmarks/coverage.py COHORT WORK OUT/acadiff/MRI [more derivative folders]
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from acadiff.cohort.dataset import read_cohort
from acadiff.cohort.ledger import read_split
from acadiff.errors import CohortError
from acadiff.evaluation.coverage import covered, shares
from acadiff.evaluation.intervals import half_widths
from acadiff.imputer import Imputer
from acadiff.imputer.doubt import regions_of
from acadiff.imputer.trial import acquired
from acadiff.outputs.derivative import Imputation, read_records
from acadiff.volume.image import read_draws, read_synthetic
from acadiff.volume.labels import LABELS, labels, region_means
from acadiff.volume.regions import NAMES

WHOLE = "brain"


def read(record):
    """The imputed scan of a record, with its draws."""
    modality = record.name.modality
    mean, sd = (read_synthetic(record.image(d), modality) for d in ("synth", "synthstd"))
    kept = np.stack(list(read_draws(record.image("synthdraws"))))
    return Imputation(mean, sd, len(kept), kept)


def measure(imputer, record, subject, detail):
    """Shares of voxels that are covered, regions that are, and regions better not read."""
    modality, sidecar = record.name.modality, record.sidecar
    found = imputer.generators[modality]
    sources = "+".join(sidecar["AvailableModalities"])
    trial = found.trust.trials.get(f"{sources}-{detail}") if found.trust else None
    if trial is None or sidecar["ModelSHA256"] != found.identity:
        return None
    made, grid = read(record), imputer.grid
    truth, inside = acquired(subject, modality, grid, imputer.codecs[modality].scaling)
    half = half_widths(made.sd.data[0], trial.voxels, grid.voxel)
    within, where = covered(truth, made.mean.data[0], half), labels(grid.voxel)
    row = {"task": f"{sources} → {modality.name}", "diagnosis": subject.diagnosis.value}
    row |= {f"voxels {k}": v for k, v in shares(within, inside, where, LABELS).items()}
    row[f"voxels {WHOLE}"] = float(within[inside & (where >= 0)].mean())
    row["width"] = float(half[inside & (where >= 0)].mean())
    mean, sd = regions_of(made, grid)
    widths = np.array([trial.regions.half(s, n) for s, n in zip(sd, NAMES, strict=True)])
    hits = covered(region_means(truth, grid.voxel), mean, widths)
    wide = [widths[NAMES.index(n)] >= known.half for n, known in found.trust.population.items()]
    row |= {f"region {name}": float(hit) for name, hit in zip(NAMES, hits, strict=True)}
    return row | {"region mean": float(hits.mean()), "abstain": int(np.sum(wide))}


def print_tables(table):
    """Coverage a task, and by diagnosis."""
    voxels = [f"voxels {name}" for name in LABELS]
    regions = [f"region {name}" for name in NAMES]
    head = ("task", "n", "voxels of the brain", "least region", "greatest", "half-width")
    head += ("regional means", "least", "regions abstained")
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for task, rows in table.groupby("task", sort=False):
        by = rows[voxels].mean()
        means = rows[regions].mean()
        least, most = (f"{f():.1%} ({n})" for f, n in (
            (by.min, by.idxmin()[7:]), (by.max, by.idxmax()[7:])))  # fmt: skip
        print(
            f"| {task} | {len(rows)} | {rows[f'voxels {WHOLE}'].mean():.1%} | {least} | {most} | "
            f"{rows.width.mean():.3g} | {rows['region mean'].mean():.1%} | {means.min():.1%} "
            f"({means.idxmin()[7:]}) | {rows.abstain.mean():.1f} of {len(NAMES)} |"
        )
    print("\n| task | CN | MCI | AD |\n|---|---|---|---|")
    for task, rows in table.groupby("task", sort=False):
        by = rows.groupby("diagnosis")[f"voxels {WHOLE}"].mean()
        print(
            f"| {task} | "
            + " | ".join(f"{by.get(d, np.nan):.1%}" for d in ("CN", "MCI", "AD"))
            + " |"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cohort", type=Path)
    parser.add_argument("work", type=Path, help="work folder; its generators were calibrated")
    parser.add_argument("derivatives", type=Path, nargs="+")
    parser.add_argument("--clinical", default="full", help="what the prompts told")
    parser.add_argument("--out", type=Path, help="table of every subject to write")
    wanted = parser.parse_args()
    imputer = Imputer.load(wanted.work)
    people = {s.id: s for s in read_cohort(wanted.cohort).subjects}
    test = set(read_split(wanted.work / "split.tsv")["test"])
    rows = []
    for record in (r for root in wanted.derivatives for r in read_records(root)):
        if record.name.subject not in test:
            raise CohortError(f"{record.path}: is of nobody the split keeps for testing")
        rows.append(measure(imputer, record, people[record.name.subject], wanted.clinical))
    table = pd.DataFrame([row for row in rows if row])
    if wanted.out:
        table.to_csv(wanted.out, sep="\t", index=False, float_format="%.6g")
    print_tables(table)


if __name__ == "__main__":
    main()
