"""How well `acadiff prepare` brings back what was simulated, from scans moved into native space.

    python benchmarks/recovery.py rigid --subjects 8

SIMULATED people are rendered in template space, moved, turned and put on other lattices, prepared,
and held against what they were: where they were simulated (directly); where they belong by the
simulation's own account, which no registration had a part in (placed); and where they were put
(like), which leaves the errors of resampling, bias, brain and PET to MRI.

Where a person belongs is told by the best map: the one nearest to the deformation by which the
person was simulated. The truth is also carried through the map that was found and through the map
of mutual information alone, from which it was found.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from acadiff import phantom
from acadiff.cohort.candidate import Candidate
from acadiff.modality import Modality
from acadiff.phantom import Parameters
from acadiff.phantom.enrolment import Person
from acadiff.registration import ants
from acadiff.registration import native as registration
from acadiff.registration.options import Options
from acadiff.registration.transform import Linear, write_linear
from acadiff.registration.visit import Visit, prepare
from acadiff.volume.grid import Grid
from acadiff.volume.image import Volume
from acadiff.volume.quality import dice
from acadiff.volume.space import MODEL

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import native

Scans = Mapping[Modality, Volume]
Row = dict[str, float]
Maps = dict[str, np.ndarray]

VOXELS = ((1.2, 1.0, 1.1), (1.0, 1.0, 1.0), (0.94, 0.94, 1.2), (1.5, 1.5, 1.5))
"""Of the MRI, mm; one person after the other."""


def main() -> None:
    """Parse, prepare, print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("warps", nargs="+", choices=("rigid", "affine", "syn"))
    parser.add_argument("--subjects", type=int, default=4)
    parser.add_argument("--seed", type=int, default=12)
    parser.add_argument("--voxel", type=int, default=2)
    asked = parser.parse_args()
    print("| measure | " + " | ".join(asked.warps) + " |")
    print("|---|" + "---:|" * len(asked.warps), flush=True)
    tables = [_rows(warp, asked.subjects, asked.seed, asked.voxel) for warp in asked.warps]
    for name in tables[0][0]:
        cells = [_cell(name, [row[name] for row in rows]) for rows in tables]
        print(f"| {name} | " + " | ".join(cells) + " |")


def _cell(name: str, values: list[float]) -> str:
    """Mean over people, and the worst of them."""
    worst = min(values) if "correlation" in name or "Dice" in name else max(values)
    digits = 3 if "correlation" in name or "Dice" in name else 1
    return f"{np.mean(values):.{digits}f} ({worst:.{digits}f})"


def _rows(warp: str, subjects: int, seed: int, voxel: int) -> list[Row]:
    rows = []
    for number in range(1, subjects + 1):
        person = phantom.enrol(seed, number, Parameters())
        with tempfile.TemporaryDirectory() as folder:
            rows.append(_row(person, warp, number, voxel, Path(folder)))
        told = "; ".join(f"{name} {value:.3f}" for name, value in rows[-1].items())
        print(f"{warp}, person {number}: {told}", file=sys.stderr, flush=True)
    return rows


def _row(person: Person, warp: str, number: int, voxel: int, folder: Path) -> Row:
    truth, grid = phantom.render(person, voxel), Grid(voxel)
    scans = _acquired(truth, number)
    candidates = {m: Candidate(folder / f"{m.name}.nii.gz", "1", None, m) for m in scans}
    for modality, acquired in scans.items():
        native.save(candidates[modality].path, acquired)
    best = native.best(person, "Rigid" if warp == "rigid" else "Affine")
    maps: Maps = {}
    with _watched(maps):
        start = time.process_time()
        visit = prepare("sub-1", candidates, Options(voxel=voxel, warp=warp), folder, folder)
        row = {"CPU s": time.process_time() - start}
    row["warnings"] = len(visit.problems)
    for problem in visit.problems:
        print(problem.text, file=sys.stderr)
    move = scans[Modality.MRI].motion
    shown = Volume((truth[Modality.MRI].data > 0).astype(np.float32), grid.affine, Modality.MRI)
    brain = _like(shown, visit, move, folder, 1).data[0] > 0.5
    row["Dice of the brain, like"] = dice(visit.mask, brain)
    for modality, volume in truth.items():
        made, like = visit.scans[modality].volume, _like(volume, visit, move, folder, 3)
        placed = native.placed(volume, best)
        name = modality.title
        row[f"{name}: correlation, directly"] = native.in_brain(made, volume, shown.data[0] > 0)
        row[f"{name}: correlation, placed"] = native.in_brain(made, placed, placed.data[0] > 0)
        row[f"{name}: correlation, like"] = native.in_brain(made, like, brain)
        if modality.is_pet:
            own = scans[modality].motion @ np.linalg.inv(move)
            row[f"{name}: off the MRI, mm"] = _off(visit.scans[modality].linear, own, move)
            row |= _suvr(name, made, {"directly": volume, "placed": placed, "like": like})
    return row | _placement(truth, maps, best, move)


