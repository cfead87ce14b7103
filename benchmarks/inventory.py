"""How long finding the scans takes: a BIDS dataset and a CAPS folder of 1,028 persons.

Makes trees of empty images with sidecars in a temporary folder and prints the seconds that
`read_inventory`, `select` and `choose` take, best of several runs; CPU seconds do not depend on
what else the machine does.

    python benchmarks/inventory.py --subjects 1028
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from acadiff.cohort.files.sources import read_inventory
from acadiff.cohort.filters import filters
from acadiff.cohort.inventory import choose, select

SIDECAR = {
    "pet": {
        "TracerName": "FDG",
        "TracerRadionuclide": "F18",
        "Units": "Bq/mL",
        "TimeZero": "10:00",
    },
    "anat": {"MagneticFieldStrength": 3, "RepetitionTime": 2.3, "EchoTime": 0.003},
}
IMAGES = {
    "bids": (
        ("anat", "T1w"),
        ("pet", "trc-18FFDG_rec-coregavg_pet"),
        ("pet", "trc-18FAV45_pet"),
    ),
    "caps": (
        ("t1_linear", "space-MNI152NLin2009cSym_desc-Crop_res-1x1x1_T1w"),
        *(
            ("pet_linear", f"{t}_space-MNI152NLin2009cSym_desc-Crop_res-1x1x1_suvr-pons2_pet")
            for t in ("trc-18FFDG_rec-coregavg", "trc-18FAV45")
        ),
    ),
}


def grow(root, layout, subjects):
    """Make the tree; in BIDS every image has a sidecar, and other images lie beside it."""
    for number in range(subjects):
        subject, session = f"sub-ADNI000S{number:04d}", "ses-M000"
        visit = (root / "subjects" if layout == "caps" else root) / subject / session
        for folder, name in IMAGES[layout]:
            stem = visit / folder / f"{subject}_{session}_{name}"
            stem.parent.mkdir(parents=True, exist_ok=True)
            stem.with_name(f"{stem.name}.nii.gz").touch()
            if layout == "bids":
                fields = SIDECAR[folder] | ({"TracerName": "AV45"} if "AV45" in name else {})
                stem.with_name(f"{stem.name}.json").write_text(json.dumps(fields))
        if layout == "bids":
            func = visit / "func"
            func.mkdir()
            (func / f"{subject}_{session}_task-rest_bold.nii.gz").touch()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=1028)
    parser.add_argument("--repeat", type=int, default=5)
    wanted = parser.parse_args()
    print(
        "| layout | scans | read_inventory | of it CPU | select + choose |\n|---|---|---|---|---|"
    )
    for layout in IMAGES:
        with tempfile.TemporaryDirectory() as folder:
            grow(Path(folder), layout, wanted.subjects)
            times = []
            for _ in range(wanted.repeat):
                start, used = time.perf_counter(), time.process_time()
                inventory = read_inventory(Path(folder))
                read, cpu = time.perf_counter(), time.process_time() - used
                choice = choose(select(inventory, filters(sessions=["M00"])))
                times.append((read - start, cpu, time.perf_counter() - read))
            assert len(choice.scans) == 3 * wanted.subjects
            assert not inventory.problems
            assert inventory.layout == layout
            best = [f"{min(column):.2f} s" for column in zip(*times, strict=True)]
            print(f"| {layout} | {len(choice.scans)} | {' | '.join(best)} |")


if __name__ == "__main__":
    main()
