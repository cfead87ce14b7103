"""Imputed scans as a BIDS derivative dataset in which nothing can pass for an acquired scan.

Of one imputation the sidecar of `desc-synth` is written last and holds the SHA-256 of every image:
it is the record. An image without a matching record is garbage, whatever left it there.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from acadiff import __version__
from acadiff.bids import Name, parse
from acadiff.commit import remove, sha256, write_json
from acadiff.errors import CohortError, OutputError
from acadiff.outputs.dataset import DESCRIPTIONS
from acadiff.outputs.dataset import start_dataset as start_dataset
from acadiff.volume.image import LABEL, Volume, write_draws, write_scan

SPACE = "MNI152NLin2009aSym"
REQUIRED = (
    "AvailableModalities",
    "ClinicalInputsUsed",
    "IntensityTransform",
    "ModelName",
    "ModelSHA256",
    "RandomSeed",
    "Sampler",
    "SourceSHA256",
    "Sources",
    "Steps",
)
"""What only the caller knows and every record must tell; None where it does not apply."""


@dataclass(frozen=True, eq=False)
class Imputation:
    """A filled-in scan: the mean of its draws and their voxelwise SD, both in the target's unit.

    Args:
        mean: the scan to show.
        sd: standard deviation over draws, of the same shape and affine.
        draws: how many there were.
        kept: the draws themselves `(n i j k)`, or None.
        trust: how far it can be trusted, for the record.

    Raises:
        OutputError: the parts do not lie on one grid.
    """

    mean: Volume
    sd: Volume
    draws: int
    kept: Float32[np.ndarray, "n i j k"] | None = None
    trust: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse parts that belong to different imputations."""
        shape, affine = self.mean.data.shape, self.mean.affine
        same = self.sd.data.shape == shape and np.array_equal(self.sd.affine, affine)
        if self.kept is not None:
            same = same and self.kept.shape == (self.draws, *shape[1:])
        if not same or self.sd.modality is not self.mean.modality:
            raise OutputError("mean, SD and draws of an imputation must share one grid")


@dataclass(frozen=True)
class Record:
    """One imputation on disk.

    Args:
        path: the sidecar that is the record.
        name: entities of the `desc-synth` image.
        sidecar: its content.
    """

    path: Path
    name: Name
    sidecar: Mapping[str, Any]

    @property
    def root(self) -> Path:
        """The derivative dataset it lies in."""
        return self.path.parents[len(self.name.path().parts) - 1]

    def image(self, desc: str) -> Path | None:
        """Path of the image `synth`, `synthstd` or `synthdraws`; None if it was not written."""
        path = self.root / replace(self.name, desc=desc).path()
        return path if path.name in self.sidecar.get("SHA256", {}) else None


def write_derivative(
    root: Path,
    name: Name,
    imputation: Imputation,
    record: Mapping[str, Any],
    space: str = SPACE,
) -> Record:
    """Write images, then their sidecars, then the record.

    Args:
        root: the derivative dataset.
        name: whose scan; its space, resolution and desc are set here.
        imputation: what to write.
        record: provenance with at least the keys `REQUIRED`.
        space: where it lies: the model's template, or `T1w`.

    Returns:
        The record as written.

    Raises:
        OutputError: the record lacks a key, or the place cannot be written.
    """
    lacking = [key for key in REQUIRED if key not in record]
    if lacking:
        raise OutputError(f"{name.stem}: the record lacks {', '.join(lacking)}; state them")
    name = _placed(name, imputation.mean, space)
    path = root / name.path(".json")
    remove(path)
    hashes = {}
    shared = _shared(imputation, record)
    for desc in _write_images(root, name, imputation):
        image = root / replace(name, desc=desc).path()
        hashes[image.name] = sha256(image)
        if desc != "synth":
            sidecar = {**shared, "Description": DESCRIPTIONS[desc]}
            write_json(root / replace(name, desc=desc).path(".json"), sidecar)
    sidecar = {**shared, "Description": DESCRIPTIONS["synth"], "SHA256": hashes}
    write_json(path, sidecar)
    return Record(path, name, sidecar)


