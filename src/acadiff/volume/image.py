"""NIfTI files ⇄ arrays with their affine; nothing damaged or synthetic passes for a scan."""

import gzip
import os
import stat
import zlib
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import cast

import nibabel as nib
import numpy as np
from jaxtyping import Float32, Float64
from nibabel.spatialimages import HeaderDataError

from acadiff.commit import write_bytes
from acadiff.errors import MissingInputError, ScanError
from acadiff.modality import Modality

MAX_VOXELS = 512**3
"""No header may promise more [ours: a small file can claim any size]."""

LABEL = "SYNTHETIC"
"""First word of the NIfTI description of everything that no scanner has made."""

_MNI = 4
_EXTENSIONS_LIMIT = 1 << 20
_DAMAGE = (EOFError, OSError, zlib.error, HeaderDataError, KeyError, ValueError)


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
        bad = int(self.data.size - np.isfinite(self.data).sum())
        if bad or self.data.size == 0:
            raise ScanError(f"{bad} of {self.data.size} voxels are not finite numbers")
        if not np.isfinite(self.affine).all() or abs(np.linalg.det(self.affine)) < 1e-6:
            raise ScanError(f"the affine {self.affine.tolist()} does not span space")

    @property
    def unit(self) -> str:
        """Unit of the voxels."""
        return self.modality.unit


def read_scan(path: Path, modality: Modality) -> Volume:
    """Read an acquired scan, in RAS orientation.

    The file is read to its last byte, so that the gzip checksum is verified.

    Raises:
        MissingInputError: there is no such file.
        ScanError: it is damaged, not 3D, has no orientation, holds NaN, infinity or one value
            only, or is labelled synthetic.
    """
    header, block = _load(path)
    if is_synthetic(header):
        raise ScanError(f"{path}: is labelled {LABEL}; only acquired scans can be sources")
    data = _decode(path, header, block, axes=3)
    volume = _canonical(path, data, header, modality)
    if volume.data.min() == volume.data.max():
        raise ScanError(f"{path}: every voxel is {volume.data.min():g}; replace the scan")
    return volume


def read_synthetic(path: Path, modality: Modality) -> Volume:
    """Read an imputed volume back, in RAS orientation.

    Raises:
        MissingInputError: there is no such file.
        ScanError: it is damaged, or does not say that it is synthetic.
    """
    header, block = _load(path)
    _require_label(path, header)
    return _canonical(path, _decode(path, header, block, axes=3), header, modality)


def read_draws(path: Path) -> Float32[np.ndarray, "n i j k"]:
    """Read the single draws of an imputation, as `write_draws` wrote them.

    Raises:
        MissingInputError: there is no such file.
        ScanError: it is damaged, or does not say that it is synthetic.
    """
    header, block = _load(path)
    _require_label(path, header)
    return np.ascontiguousarray(np.moveaxis(_decode(path, header, block, axes=4), 3, 0))


def write_scan(path: Path, volume: Volume, description: str, intent: str = "") -> None:
    """Write a volume as float32 NIfTI-1 in MNI space, atomically; same volume, same bytes.

    Args:
        path: ends in `.nii.gz`.
        volume: what to write.
        description: goes into the header's `descrip`, 79 bytes at most.
        intent: goes into `intent_name` and `aux_file`, 15 bytes at most.
    """
    write_bytes(path, _encode(volume.data[0], volume.affine, description, intent))


def write_draws(
    path: Path,
    draws: Float32[np.ndarray, "n i j k"],
    affine: Float64[np.ndarray, "4 4"],
    description: str,
) -> None:
    """Write draws as one 4D NIfTI-1, labelled synthetic; the fourth axis is the draw."""
    write_bytes(path, _encode(np.moveaxis(draws, 0, 3), affine, description, LABEL))


def is_synthetic(header: nib.Nifti1Header) -> bool:
    """Whether a NIfTI header carries our label in any of its text fields."""
    fields = (header["descrip"], header["intent_name"], header["aux_file"])
    return any(bytes(field.item()).startswith(LABEL.encode()) for field in fields)


def _require_label(path: Path, header: nib.Nifti1Header) -> None:
    if not is_synthetic(header):
        raise ScanError(f"{path}: lacks the label {LABEL} in its header; impute it again")


