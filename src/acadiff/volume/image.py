"""Scans ⇄ volumes, in RAS orientation; nothing synthetic passes for a scan."""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import nibabel as nib
import numpy as np
from isal import igzip
from jaxtyping import Bool, Float32, Float64, Shaped

from acadiff.commit import write_bytes
from acadiff.errors import Problem, ScanError
from acadiff.modality import Modality
from acadiff.volume.header import Header
from acadiff.volume.nifti import Nifti, read_nifti, shown
from acadiff.volume.orientation import Form
from acadiff.volume.voxels import is_full, require_content

LABEL = "SYNTHETIC"
"""First word of the NIfTI description of everything that no scanner has made."""

_MNI = 4
_STEPS = 32767
_SCALE_AT = 112  # byte of the header where slope and intercept stand


@dataclass(frozen=True, eq=False)
class Volume:
    """One scan: voxels `(1 i j k)`, voxel indices → mm (RAS), and what was measured.

    Raises:
        ScanError: a value is not finite, or the affine does not span space.
    """

    data: Float32[np.ndarray, "1 i j k"]
    affine: Float64[np.ndarray, "4 4"]
    modality: Modality

    def __post_init__(self) -> None:
        """Refuse what no later step could mend."""
        finite = np.isfinite(self.data)
        if self.data.size == 0 or not finite.all():
            bad = f"{int((~finite).sum())} of {self.data.size}"
            raise ScanError(f"{bad} voxels are not finite numbers", code="E_NONFINITE", value=bad)
        if not np.isfinite(self.affine).all() or abs(np.linalg.det(self.affine)) < 1e-6:
            value = str(self.affine.tolist())
            raise ScanError(
                f"the affine {value} does not span space", code="E_AFFINE", value=value
            )

    @property
    def unit(self) -> str:
        """Unit of the voxels."""
        return self.modality.unit


@dataclass(frozen=True, eq=False)
class Scan:
    """One acquired scan, with what its file says beside the volume.

    Args:
        volume: in RAS orientation.
        header: as stored.
        sha256: of the file.
        notes: what was assumed, replaced or looks odd, each a warning.
        holes: 1 where the file holds NaN or infinity, which became 0; None if nowhere.
    """

    volume: Volume
    header: Header
    sha256: str
    notes: tuple[Problem, ...]
    holes: Volume | None = None


def load_scan(
    path: Path,
    modality: Modality,
    *,
    frames: Literal["refuse", "mean"] = "refuse",
    assume_orientation: str | None = None,
    prefer_form: Form | None = None,
    nonfinite: Literal["refuse", "zero"] = "refuse",
) -> Scan:
    """Read an acquired scan and keep what the file says of it.

    Args:
        path: a `.nii` or `.nii.gz`.
        modality: what it shows.
        frames: what to do with several time frames.
        assume_orientation: where the axes point ("RAS"), for a file that does not tell.
        prefer_form: which of two forms that disagree is right.
        nonfinite: what to do with NaN and infinity.

    Raises:
        MissingInputError: there is no such file.
        ScanError: it is refused by `read_nifti`, labelled synthetic or blank.
    """
    nifti = read_nifti(
        path,
        axes=4 if frames == "mean" else 3,
        assume_orientation=assume_orientation,
        prefer_form=prefer_form,
        nonfinite=nonfinite,
    )
    if is_synthetic(nifti.header):
        raise ScanError(
            f"{shown(path)}: is labelled {LABEL}",
            code="E_SYNTHETIC_INPUT",
            value=nifti.header.texts,
            hint="only acquired scans can be sources",
        )
    data, notes = _averaged(path, nifti)
    volume = canonical(data, nifti.affine, modality)
    try:
        share = require_content(volume.data)
    except ScanError as error:
        raise error.at(shown(path)) from error
    if is_full(share):
        text = f"{share:.1%} of the voxels stand out, there is no background"
        notes += (_note(path, "W_FULL", f"{share:.1%}", text),)
    return Scan(volume, nifti.header, nifti.sha256, notes, _holes(nifti, modality))


def _averaged(
    path: Path, nifti: Nifti
) -> tuple[Float32[np.ndarray, "i j k"], tuple[Problem, ...]]:
    """The mean of the time frames, if there are several, and what is to be said of the file."""
    data, notes = nifti.data, nifti.notes
    if data.ndim == 3:
        return data, notes
    count = data.shape[3]
    if count > 1:
        text = f"is the mean of {count} frames, which were not aligned"
        notes += (_note(path, "W_FRAMES", str(count), text),)
    return data.mean(axis=3, dtype=np.float32), notes


def _note(path: Path, code: str, value: str, text: str) -> Problem:
    where, hint = shown(path), "look at the scan"
    return Problem(where, code, value, hint, f"{where}: {text}; {hint}")


def _holes(nifti: Nifti, modality: Modality) -> Volume | None:
    if nifti.holes is None:
        return None
    holes = np.asarray(nifti.holes, np.float32)
    first = holes if holes.ndim == 3 else np.asarray(holes.max(axis=3), np.float32)
    return canonical(first, nifti.affine, modality)


