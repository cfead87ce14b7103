"""The prepared dataset: every visit's scans on the model's grid, and one record a visit.

The record is written last and holds the SHA-256 of every file of its visit, of what these were
made from, and how. A file without a matching record is garbage, whatever left it there.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from jaxtyping import Bool

from acadiff import __version__
from acadiff.bids import Name
from acadiff.commit import atomic_write, remove, sha256, sweep, write_json
from acadiff.modality import Modality
from acadiff.volume.grid import Grid
from acadiff.volume.image import Volume, write_compact, write_mask

SPACE = "MNI152NLin2009aSym"
RECORDS = Path("logs") / "prepare"
_T1W = "T1w"
_DESCRIPTION = "prepared by acadiff"

Mask = Bool[np.ndarray, "i j k"]
Write = Callable[[Path], None]


@dataclass(frozen=True)
class Place:
    """Whose visit, and where its files lie in the dataset.

    Args:
        subject: label without `sub-`.
        session: label without `ses-`, or None.
        voxel: voxel size in mm.
    """

    subject: str
    session: str | None
    voxel: int

    @property
    def key(self) -> str:
        """`sub-X`, or `sub-X_ses-Y` where there are sessions."""
        return f"sub-{self.subject}" + (f"_ses-{self.session}" if self.session else "")

    @property
    def record(self) -> Path:
        """Its record."""
        return RECORDS / f"{self.key}.json"

    def scan(self, modality: Modality, extension: str = ".nii.gz") -> PurePosixPath:
        """A prepared scan."""
        res = f"{self.voxel}mm"
        name = Name(self.subject, modality, self.session, SPACE, res, "preproc")
        return name.path(extension)

    def mask(self, extension: str = ".nii.gz") -> PurePosixPath:
        """The brain on the grid."""
        scan = self.scan(Modality.MRI, extension)
        return scan.with_name(scan.name.replace("desc-preproc_T1w", "desc-brain_mask"))

    def transform(self, start: str, end: str, extension: str, tracer: str | None = None) -> str:
        """A transform of images from one space to another."""
        folder = self.scan(Modality.MRI).parent
        who = self.key + (f"_trc-{tracer}" if tracer else "")
        return str(folder / f"{who}_from-{start}_to-{end}_mode-image_xfm{extension}")


@dataclass(frozen=True, eq=False)
class Contents:
    """What there is to write of one visit.

    Args:
        scans: on the grid, with what their sidecars say.
        mask: the brain on the grid.
        mask_sidecar: what is said of it.
        transforms: place in the dataset → how the file is written.
    """

    scans: Mapping[Modality, tuple[Volume, Mapping[str, Any]]]
    mask: Mask
    mask_sidecar: Mapping[str, Any]
    transforms: Mapping[str, Write] = field(default_factory=dict)


def write_visit(
    root: Path, place: Place, contents: Contents, record: Mapping[str, Any]
) -> dict[str, Any]:
    """Write images, sidecars and transforms of a visit, then its record; returns the record.

    What an earlier run left of the visit and is not written now is removed.

    Raises:
        OutputError: the place cannot be written.
    """
    remove(root / place.record)
    simulated = "SIMULATED " if record.get("Simulated") else ""
    description = f"{simulated}{_DESCRIPTION} {__version__}"
    for modality, (volume, sidecar) in contents.scans.items():
        write_compact(root / place.scan(modality), volume, description)
        write_json(root / place.scan(modality, ".json"), sidecar)
    affine = Grid(place.voxel).affine
    write_mask(root / place.mask(), contents.mask, affine, description)
    write_json(root / place.mask(".json"), contents.mask_sidecar)
    for path, write in contents.transforms.items():
        atomic_write(root / path, write)
    written = [place.scan(m, end) for m in contents.scans for end in (".nii.gz", ".json")]
    written += [place.mask(), place.mask(".json"), *map(PurePosixPath, contents.transforms)]
    _tidy(root, place, {str(path) for path in written})
    hashes = {str(path): sha256(root / path) for path in sorted(map(str, written))}
    whole = {**record, "SHA256": hashes, "SoftwareVersion": __version__}
    write_json(root / place.record, whole)
    return whole


def finished(root: Path, place: Place, expected: Mapping[str, Any]) -> dict[str, Any] | None:
    """The record of a visit that is on disk, whole, and made as `expected`; else None."""
    record = read_record(root / place.record)
    plain = json.loads(json.dumps(dict(expected)))
    if record is None or any(record.get(key) != value for key, value in plain.items()):
        return None
    hashes = record.get("SHA256") or {}
    whole = all((root / p).is_file() and sha256(root / p) == known for p, known in hashes.items())
    return record if hashes and whole else None


def read_record(path: Path) -> dict[str, Any] | None:
    """A record's content, or None if there is none or it is damaged."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def discard(root: Path, place: Place) -> None:
    """Remove what there is of a visit none of whose scans can be used any more."""
    remove(root / place.record)
    _tidy(root, place, set())


def _tidy(root: Path, place: Place, kept: set[str]) -> None:
    """Remove files of the visit that are not kept, and what dead processes left."""
    visit = (root / place.scan(Modality.MRI)).parent.parent
    for folder in sorted({visit / m.datatype for m in Modality}):
        sweep(folder)
        for path in sorted(folder.glob(f"{place.key}_*")):
            if path.relative_to(root).as_posix() not in kept:
                remove(path)
