"""How well could any uncertainty map rank the errors? The rank correlation of an oracle.

The oracle knows where this method errs on everybody else: its map for a subject is the RMS error
of the imputed mean over all *other* test subjects. Beside it stands the SD of the draws.

    python benchmarks/sd_ceiling.py COHORT OUT/acadiff/MRI+AV45 [more derivative folders]

A perfect map does not reach 1: an absolute error is one draw from a distribution whose width is
all that a map can know. SIMULATED.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from acadiff.cohort.dataset import read_cohort
from acadiff.evaluation.metrics import rank_correlation
from acadiff.modality import Modality
from acadiff.outputs.derivative import read_records
from acadiff.volume.image import read_scan, read_synthetic
from acadiff.volume.intensity import from_json, robust_scale
from acadiff.volume.mask import brain_mask


def case(record, subject):
    """Error on [0, 1], SD, and brain of one imputation."""
    target = record.name.modality
    truth = read_scan(subject.scans[target], target)
    mask = brain_mask(read_scan(subject.scans[Modality.MRI], Modality.MRI))
    given = from_json(record.sidecar["IntensityTransform"])
    own = given if target.is_pet else robust_scale(truth.data, mask)
    mean = read_synthetic(record.image("synth"), target)
    sd = read_synthetic(record.image("synthstd"), target)
    return given.to_unit(mean.data[0]) - own.to_unit(truth.data[0]), sd.data[0], mask


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cohort", type=Path)
    parser.add_argument("derivatives", type=Path, nargs="+")
    wanted = parser.parse_args()
    people = {s.id: s for s in read_cohort(wanted.cohort).subjects}
    tasks = defaultdict(list)
    for root in wanted.derivatives:
        for record in read_records(root):
            sources = "+".join(record.sidecar["AvailableModalities"])
            key = f"{sources} → {record.name.modality.name}"
            tasks[key].append(case(record, people[record.name.subject]))
    print("| task | SD of the draws | oracle map |\n|---|---|---|")
    for task, cases in tasks.items():
        squares = sum(error**2 for error, _, _ in cases)
        ours = [rank_correlation(sd, error, mask) for error, sd, mask in cases]
        oracle = [rank_correlation(squares - e**2, e, mask) for e, _, mask in cases]
        print(f"| {task} | {np.mean(ours):.2f} | {np.mean(oracle):.2f} |")


if __name__ == "__main__":
    main()
