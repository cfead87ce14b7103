"""Every scan enters the program here: a NIfTI file → its voxels as numbers, or one sentence.

What is accepted is, to the last bit, what the standard says that the file means. docs/errors.md
lists what is refused; tests/hostile.py makes an example of each.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8

from acadiff.errors import AcadiffError, Problem, ScanError
from acadiff.volume.header import (
    MAX_VOXELS,
    SHORTEST,
    Header,
    check_extensions,
    length_of,
    parse_header,
)
from acadiff.volume.orientation import Form
from acadiff.volume.stream import GzipStream, Stream, open_stream, truncated
from acadiff.volume.voxels import decode, fill_holes

SUFFIXES = (".nii", ".nii.gz")
"""What a scan's file name may end in."""

_KINDS = {
    b"\x1f\x8b": "a gzip file; name it .nii.gz",
    b"\x5c\x01\0\0": "not compressed; name it .nii",
    b"\x1c\x02\0\0": "not compressed; name it .nii",
    b"PK": "a zip archive; unpack it",
    b"<": "a web page or XML; download it again",
    b"{": "JSON",
    b"/annex/": "a pointer of git-annex; run datalad get",
    b"../": "a link that became text; copy the file that it names",
    b"version https://git-lfs": "a pointer of Git LFS; run git lfs pull",
    b"MZ": "a program",
    b"\x89PNG": "a picture",
    b"\x89HDF": "an HDF5 or MINC file; convert it to NIfTI",
}
_CONVERT = {
    ".mgz": "mri_convert scan.mgz scan.nii.gz",
    ".mgh": "mri_convert scan.mgh scan.nii.gz",
    ".img": "fslchfiletype NIFTI_GZ scan.img",
    ".hdr": "fslchfiletype NIFTI_GZ scan.hdr",
    ".dcm": "dcm2niix on its folder",
}


