"""What is said of a prepared visit beside its images: sidecars, and the transforms to keep."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from acadiff import __version__
from acadiff.registration.options import Options
from acadiff.registration.transform import Linear, write_linear
from acadiff.registration.visit import Scanned, Visit
from acadiff.volume.intensity import scaling_of
from acadiff.volume.space import MODEL


@dataclass(frozen=True)
class Way:
    """One transform to keep.

    Args:
        start: BIDS label of the space of the images that it moves.
        end: of the space that it moves them to.
        tracer: of the PET that it concerns, or None.
        suffix: of its file.
        write: puts it into a file.
    """

    start: str
    end: str
    tracer: str | None
    suffix: str
    write: Callable[[Path], None]


def is_simulated(visit: Visit) -> bool:
    """Whether the header of a scan says that no person was scanned."""
    return any(
        text.startswith("SIMULATED")
        for scanned in visit.scans.values()
        for text in scanned.given.scan.header.texts
    )


def scan_sidecar(visit: Visit, scanned: Scanned, options: Options, source: str) -> dict[str, Any]:
    """The JSON beside a prepared scan; `source` is the URI of its file."""
    assert visit.mask is not None
    volume, given = scanned.volume, scanned.given
    header, modality = given.scan.header, volume.modality
    sidecar = {
        "Description": f"{modality.title} on one grid, brain alone",
        "Sources": [source],
        "SourceSHA256": given.scan.sha256,
        "SourceSpace": visit.space,
        "SourceShape": list(header.shape[:3]),
        "SourceAffine": header.affine.tolist(),
        "SkullStripped": True,
        "BrainExtraction": visit.extraction,
        "Resolution": _resolution(options),
        "Registration": "none" if scanned.linear is None else options.warp,
        "Units": modality.unit,
        "IntensityTransform": scaling_of(volume, visit.mask).to_json(),
        "SoftwareVersion": __version__,
        "Simulated": is_simulated(visit),
    }
    if scanned.scale is not None:
        sidecar["SUVRReferenceRegion"] = scanned.scale.region
        sidecar["SUVRDivisor"] = scanned.scale.divisor
    return sidecar


def mask_sidecar(visit: Visit, options: Options, source: str) -> Mapping[str, Any]:
    """The JSON beside the brain mask."""
    return {
        "Type": "Brain",
        "Sources": [source],
        "Resolution": _resolution(options),
        "BrainExtraction": visit.extraction,
    }


def ways(visit: Visit) -> Iterator[Way]:
    """All transforms of a visit, each with its inverse; none if its scans came on a template."""
    for modality, scanned in visit.scans.items():
        linear, tracer = scanned.linear, modality.tracer
        if linear is None:
            continue
        if tracer:
            yield from _both("pet", "T1w", tracer, linear)
        elif not visit.files:
            yield from _both("T1w", MODEL, None, linear)
    for end, path in visit.files.items():
        start = "T1w" if end == MODEL else MODEL
        yield Way(start, end, None, path.suffix, partial(_copy, path))


def _both(start: str, end: str, tracer: str | None, linear: Linear) -> Iterator[Way]:
    """A transform leads points from where images go to where they come from."""
    yield Way(start, end, tracer, ".txt", partial(_write, linear))
    yield Way(end, start, tracer, ".txt", partial(_write, linear.inverse))


def _write(linear: Linear, path: Path) -> None:
    write_linear(path, linear)


def _copy(source: Path, path: Path) -> None:
    shutil.copyfile(source, path)


def _resolution(options: Options) -> str:
    return f"voxels of {options.voxel} mm"