def is_done(root: Path, name: Name, expected: Mapping[str, Any]) -> bool:
    """Whether an imputation is on disk, whole, and made as `expected`.

    True if a record for this scan exists, its hashes match the images' bytes, and every item of
    `expected` equals the record's.
    """
    folder = (root / name.path()).parent
    plain = json.loads(json.dumps(dict(expected)))
    return any(
        found is not None
        and (found.subject, found.session) == (name.subject, name.session)
        and (found.modality, found.desc) == (name.modality, "synth")
        and _holds(path, plain)
        for path in sorted(folder.glob("*_desc-synth_*.json"))
        for found in [parse(path.name)]
    )


def read_records(root: Path) -> list[Record]:
    """All records below a derivative dataset, sorted by path.

    Raises:
        CohortError: a record is damaged or does not say that it is synthetic.
    """
    records = []
    for path in sorted(root.glob("sub-*/**/*_desc-synth_*.json")):
        name = parse(path.name)
        if name is None:
            continue
        sidecar = _read(path)
        if sidecar is None or sidecar.get("Synthetic") is not True:
            raise CohortError(f"{path}: is damaged or lacks Synthetic: true; impute it again")
        records.append(Record(path, name, sidecar))
    return records


def drop_draws(root: Path) -> None:
    """Remove the single draws of a dataset; its records say so first, and stay true.

    Raises:
        CohortError: a record is damaged.
        OutputError: the place cannot be written.
    """
    for record in read_records(root):
        image = record.image("synthdraws")
        if image is None:
            continue
        left = {k: v for k, v in record.sidecar["SHA256"].items() if k != image.name}
        write_json(record.path, {**record.sidecar, "DrawsKept": False, "SHA256": left})
        remove(image)
        remove(image.with_name(image.name.removesuffix(".nii.gz") + ".json"))


def _placed(name: Name, volume: Volume, space: str) -> Name:
    return replace(name, space=space, resolution=_resolution(volume), desc="synth")


def _resolution(volume: Volume) -> str:
    """`4mm`, `1p5mm` or, for unequal sides, `1x1x2mm`."""
    sides = [f"{side:.4g}" for side in np.linalg.norm(volume.affine[:3, :3], axis=0)]
    text = sides[0] if len(set(sides)) == 1 else "x".join(sides)
    return text.replace(".", "p") + "mm"


def _shared(imputation: Imputation, record: Mapping[str, Any]) -> dict[str, Any]:
    """What all sidecars of an imputation say."""
    modality = imputation.mean.modality
    return {
        **record,
        **({"Trust": imputation.trust} if imputation.trust else {}),
        "Synthetic": True,
        "TargetModality": modality.name,
        "Units": modality.unit,
        "SUVRReferenceRegion": modality.reference_region,
        "NumSamples": imputation.draws,
        "Resolution": f"voxels of {_resolution(imputation.mean)}",
        "SkullStripped": True,
        "SoftwareVersion": __version__,
    }


def _write_images(root: Path, name: Name, imputation: Imputation) -> list[str]:
    """Write what there is; returns the desc labels written."""
    description = f"{LABEL} acadiff {__version__}"
    parts = {"synth": imputation.mean, "synthstd": imputation.sd}
    for desc, volume in parts.items():
        write_scan(root / replace(name, desc=desc).path(), volume, description, LABEL)
    draws = replace(name, desc="synthdraws")
    path = root / draws.path()
    if imputation.kept is None:
        remove(path)
        remove(root / draws.path(".json"))
        return list(parts)
    write_draws(path, imputation.kept, imputation.mean.affine, description)
    return [*parts, "synthdraws"]


def _holds(path: Path, expected: Mapping[str, Any]) -> bool:
    sidecar = _read(path)
    if sidecar is None or any(sidecar.get(key) != value for key, value in expected.items()):
        return False
    images = {path.parent / file: known for file, known in sidecar.get("SHA256", {}).items()}
    return bool(images) and all(
        image.is_file() and sha256(image) == known for image, known in images.items()
    )


def _read(path: Path) -> dict[str, Any] | None:
    """A record's content, or None if it is no JSON object."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