@dataclass(frozen=True, eq=False)
class Nifti:
    """A file that was read, and checked, to its last byte.

    Args:
        data: values as float32, in the order of the file; `(i j k)`, or `(i j k n)` with frames.
        header: what the file says of itself.
        sha256: of the file.
        notes: what was assumed or replaced, each a warning.
        holes: voxels that were not finite and became 0; none if there were none.
    """

    data: Float32[np.ndarray, "..."]
    header: Header
    sha256: str
    notes: tuple[Problem, ...] = ()
    holes: Bool[np.ndarray, "..."] | None = None

    @property
    def affine(self) -> Float64[np.ndarray, "4 4"]:
        """Voxel indices → mm, RAS."""
        return self.header.affine

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the numbers in the file."""
        return self.header.dtype


def read_nifti(
    path: Path,
    *,
    axes: int = 3,
    max_voxels: int = MAX_VOXELS,
    assume_orientation: str | None = None,
    prefer_form: Form | None = None,
    nonfinite: Literal["refuse", "zero"] = "refuse",
) -> Nifti:
    """Read a `.nii` or `.nii.gz`, once and to its end.

    Args:
        path: a regular file, or a link to one.
        axes: 3 for one volume; 4 for frames, of which there may be one.
        max_voxels: a header that promises more is refused.
        assume_orientation: where the axes point ("RAS"), for a file that does not tell.
        prefer_form: which of two forms that disagree is right.
        nonfinite: what to do with NaN and infinity.

    Raises:
        MissingInputError: it is not there or cannot be opened.
        ScanError: it is damaged, contradicts itself or is no scan; `code` tells which.
    """
    try:
        _require_suffix(path)
        with open_stream(path) as stream:
            header = _head(stream, axes, max_voxels, assume_orientation, prefer_form)
            block = _block(stream, header)
            sha256 = stream.finish()
        data = decode(block, header)
        holes = fill_holes(data, nonfinite)
    except AcadiffError as error:
        raise error.at(shown(path)) from error
    except MemoryError as error:
        raise _too_large(header.size).at(shown(path)) from error
    notes = (*remarks(shown(path), header), *_replaced(path, data, holes))
    return Nifti(data, header, sha256, notes, holes)


def read_header(
    path: Path,
    *,
    axes: int = 3,
    max_voxels: int = MAX_VOXELS,
    assume_orientation: str | None = None,
    prefer_form: Form | None = None,
) -> Header:
    """Read and check only how a scan begins, and whether its length can be right.

    Args:
        path: as for `read_nifti`, as all others.
        axes: likewise.
        max_voxels: likewise.
        assume_orientation: likewise.
        prefer_form: likewise.

    Raises:
        MissingInputError: it is not there or cannot be opened.
        ScanError: the header cannot be used; or the file has another length than it promises,
            in which case it is read whole to tell why.
    """
    try:
        _require_suffix(path)
        with open_stream(path) as stream:
            header = _head(stream, axes, max_voxels, assume_orientation, prefer_form)
            if not stream.seems(header.offset + header.size):
                _block(stream, header)
                stream.finish()
    except AcadiffError as error:
        raise error.at(shown(path)) from error
    return header


def remarks(where: str, header: Header) -> tuple[Problem, ...]:
    """What a header leaves to us, and what we made of it."""
    notes, pose = [], header.pose
    if pose.source == "assumed":
        axes = header.affine[:3].round(3).tolist()
        notes.append(_note(where, "W_NOFORM", f"its orientation is assumed: {axes}", axes))
    if pose.apart:
        what = (
            f"its qform and sform are up to {pose.apart:.3g} mm apart; the {pose.source} is used"
        )
        notes.append(_note(where, "W_QSFORM", what, f"{pose.source}, {pose.apart:.3g} mm"))
    if header.unit:
        what = f"its unit of length is the {header.unit}; its numbers are taken for mm"
        notes.append(_note(where, "W_UNIT", what, header.unit))
    return tuple(notes)


def shown(path: Path) -> str:
    """A path that can be printed anywhere, on one line."""
    text = str(path)
    return text if text.isprintable() else ascii(text)


def _require_suffix(path: Path) -> None:
    name = path.name.lower()
    if not name.endswith(SUFFIXES):
        way = _CONVERT.get(path.suffix.lower(), "dcm2niix or mri_convert")
        raise ScanError(
            "it is no .nii or .nii.gz",
            code="E_FORMAT",
            value=path.suffix or "no suffix",
            hint=f"convert it to NIfTI first ({way})",
        )


def _head(
    stream: Stream, axes: int, max_voxels: int, assumed: str | None, preferred: Form | None
) -> Header:
    """The header and the extensions behind it; what follows in the stream are voxels."""
    magic = stream.stored(2)
    if isinstance(stream, GzipStream) and not b"\x1f\x8b".startswith(magic):
        raise _foreign(stream.stored(SHORTEST), "no gzip file")
    start = stream.take(SHORTEST)
    length = length_of(start)
    if len(start) >= 4 and length is None:
        raise _foreign(start, "no NIfTI file")
    start += stream.take((length or SHORTEST) - len(start))
    if len(start) != length:
        raise truncated(f"it ends within its header, after {len(start)} bytes", len(start))
    header = parse_header(start, axes, max_voxels, assumed, preferred)
    gap = stream.take(header.offset - length)
    if len(gap) != header.offset - length:
        raise truncated("it ends before its voxels", length + len(gap))
    check_extensions(gap, header.dtype)
    return header


def _foreign(start: bytes, lacking: str) -> ScanError:
    """The refusal of what is something else, if it can be told what."""
    kind = next((kind for begin, kind in _KINDS.items() if start.startswith(begin)), None)
    if start[128:132] == b"DICM":
        kind = "a DICOM file; convert its folder with dcm2niix"
    what, _, hint = (kind or f"{lacking}; copy or download it again").partition("; ")
    return ScanError(
        f"it is {what} (it begins with {start[:8]!r})", code="E_MAGIC", value=start[:8], hint=hint
    )


def _block(stream: Stream, header: Header) -> UInt8[np.ndarray, " n"]:
    """The bytes of all voxels, in memory that is asked for only if the file can fill it."""
    size = header.size
    if header.offset + size > stream.capacity:
        raise truncated(f"{size} bytes of voxels are promised", stream.status.st_size)
    block = np.empty(size, np.uint8)
    count = stream.fill(block.data)
    if count != size:
        raise truncated(f"{size} bytes of voxels are promised, {count} are there", count)
    return block


def _too_large(size: int) -> ScanError:
    return ScanError(
        f"its {size} bytes of voxels do not fit into memory",
        code="E_MEMORY",
        value=f"{size} bytes",
        hint="read fewer scans at once, or use a machine with more memory",
    )


def _replaced(
    path: Path, data: Float32[np.ndarray, "..."], holes: Bool[np.ndarray, "..."] | None
) -> tuple[Problem, ...]:
    if holes is None:
        return ()
    what = f"{holes.sum()} of {data.size} voxels were not finite and became 0"
    return (_note(shown(path), "W_NONFINITE", what, int(holes.sum())),)


def _note(where: str, code: str, what: str, value: object) -> Problem:
    hint = "see that this is right"
    return Problem(where, code, str(value), hint, f"{where}: {what}; {hint}")
