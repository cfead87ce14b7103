"""Attack the scan reader and count what comes of it.

    python benchmarks/fuzz_reader.py --nibabel                        # a million headers, minutes
    python benchmarks/fuzz_reader.py --headers 20000 --flips 600      # seconds

Prints Markdown: mutated headers, flipped bits of a `.nii.gz`, and the corpus of tests/hostile.py.
Wrong is what was accepted with voxels or an affine that an independent decoder (tests/oracle.py)
does not find, or refused with another code than expected; a traceback is any error that is not
ours. With `--nibabel`, more rows show what it does with the same files. Exits 1 if our reader was
wrong or crashed once, or took more than two seconds for one file (on its processor) or 500 MB.
"""

import argparse
import os
import random
import re
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import nibabel
import numpy as np

from acadiff.errors import AcadiffError
from acadiff.modality import Modality
from acadiff.volume.image import load_scan
from acadiff.volume.nifti import read_nifti

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import hostile  # noqa: E402
import oracle  # noqa: E402

SLOW, RAM = 2.0, 500
COLUMNS = ("refused", "accepted", "wrong", "traceback", "slow")


class Tally(Counter):
    """What came of many files."""

    def __init__(self, name):
        super().__init__()
        self.name, self.start, self.examples = name, time.process_time(), []

    def watch(self, judge, *arguments):
        """Count the verdict of `judge`, or the traceback that came instead."""
        start = time.process_time()
        try:
            verdict = judge(*arguments)
        except Exception as error:  # noqa: BLE001
            verdict = "traceback"
            self.examples.append(repr(error))
        self[verdict] += 1
        self["slow"] += time.process_time() - start > SLOW

    def row(self):
        """One line of the table."""
        total = sum(self[column] for column in COLUMNS[:-1])
        rate = total / (time.process_time() - self.start)
        return (
            f"| {self.name} | {total} | {' | '.join(str(self[c]) for c in COLUMNS)} | {rate:.0f} |"
        )

    @property
    def bad(self):
        """What must not be."""
        return self["wrong"] + self["traceback"] + self["slow"]


def read(path, content):
    """Ours, against the independent decoder."""
    try:
        scan = read_nifti(path)
    except AcadiffError:
        return "refused"
    values, affine = oracle.decode(content)
    same = np.array_equal(scan.data.ravel("F"), values)
    return "accepted" if same and np.allclose(scan.affine, affine, 1e-5, 1e-4) else "wrong"


def read_flipped(path, truth):
    """Ours, against the voxels before the bit flipped."""
    try:
        return "accepted" if np.array_equal(read_nifti(path).data, truth) else "wrong"
    except AcadiffError:
        return "refused"


def nibabel_flipped(path, truth):
    """The same question to nibabel."""
    try:
        data = nibabel.load(path).get_fdata(dtype=np.float32)
    except Exception:  # noqa: BLE001
        return "refused"
    return "accepted" if np.array_equal(data, truth) else "wrong"


def nibabel_hostile(path, code):
    """Whether nibabel takes what must be refused."""
    try:
        nibabel.load(path).get_fdata(dtype=np.float32)
    except Exception:  # noqa: BLE001
        return "refused"
    return "wrong" if code else "accepted"


def expected(path, code):
    """Whether a file of the corpus meets its code."""
    try:
        load_scan(path, Modality.MRI)
    except AcadiffError as error:
        return "refused" if error.code == code else "wrong"
    return "wrong" if code else "accepted"


def headers(folder, count, seed):
    """Mutated headers of four small files."""
    small, rng, tally = hostile.head((5, 6, 4)), random.Random(seed), Tally("mutated headers")
    bases = [
        (352, hostile.nii(small)),
        (352, hostile.nii(small, "i2", order=">", scl_slope=0.5, sform_code=0)),
        (544, hostile.nii(small, "f8", version=2)),
        (368, hostile.nii(small, extensions=hostile.extension(16, bytes(8)))),
    ]
    for number, (length, content) in enumerate(bases):
        path = folder / f"{number}.nii"
        path.write_bytes(content)
        with path.open("r+b", buffering=0) as file:
            for _ in range(count // len(bases)):
                changed = oracle.mutant(content[:length], rng)
                os.pwrite(file.fileno(), changed, 0)
                tally.watch(read, path, changed + content[length:])
    return [tally]


def flips(folder, count, seed, judge=read_flipped, whose=""):
    """One flipped bit each."""
    path, tally = folder / "flipped.nii.gz", Tally(f"flipped bits{whose}")
    for changed in oracle.flips(hostile.PACKED, count, seed):
        path.write_bytes(changed)
        tally.watch(judge, path, hostile.head())
    return [tally]


def corpus(folder, judge=expected, whose="", without=()):
    """Every file of the corpus but those of some codes."""
    tally = Tally(f"corpus{whose}")
    codes = hostile.write(folder, [*hostile.hostile(), *hostile.benign()])
    for name, code in codes.items():
        if code not in without:
            tally.watch(judge, folder / name, code)
    return [tally]


def most_memory():
    """MB that this process has held; `ru_maxrss` would tell of the one that started it, too."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) // 1024


def main():
    """Attack, print, and tell by the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--headers", type=int, default=1_000_000)
    parser.add_argument("--flips", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--nibabel", action="store_true", help="attack nibabel as well")
    wanted = parser.parse_args()
    nibabel.imageglobals.logger.disabled = True
    warnings.simplefilter("ignore")  # nibabel's and numpy's, about what they then accept
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tallies = headers(folder, wanted.headers, wanted.seed)
        memory = most_memory()
        tallies += flips(folder, wanted.flips, wanted.seed) + corpus(folder / "ours")
        if wanted.nibabel:
            tallies += flips(folder, wanted.flips, wanted.seed, nibabel_flipped, ", nibabel")
            without = ("E_BOMB", "E_FILE", "E_FORMAT")
            tallies += corpus(folder / "theirs", nibabel_hostile, ", nibabel", without)
    print(f"| files | number | {' | '.join(COLUMNS)} | per second |\n|---|{'---:|' * 7}")
    print("\n".join(tally.row() for tally in tallies))
    ours = [tally for tally in tallies if "nibabel" not in tally.name]
    print(f"\nmost memory while reading headers: {memory} MB")
    for tally in ours:
        print("".join(f"{tally.name}: {example}\n" for example in tally.examples[:5]), end="")
    return int(any(tally.bad for tally in ours) or memory > RAM)


if __name__ == "__main__":
    sys.exit(main())