def _load(path: Path) -> tuple[nib.Nifti1Header, bytes]:
    """Header and voxel bytes of a file that was read, and checked, to its end."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise MissingInputError(f"{path}: cannot be read ({error.strerror})") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ScanError(f"{path}: is not a regular file")
    with os.fdopen(descriptor, "rb") as raw:
        zipped = path.name.endswith(".gz")
        stream = cast(BufferedIOBase, gzip.GzipFile(fileobj=raw)) if zipped else raw
        try:
            header = _header(stream)
            block = _block(stream, header)
        except _DAMAGE as error:
            raise ScanError(f"{path}: is damaged or no NIfTI file ({error})") from error
    return header, block


def _header(stream: BufferedIOBase) -> nib.Nifti1Header:
    """Header of a single-file NIfTI-1 or -2, checked before anything is allocated."""
    start = stream.read(348)
    if len(start) < 348:
        raise ValueError(f"it is {len(start)} bytes long")
    size = int.from_bytes(start[:4], "little")
    if size in (540, int.from_bytes((540).to_bytes(4, "little"), "big")):
        header = nib.Nifti2Header(start + stream.read(192), check=False)
    else:
        header = nib.Nifti1Header(start, check=False)
    if not bytes(header["magic"].item()).startswith((b"n+1", b"n+2")):
        raise ValueError("the magic number is missing")
    if header["bitpix"] != header.get_data_dtype().itemsize * 8:
        raise ValueError("bits per voxel and data type disagree")
    shape = header.get_data_shape()
    if min(shape, default=0) < 1 or np.prod(shape, dtype=float) > MAX_VOXELS:
        raise ValueError(f"a shape of {shape} is empty or too large")
    offset = float(header["vox_offset"])
    if not header.sizeof_hdr + 4 <= offset <= _EXTENSIONS_LIMIT or offset % 1:
        raise ValueError(f"voxels start at byte {offset:g}")
    return header


def _block(stream: BufferedIOBase, header: nib.Nifti1Header) -> bytes:
    """The voxels' bytes; the stream must end right behind them."""
    gap = int(header["vox_offset"]) - header.sizeof_hdr
    size = int(np.prod(header.get_data_shape())) * header.get_data_dtype().itemsize
    if len(stream.read(gap)) != gap:
        raise ValueError("it ends within its header")
    block = stream.read(size + 1)
    if len(block) != size:
        raise ValueError(f"{size} bytes of voxels are promised, there are {_count(block, size)}")
    return block


def _count(block: bytes, size: int) -> str:
    return "more" if len(block) > size else str(len(block))


def _decode(
    path: Path, header: nib.Nifti1Header, block: bytes, axes: int
) -> Float32[np.ndarray, "..."]:
    """Voxels as float32 with `axes` axes; trailing axes of length one are dropped."""
    dtype, shape = header.get_data_dtype(), header.get_data_shape()
    if dtype.kind not in "iuf":
        raise ScanError(f"{path}: voxels are of type {dtype}; one real number each is needed")
    if int(np.prod(shape[axes:])) != 1 or len(shape) < min(axes, 3):
        raise ScanError(
            f"{path}: has {len(shape)} axes {shape}, {axes} are needed; average time frames first"
        )
    shape = (*shape, 1)[:axes]
    slope, inter = _scaling(path, header)
    with np.errstate(over="ignore", invalid="ignore"):
        data = np.frombuffer(block, dtype).reshape(shape, order="F").astype(np.float32)
        if slope is not None:
            data = (data * np.float64(slope) + np.float64(inter)).astype(np.float32)
    return data


def _scaling(path: Path, header: nib.Nifti1Header) -> tuple[float | None, float | None]:
    """What stored numbers are multiplied by, and what is added."""
    if np.isinf([header["scl_slope"], header["scl_inter"]]).any():
        raise ScanError(f"{path}: is damaged (its values are scaled to infinity)")
    try:
        slope, inter = header.get_slope_inter()
    except HeaderDataError as error:
        raise ScanError(f"{path}: is damaged ({error})") from error
    return slope, inter


def _canonical(
    path: Path, data: Float32[np.ndarray, "i j k"], header: nib.Nifti1Header, modality: Modality
) -> Volume:
    if header["qform_code"] <= 0 and header["sform_code"] <= 0:
        raise ScanError(f"{path}: has no orientation (qform and sform codes are 0); set one")
    try:
        affine = np.asarray(header.get_best_affine(), np.float64)
        Volume(data[None], affine, modality)
        image = nib.as_closest_canonical(nib.Nifti1Image(data, affine))
        canonical = np.ascontiguousarray(image.dataobj, dtype=np.float32)
        return Volume(canonical[None], np.array(image.affine, np.float64), modality)
    except (ScanError, HeaderDataError) as error:
        raise ScanError(f"{path}: {error}") from error


def _encode(
    data: Float32[np.ndarray, "..."],
    affine: Float64[np.ndarray, "4 4"],
    description: str,
    intent: str,
) -> bytes:
    if len(description.encode()) > 79 or len(intent.encode()) > 15:
        raise ScanError(f"the label {description!r} / {intent!r} is too long for a NIfTI header")
    image = nib.Nifti1Image(data, affine)
    image.set_sform(affine, _MNI)
    image.set_qform(affine, _MNI)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = description.encode()
    image.header["intent_name"] = image.header["aux_file"] = intent.encode()
    return gzip.compress(image.to_bytes(), compresslevel=5, mtime=0)
