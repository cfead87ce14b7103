"""What the clinical prompt adds, measured where it can be seen: in regional SUVR.

Imputes AV45-PET and FDG-PET of the test subjects from MRI three times from the same noise: with
their own prompt, without clinical data, and with the prompt of another subject. Compares the
cortical AV45 composite and the FDG meta-region with those of the acquired scans.

    python benchmarks/prompt.py COHORT WORK --draws 10 [--out prompt.tsv]

SIMULATED: the regions are the phantom's own, in template space.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from acadiff.cohort.dataset import read_cohort
from acadiff.cohort.ledger import read_split
from acadiff.cohort.table import Scores
from acadiff.evaluation.metrics import judge
from acadiff.imputer import Imputer
from acadiff.modality import Modality
from acadiff.phantom.atlas import atlas
from acadiff.volume.grid import place
from acadiff.volume.image import read_scan
from acadiff.volume.intensity import Window
from acadiff.volume.lattice import upsample
from acadiff.volume.mask import brain_mask
from acadiff.volume.regions import NAMES
from acadiff.volume.template import template

META = (("angular",), ("posterior_cingulate",), ("inferior_temporal",), ("middle_temporal",))
CORTEX = (
    ("dorsolateral_frontal", "medial_orbitofrontal", "superior_frontal", "inferior_frontal"),
    ("anterior_cingulate", "posterior_cingulate"),
    ("angular", "supramarginal", "precuneus", "superior_parietal"),
    ("superior_temporal", "middle_temporal"),
)
GROUPS = {Modality.AV45: CORTEX, Modality.FDG: META}
REGION = {Modality.AV45: "cortical composite", Modality.FDG: "meta-region"}
GREY = 0.35  # least share of grey matter of a voxel that counts
OWN, WITHHELD, SHUFFLED = "own prompt", "clinical data withheld", "prompt of another subject"


def weights(target, voxel):
    """Grey matter of each group of regions in template space, summing to one."""
    grey = template(voxel).gm
    grey = grey * (grey > GREY)
    maps = []
    for group in GROUPS[target]:
        share = sum(upsample(atlas().regions[NAMES.index(name)], voxel) for name in group) * grey
        maps.append(share / share.sum())
    return maps


def uptake(volume, maps):
    """Mean SUVR of the groups."""
    return float(np.mean([(volume.data[0] * share).sum() for share in maps]))


def shuffled(subjects, seed):
    """Everyone with the clinical data of another person: a random cycle through all."""
    order = np.random.default_rng(seed).permutation(len(subjects))
    given = {order[i]: subjects[order[i - 1]] for i in range(len(order))}
    return [
        replace(subject, diagnosis=given[i].diagnosis, scores=given[i].scores)
        for i, subject in enumerate(subjects)
    ]


def conditions(subjects, seed):
    """Condition → the subjects as the model is told of them."""
    untold = [replace(s, diagnosis=None, scores=Scores()) for s in subjects]
    return {OWN: list(subjects), WITHHELD: untold, SHUFFLED: shuffled(subjects, seed)}


def measure(imputer, subjects, target, sources, wanted):
    """One row per subject and condition: regional SUVR, its truth, and PSNR in the brain."""
    maps, window, rows = weights(target, imputer.grid.voxel), Window(), []
    told = conditions(subjects, wanted.seed)
    for index, subject in enumerate(subjects):
        scan = place(read_scan(subject.scans[target], target), imputer.grid)
        mri = place(read_scan(subject.scans[Modality.MRI], Modality.MRI), imputer.grid)
        judged = judge(window.to_unit(scan.data[0]), brain_mask(mri))
        for condition, people in told.items():
            person = people[index].without(*(m for m in Modality if m not in sources))
            made = imputer.impute(person, target, wanted.draws, wanted.seed)
            row = {"subject": subject.id, "target": target.name, "condition": condition}
            row |= {"truth": uptake(scan, maps), "imputed": uptake(made.mean, maps)}
            rows.append(row | {"psnr": judged(window.to_unit(made.mean.data[0]))["psnr"]})
        print(f"{target.title} {index + 1} of {len(subjects)}", flush=True)
    return rows


def print_table(table):
    """R² and MAE of regional SUVR, PSNR, and the differences from the own prompt."""
    head = ("target", "prompt", "n", "R²", "r", "MAE, SUVR", "PSNR, dB", "own better by, dB")
    print("\n| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for target in table.target.unique():
        here = table[table.target == target]
        own = here[here.condition == OWN].set_index("subject").psnr
        for condition in (OWN, WITHHELD, SHUFFLED):
            rows = here[here.condition == condition]
            error, less = rows.imputed - rows.truth, own - rows.set_index("subject").psnr
            r2 = 1 - (error**2).sum() / ((rows.truth - rows.truth.mean()) ** 2).sum()
            r = rows.imputed.corr(rows.truth)
            standard = less.std(ddof=1) / np.sqrt(len(less))
            better = "" if condition == OWN else f"{less.mean():+.3f} ± {standard:.3f} (SE)"
            name = f"{target} {REGION[Modality[target]]} | {condition} | {len(rows)}"
            numbers = f"{r2:.3f} | {r:.3f} | {error.abs().mean():.4f} | {rows.psnr.mean():.2f}"
            print(f"| {name} | {numbers} | {better} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cohort", type=Path)
    parser.add_argument("work", type=Path, help="work folder of the training")
    parser.add_argument("--source", action="append", choices=[m.name for m in Modality])
    parser.add_argument("--target", action="append", choices=[m.name for m in GROUPS])
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="table of every measurement to write")
    wanted = parser.parse_args()
    sources = tuple(Modality[name] for name in wanted.source or ["MRI"])
    targets = [m for m in GROUPS if m not in sources and m.name in (wanted.target or m.name)]
    imputer = Imputer.load(wanted.work)
    people = read_cohort(wanted.cohort).named(read_split(wanted.work / "split.tsv")["test"])
    rows = []
    for target in targets:
        needed = {*sources, target, Modality.MRI}
        subjects = [s for s in people.subjects if needed <= set(s.scans)]
        rows += measure(imputer, subjects, target, sources, wanted)
    table = pd.DataFrame(rows)
    if wanted.out:
        table.to_csv(wanted.out, sep="\t", index=False, float_format="%.6g")
    print_table(table)


if __name__ == "__main__":
    main()
