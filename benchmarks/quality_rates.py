"""How often `prepare` flags a good scan, and how often it misses a bad one.

Simulated people are prepared as they are, then with one thing wrong at a time: PET of two people
swapped, moved, mirrored, named after the other tracer, and so on. Every visit goes through all of
`prepare` but the reading of headers. SIMULATED: nothing here is about patients.

    python benchmarks/quality_rates.py rates.tsv --subjects 60 --seed 404
"""

import argparse
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from acadiff import phantom
from acadiff.cohort.candidate import Candidate
from acadiff.modality import Modality
from acadiff.phantom import Parameters
from acadiff.registration.options import Options
from acadiff.registration.visit import prepare
from acadiff.volume.image import Volume, write_scan
from acadiff.volume.space import MODEL

VOXEL = 4
MRI, FDG, AV45 = Modality
SIDES = [(axis, way) for axis in range(3) for way in (1, -1)]


def usual():
    """PET 1 mm and 0.5° beside the MRI, and eight scanners: what the phantom leaves out."""
    parameters = Parameters()
    return replace(parameters, images=replace(parameters.images, misplaced=(1.0, 0.5), sites=8))


class Case(NamedTuple):
    """A visit, that of another person, and the visit's number."""

    own: dict[Modality, np.ndarray]
    other: dict[Modality, np.ndarray]
    number: int


def same(scan):
    return lambda case: case.own[scan]


def strange(scan):
    return lambda case: case.other[scan]


def brighter(scan):
    return lambda case: 1.4 * case.own[scan]


def flipped(scan, axis):
    return lambda case: np.flip(case.own[scan], axis)


def moved(scan, mm):
    """By whole voxels; what comes in is empty."""

    def move(case):
        (axis, way), by = SIDES[case.number % len(SIDES)], mm // VOXEL
        padded = np.pad(case.own[scan], by)
        return np.roll(padded, way * by, axis)[(slice(by, -by),) * 3]

    return move


def scenarios():
    """(name, the scan that is wrong, case → its voxels)."""
    yield "good", None, None
    for pet, twin in ((FDG, AV45), (AV45, FDG)):
        yield f"{pet.name} of another person", pet, strange(pet)
        yield f"{pet.name} moved by 20 mm", pet, moved(pet, 20)
        yield f"{pet.name} moved by 8 mm", pet, moved(pet, 8)
        yield f"{pet.name} mirrored left-right", pet, flipped(pet, 0)
        yield f"{twin.name} named {pet.name}", pet, same(twin)
        yield f"{twin.name} of another person named {pet.name}", pet, strange(twin)
        yield f"MRI named {pet.name}", pet, same(MRI)
        yield f"{pet.name} named MRI", MRI, same(pet)
        yield f"{pet.name} 40 % too high", pet, brighter(pet)
    for scan in Modality:
        yield f"{scan.name} upside down", scan, flipped(scan, 2)
        yield f"{scan.name} back to front", scan, flipped(scan, 1)


def problems(folder, scans, affine):
    """Codes said of each scan of a visit whose PET is in SUVR."""
    candidates = {}
    for modality, values in scans.items():
        path = folder / f"{modality.name}.nii.gz"
        write_scan(path, Volume(values[None], affine, modality), "SIMULATED")
        region = str(modality.reference_region) if modality.is_pet else None
        candidates[modality] = Candidate(path, "x", None, modality, space=MODEL, suvr=region)
    visit = prepare("sub-x", candidates, Options(voxel=VOXEL), folder, folder)
    codes = {m: set() for m in Modality}
    for problem in visit.problems:
        where = [m for m in Modality if problem.where.endswith(f"{m.name}.nii.gz")]
        for modality in where or Modality:
            codes[modality].add(problem.code)
    return codes


def rates(people, affine):
    """One row a scenario: how often the scan that is wrong, or any scan, was flagged."""
    rows = []
    for name, scan, wrong in scenarios():
        here, anywhere, said = 0, 0, Counter()
        for n, visit in enumerate(people):
            case = Case(visit, people[(n + 1) % len(people)], n)
            given = visit | {scan: np.ascontiguousarray(wrong(case))} if wrong else visit
            with tempfile.TemporaryDirectory() as folder:
                codes = problems(Path(folder), given, affine)
            told = codes[scan] if scan else set().union(*codes.values())
            here, anywhere = here + bool(told), anywhere + any(codes.values())
            said.update(told)
        total = len(people)
        often = ", ".join(f"{code} {count}" for code, count in said.most_common())
        rows.append((name, total, here / total, anywhere / total, often))
        print(*rows[-1], sep="\t", flush=True)
    return pd.DataFrame(rows, columns=["what", "visits", "flagged", "visit_flagged", "codes"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path)
    parser.add_argument("--subjects", type=int, default=60)
    parser.add_argument("--seed", type=int, default=404)
    parser.add_argument("--plain", action="store_true", help="one scanner, no misregistration")
    asked = parser.parse_args()
    parameters = Parameters() if asked.plain else usual()
    people, affine = [], None
    for index in range(1, asked.subjects + 1):
        scans = phantom.render(phantom.enrol(asked.seed, index, parameters), VOXEL, parameters)
        people.append({m: v.data[0] for m, v in scans.items()})
        affine = scans[MRI].affine
    rates(people, affine).to_csv(asked.table, sep="\t", index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