def _acquired(truth: Scans, number: int) -> dict[Modality, native.Acquired]:
    """The scans of one person, each with its own motion."""
    rng = np.random.default_rng(number)
    sizes = {Modality.MRI: VOXELS[number % len(VOXELS)]}
    way = native.ORIENTATIONS[number % len(native.ORIENTATIONS)]
    return {
        m: native.acquire(v, native.motion(rng), oblique=5, voxel=sizes.get(m), orientation=way)
        for m, v in truth.items()
    }


@contextmanager
def _watched(maps: Maps) -> Iterator[None]:
    """Note the map of mutual information alone, and the one that became of it."""
    settled = registration.settled

    def watch(fixed: Volume, moving: Volume, start: Linear, *rest: Any) -> Linear:
        found = settled(fixed, moving, start, *rest)
        maps.update({"mutual information": start.matrix, "found": found.matrix})
        return found

    with mock.patch.object(registration, "settled", watch):
        yield


def _placement(truth: Scans, maps: Maps, best: np.ndarray, move: np.ndarray) -> Row:
    """How far linear maps are from the best one, and how the truth agrees with itself by them."""
    points, row = native.brain(), {}
    for name, matrix in (*maps.items(), ("the best", move @ best)):
        back = np.linalg.inv(move) @ matrix
        away = (back - best) @ np.c_[points, np.ones(len(points))].T
        if name != "the best":
            row[f"mm off the best map, {name}"] = float(np.linalg.norm(away[:3], axis=0).mean())
        for modality, volume in truth.items():
            grid = Grid(round(volume.affine[0, 0]))
            there = native.like(volume, move, Linear(matrix), grid)
            inside = truth[Modality.MRI].data[0] > 0
            title = f"{modality.title}: correlation of the truth, {name}"
            row[title] = native.in_brain(there, volume, inside)
            if modality.is_pet:
                ratio = native.regional(there) / native.regional(volume)
                title = f"{modality.title}: worst of 26 regions of the truth off, %, {name}"
                row[title] = 100 * float(np.abs(ratio - 1).max())
    return row


def _like(volume: Volume, visit: Visit, move: np.ndarray, folder: Path, order: int) -> Volume:
    """The truth, carried through the motion back and the map that was found."""
    grid = Grid(round(volume.affine[0, 0]))
    if not visit.files:
        found = visit.scans[Modality.MRI].linear
        return native.like(volume, move, found, grid, order)
    write_linear(folder / "unmove.txt", Linear(np.linalg.inv(move)))
    chain = [visit.files[MODEL], folder / "unmove.txt"]
    return ants.carried(volume, grid.shape, grid.affine, chain, order=order)


def _off(found: Linear, true: np.ndarray, move: np.ndarray) -> float:
    """The largest distance at the corners of the brain."""
    corners = [[x, y, z, 1] for x in (-60, 60) for y in (-95, 65) for z in (-45, 70)]
    away = (found.matrix - true) @ move @ np.transpose(corners)
    return float(np.linalg.norm(away[:3], axis=0).max())


def _suvr(name: str, made: Volume, others: Mapping[str, Volume]) -> Row:
    """Errors of SUVR, %."""
    row = {}
    for kind, other in others.items():
        off = native.composite(made) / native.composite(other) - 1
        row[f"{name}: composite SUVR off, %, {kind}"] = 100 * abs(off)
        ratio = native.regional(made) / native.regional(other)
        row[f"{name}: worst of 26 regions off, %, {kind}"] = 100 * float(np.abs(ratio - 1).max())
    return row


if __name__ == "__main__":
    main()
