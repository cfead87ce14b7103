"""How long `acadiff prepare` takes a subject on one core, in CPU seconds, and how much memory.

    python benchmarks/prepare.py template            # 1 mm scans on Clinica's crop → 1 mm
    python benchmarks/prepare.py native --warp syn   # scans of some 1 mm in their own space → 1 mm

Scans are SIMULATED, at 1 mm. Start-up (imports, the template) is told apart, as it is paid once a
process. Run it under `taskset -c 0` and `OMP_NUM_THREADS=1`, so that one core is what it has.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import nibabel as nib
import numpy as np

from acadiff import phantom
from acadiff.modality import Modality
from acadiff.phantom import Parameters
from acadiff.registration.options import Options
from acadiff.stages.prepare import run

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import native

Files = Mapping[Modality, Path]


def scans_of(folder: Path, subject: int, where: str) -> Files:
    """One simulated person's scans at 1 mm, written as float32 like those of other programs."""
    rng = np.random.default_rng(subject)
    files = {}
    for modality, volume in phantom.render(
        phantom.enrol(5, subject, Parameters()), 1, Parameters()
    ).items():
        if where == "template":
            there = native.on_crop(volume)
        else:
            there = native.acquire(volume, native.motion(rng), oblique=7.0).volume
        files[modality] = folder / f"sub-{subject}_{modality.name}.nii.gz"
        image = nib.Nifti1Image(there.data[0], there.affine)
        image.set_sform(there.affine, 1)
        image.header["descrip"] = native.SAID.encode()
        nib.save(image, files[modality])
    return files


def main() -> None:
    """Parse, prepare, print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("where", choices=("template", "native"))
    parser.add_argument("--subjects", type=int, default=3)
    parser.add_argument("--voxel", type=int, default=1)
    parser.add_argument("--warp", default="affine")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [(str(i), None, scans_of(folder, i, asked.where))
                for i in range(1, asked.subjects + 1)]  # fmt: skip
        table = native.manifest(folder / "scans.tsv", rows)
        options = Options(voxel=asked.voxel, warp=asked.warp)
        marks = [time.process_time()]
        walls = [time.perf_counter()]

        def step(_: str) -> None:
            marks.append(time.process_time())
            walls.append(time.perf_counter())

        result = run(table, folder / "out", options=options, on_step=step)
        done = time.process_time()
        size = sum(p.stat().st_size for p in (folder / "out").rglob("*.nii.gz"))
    cpu, wall = np.diff(marks), np.diff(walls)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"| {asked.where}, {asked.warp}, {asked.voxel} mm | value |\n|---|---:|")
    print(f"| scans prepared | {result.done} of {result.done + result.refused} |")
    print(f"| first subject, with start-up, CPU s | {cpu[0]:.1f} |")
    print(f"| every other subject, CPU s | {np.mean(cpu[1:]):.2f} |")
    print(f"| the same, wall-clock s under the load there was | {np.mean(wall[1:]):.2f} |")
    print(f"| tables at the end, CPU s | {done - marks[-1]:.2f} |")
    print(f"| MB a subject on disk | {size / 1e6 / asked.subjects:.1f} |")
    print(f"| peak memory of the process, GB | {memory:.2f} |")


if __name__ == "__main__":
    main()
