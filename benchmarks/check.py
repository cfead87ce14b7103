"""How long `acadiff check` takes on a cohort of ADNI's size.

Makes a BIDS dataset of tiny but valid scans with sidecars, gaps and tables in a temporary folder,
runs the command line on it in a process of its own, and prints seconds.

    python benchmarks/check.py --subjects 1028
"""

import argparse
import gzip
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nibabel as nib
import numpy as np

from acadiff.volume.grid import Grid

SIDECAR = {"TracerRadionuclide": "F18", "Units": "Bq/mL", "TimeZero": "10:00"}
SCANS = (("anat", "T1w", {}), ("pet", "trc-18FFDG_rec-coregavg_pet", {"TracerName": "FDG"}),
         ("pet", "trc-18FAV45_pet", {"TracerName": "AV45"}))  # fmt: skip


def image():
    """Bytes of a scan on the coarsest grid of a model, of noise, which does not compress."""
    grid = Grid(8)
    data = np.random.default_rng(0).random(grid.shape, dtype=np.float32)
    nifti = nib.Nifti1Image(data, grid.affine)
    nifti.set_sform(grid.affine, 4)
    nifti.set_qform(grid.affine, 4)
    return gzip.compress(nifti.to_bytes(), 1)


def grow(root, subjects):
    """Make the dataset; every third scan or so is missing. Returns how many there are."""
    chance, scan, rows, made = random.Random(0), image(), [], 0
    for number in range(subjects):
        subject = f"sub-ADNI{number % 60:03d}S{number:04d}"
        visit = root / subject / "ses-M000"
        for folder, name, fields in SCANS:
            if chance.random() < 0.3:
                continue
            stem = visit / folder / f"{subject}_ses-M000_{name}"
            stem.parent.mkdir(parents=True, exist_ok=True)
            stem.with_name(f"{stem.name}.nii.gz").write_bytes(scan)
            stem.with_name(f"{stem.name}.json").write_text(json.dumps(SIDECAR | fields))
            made += 1
        if visit.is_dir():
            table = f"session_id\tdiagnosis\tMMSE\tage\nses-M000\tMCI\t27\t{70 + number % 9}\n"
            (root / subject / f"{subject}_sessions.tsv").write_text(table)
            rows.append(f"{subject}\t{'FM'[number % 2]}\t{number % 3}")
    (root / "participants.tsv").write_text("\n".join(["participant_id\tsex\tapoe4", *rows, ""]))
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=1028)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("options", nargs="*", help="Further options of `acadiff check`, after --.")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "bids"
        scans = grow(root, wanted.subjects)
        command = [sys.executable, "-m", "acadiff", "check", str(root), *wanted.options]
        command += ["--out", str(Path(folder) / "out")]
        times = []
        for _ in range(wanted.repeat):
            start = time.perf_counter()
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            times.append((time.perf_counter() - start, processor))
            assert done.returncode == 0, done.stderr
        wall, processor = (min(column) for column in zip(*times, strict=True))
        print(f"{wanted.subjects} subjects, {scans} scans: {wall:.2f} s, {processor:.2f} s of CPU")
        print(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
