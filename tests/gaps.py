"""One cohort with gaps in three forms: a BIDS dataset, a CAPS folder, a table of paths."""

import gzip
import struct
from pathlib import PurePosixPath

import nibabel as nib
import numpy as np

from acadiff.modality import Modality
from acadiff.volume.grid import Grid

MNI = "MNI152NLin2009cSym"
LAYOUTS = ("bids", "caps", "manifest")
VISITS = "participant_id\tsession_id\tdiagnosis\tMMSE\tage"


def voxels(seed=0, side=12):
    """A bright ball of noise in the dark."""
    axis = np.linspace(-1.3, 1.3, side)
    inside = sum(a**2 for a in np.meshgrid(axis, axis, axis, indexing="ij")) < 1
    noise = np.random.default_rng(seed).uniform(0.5, 1.5, inside.shape)
    return np.where(inside, noise, 0).astype(np.float32)


def encoded(data=None, affine=None, code=1, dtype=None, header=nib.Nifti1Image):
    """Bytes of a `.nii`."""
    data = voxels() if data is None else data
    affine = np.diag([4.0, 4.0, 4.0, 1.0]) if affine is None else affine
    image = header(data, affine, dtype=dtype)
    image.set_sform(affine, code)
    image.set_qform(affine, code)
    return image.to_bytes()


SCAN = gzip.compress(encoded(), 1, mtime=0)
"""A native scan, in which any PET needs its MRI."""


def placed(layout):
    """A scan that lies on a template by its grid, or, in CAPS, by its name."""
    grid = Grid(8)
    data = np.random.default_rng(0).uniform(0, 1, grid.shape).astype(np.float32)
    return SCAN if layout == "caps" else gzip.compress(encoded(data, grid.affine), 1, mtime=0)


def place(layout, subject, session, modality):
    """Where the scan lies below the root."""
    who = f"sub-{subject}" + (f"_ses-{session}" if session else "")
    folders = PurePosixPath(*who.split("_"))
    trc = f"_trc-{modality.tracer}" if modality.is_pet else ""
    if layout == "bids":
        return folders / modality.datatype / f"{who}{trc}_{modality.suffix}.nii.gz"
    if layout == "caps":
        pipeline = {"anat": "t1_linear", "pet": "pet_linear"}[modality.datatype]
        suvr = "_suvr-pons2" if modality.is_pet else ""
        name = f"{who}{trc}_space-{MNI}_desc-Crop_res-1x1x1{suvr}_{modality.suffix}.nii.gz"
        return "subjects" / folders / pipeline / name
    return PurePosixPath("scans") / f"{who}_{modality.name}.nii.gz"


def grow(root, layout, visits, scan=SCAN):
    """Write the scans of {(subject, session): modalities}; returns what to name as the source."""
    root.mkdir(parents=True, exist_ok=True)
    for (subject, session), modalities in visits.items():
        for modality in modalities:
            path = root / place(layout, subject, session, modality)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(scan)
    if layout == "bids":
        (root / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.10.0"}')
    if layout != "manifest":
        return root
    table = root / "cohort.tsv"
    table.write_text("\n".join(["participant_id\tsession_id\tmri\tfdg\tav45", *_rows(visits), ""]))
    return table


def _rows(visits):
    for (subject, session), modalities in visits.items():
        cells = [
            str(place("manifest", subject, session, m)) if m in modalities else "n/a"
            for m in Modality
        ]
        yield "\t".join([subject, session or "n/a", *cells])


def clinical(path, rows):
    """A table of visits."""
    path.write_text("\n".join([VISITS, *rows, ""]))
    return path


def random_visits(seed, people=9):
    """Some scans of some visits; nobody has all AV45, somebody has one scan only."""
    rng = np.random.default_rng(seed)
    visits = {}
    for number in range(people):
        for session in ("M000", "M012"):
            had = [m for m in Modality if rng.random() < 0.6]
            if had:
                visits[f"P{number:02d}", session] = had
    visits["P00", "M000"] = [Modality.FDG]
    return visits


def patched(offset, form, *values, data=None):
    """A scan whose header holds other values at an offset (NIfTI-1, little-endian)."""
    raw = bytearray(encoded() if data is None else data)
    struct.pack_into(f"<{form}", raw, offset, *values)
    return gzip.compress(bytes(raw), 1)