def read_scan(path: Path, modality: Modality) -> Volume:
    """Read an acquired scan, in RAS orientation.

    Raises:
        MissingInputError: there is no such file.
        ScanError: as for `load_scan`.
    """
    return load_scan(path, modality).volume


def read_synthetic(path: Path, modality: Modality) -> Volume:
    """Read an imputed volume back, in RAS orientation.

    Raises:
        MissingInputError: there is no such file.
        ScanError: it is refused by `read_nifti`, or does not say that it is synthetic.
    """
    nifti = _labelled(path, read_nifti(path))
    return canonical(nifti.data, nifti.affine, modality)


def read_draws(path: Path) -> Float32[np.ndarray, "n i j k"]:
    """Read the single draws of an imputation, as `write_draws` wrote them.

    Raises:
        MissingInputError: there is no such file.
        ScanError: it is refused by `read_nifti`, or does not say that it is synthetic.
    """
    nifti = _labelled(path, read_nifti(path, axes=4))
    return np.ascontiguousarray(np.moveaxis(nifti.data, 3, 0))


def canonical(
    data: Float32[np.ndarray, "i j k"], affine: Float64[np.ndarray, "4 4"], modality: Modality
) -> Volume:
    """The volume whose axes point, as nearly as they can without resampling, to R, A and S."""
    order = nib.io_orientation(affine)
    turned = np.ascontiguousarray(nib.apply_orientation(data, order))
    back = nib.orientations.inv_ornt_aff(order, data.shape)
    return Volume(turned[None], np.asarray(affine @ back, np.float64), modality)


def write_scan(path: Path, volume: Volume, description: str, intent: str = "") -> None:
    """Write a volume as float32 NIfTI-1 in MNI space, atomically; same volume, same bytes.

    Args:
        path: ends in `.nii.gz`.
        volume: what to write.
        description: goes into the header's `descrip`, 79 bytes at most.
        intent: goes into `intent_name` and `aux_file`, 15 bytes at most.
    """
    write_bytes(path, _encode(volume.data[0], volume.affine, description, intent))


def write_compact(path: Path, volume: Volume, description: str) -> None:
    """Write a volume in a third of the time and half of the room: 16 bits a voxel, atomically.

    No value is off by more than 1/65,534 of the greatest, if none is below zero, which is kept
    exactly; else by no more than 1/131,068 of the range.
    """
    data = volume.data[0]
    low, high = float(data.min()), float(data.max())
    slope = (high - low) / (2 * _STEPS) if low < 0 else high / _STEPS
    inter = (high + low) / 2 if low < 0 else 0.0
    stored = np.rint((data - np.float32(inter)) / np.float32(slope or 1)).astype(np.int16)
    write_bytes(path, _encode(stored, volume.affine, description, "", (slope or 1, inter)))


def write_mask(
    path: Path,
    mask: Bool[np.ndarray, "i j k"],
    affine: Float64[np.ndarray, "4 4"],
    description: str,
) -> None:
    """Write a mask as 0 and 1 of 8 bits, atomically."""
    write_bytes(path, _encode(mask.astype(np.uint8), affine, description, "", (1.0, 0.0)))


def write_draws(
    path: Path,
    draws: Float32[np.ndarray, "n i j k"],
    affine: Float64[np.ndarray, "4 4"],
    description: str,
) -> None:
    """Write draws as one 4D NIfTI-1, labelled synthetic; the fourth axis is the draw."""
    write_bytes(path, _encode(np.moveaxis(draws, 0, 3), affine, description, LABEL))


def is_synthetic(header: Header) -> bool:
    """Whether a NIfTI header carries our label in any of its text fields."""
    return any(text.startswith(LABEL) for text in header.texts)


def _labelled(path: Path, nifti: Nifti) -> Nifti:
    if not is_synthetic(nifti.header):
        raise ScanError(
            f"{shown(path)}: lacks the label {LABEL} in its header",
            code="E_UNLABELLED",
            value=nifti.header.texts,
            hint="impute it again",
        )
    return nifti


def _encode(
    data: Shaped[np.ndarray, "..."],
    affine: Float64[np.ndarray, "4 4"],
    description: str,
    intent: str,
    scale: tuple[float, float] | None = None,
) -> bytes:
    if len(description.encode()) > 79 or len(intent.encode()) > 15:
        label = f"{description!r} / {intent!r}"
        raise ScanError(
            f"the label {label} is too long for a NIfTI header",
            code="E_LABEL_LENGTH",
            value=label,
            hint="shorten it",
        )
    image = nib.Nifti1Image(data, affine)
    image.set_sform(affine, _MNI)
    image.set_qform(affine, _MNI)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = description.encode()
    image.header["intent_name"] = image.header["aux_file"] = intent.encode()
    content = bytearray(image.to_bytes())
    if scale is not None:
        struct.pack_into("<2f", content, _SCALE_AT, *scale)
    return igzip.compress(content, 2, mtime=0)  # a tenth of zlib's time, and no larger
