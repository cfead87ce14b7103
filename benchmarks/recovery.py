"""How well `acadiff prepare` brings back what was simulated, from scans moved into native space.

    python benchmarks/recovery.py rigid affine syn --subjects 4

SIMULATED people are rendered in template space, moved, turned and put on other lattices, prepared,
and held against what they were: directly, and after the truth was carried through the very map
that was found (its like), which leaves the errors of resampling, bias, brain and PET to MRI, and
takes out the size of the head, which an affine map changes on purpose.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from acadiff import phantom
from acadiff.cohort.candidate import Candidate
from acadiff.modality import Modality
from acadiff.phantom import Parameters
from acadiff.registration import ants
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
    for person in range(1, subjects + 1):
        truth = phantom.render(phantom.enrol(seed, person, Parameters()), voxel)
        with tempfile.TemporaryDirectory() as folder:
            rows.append(_row(truth, warp, person, Path(folder)))
    return rows


def _row(truth: Scans, warp: str, person: int, folder: Path) -> Row:
    rng, grid = np.random.default_rng(person), Grid(round(truth[Modality.MRI].affine[0, 0]))
    scans = {m: native.acquire(v, native.motion(rng), oblique=5) for m, v in truth.items()}
    candidates = {m: Candidate(folder / f"{m.name}.nii.gz", "1", None, m) for m in scans}
    for modality, acquired in scans.items():
        native.save(candidates[modality].path, acquired)
    start = time.process_time()
    visit = prepare("sub-1", candidates, Options(voxel=grid.voxel, warp=warp), folder, folder)
    row = {"CPU s": time.process_time() - start}
    move = scans[Modality.MRI].motion
    like = {m: _like(v, visit, move, folder, 3) for m, v in truth.items()}
    shown = Volume((truth[Modality.MRI].data > 0).astype(np.float32), grid.affine, Modality.MRI)
    brain = _like(shown, visit, move, folder, 1).data[0] > 0.5
    row["Dice of the brain, like"] = dice(visit.mask, brain)
    for modality, volume in truth.items():
        made = visit.scans[modality].volume
        name = modality.title
        row[f"{name}: correlation, directly"] = native.in_brain(made, volume, shown.data[0] > 0)
        row[f"{name}: correlation, like"] = native.in_brain(made, like[modality], brain)
        if modality.is_pet:
            own = scans[modality].motion @ np.linalg.inv(move)
            row[f"{name}: off the MRI, mm"] = _off(visit.scans[modality].linear, own, move)
            row |= _suvr(name, made, volume, like[modality])
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


def _suvr(name: str, made: Volume, truth: Volume, like: Volume) -> Row:
    """Errors of SUVR, %."""
    row = {}
    for kind, other in (("directly", truth), ("like", like)):
        off = native.composite(made) / native.composite(other) - 1
        row[f"{name}: composite SUVR off, %, {kind}"] = 100 * abs(off)
        ratio = native.regional(made) / native.regional(other)
        row[f"{name}: worst of 26 regions off, %, {kind}"] = 100 * float(np.abs(ratio - 1).max())
    return row


if __name__ == "__main__":
    main()
