"""The first bytes of a NIfTI file → what they promise, checked before anything is allocated."""

import math
import struct
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Float64

from acadiff.errors import ScanError
from acadiff.volume.orientation import Form, Forms, Pose, pose

MAX_VOXELS = 512**3
"""No header may promise more [ours: a small file can claim any size]."""

SHORTEST = 348
"""Bytes of the header of NIfTI-1."""

_LENGTHS = {348: 1, 540: 2}
_LAYOUTS = {
    1: "40x 8h 14x 2h 2x 8f 3f 3x B 24x 80s 24s 2h 18f 16s 4s",
    2: "4x 8s 2h 8q 24x 8d q 2d 48x 80s 24s 2i 18d 4x i 4x 16s 16x",
}
_MAGIC = {1: b"n+1\0", 2: b"n+2\0\r\n\x1a\n"}
_REAL = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4"}
_OTHER = {
    1: "single bits",
    32: "complex64",
    128: "RGB",
    1024: "int64",
    1280: "uint64",
    1536: "float128",
    1792: "complex128",
    2048: "complex256",
    2304: "RGBA",
}
_EXTENSIONS_LIMIT = 1 << 24
_UNITS = {1: "metre", 3: "micrometre"}


@dataclass(frozen=True, eq=False)
class Header:
    """What a NIfTI file says of itself, verified.

    Args:
        version: of NIfTI, 1 or 2.
        shape: voxels along i, j, k, and frames if those were asked for.
        dtype: of the stored numbers, with their byte order.
        pose: where the voxels lie.
        offset: byte of the first voxel.
        slope: what stored numbers are multiplied by.
        inter: what is added then.
        unit: of length, if it is another than the millimetre.
        texts: `descrip`, `intent_name` and `aux_file`.
    """

    version: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    pose: Pose
    offset: int
    slope: float
    inter: float
    unit: str
    texts: tuple[str, str, str]

    @property
    def affine(self) -> Float64[np.ndarray, "4 4"]:
        """Voxel indices → mm, RAS."""
        return self.pose.affine

    @property
    def zooms(self) -> tuple[float, float, float]:
        """Voxel sizes along i, j, k in mm."""
        i, j, k = np.sqrt((self.affine[:3, :3] ** 2).sum(axis=0)).tolist()
        return i, j, k

    @property
    def size(self) -> int:
        """Bytes of all voxels."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def scaled(self) -> bool:
        """Whether stored numbers are not yet the values."""
        return (self.slope, self.inter) != (1, 0)


class _Fields(NamedTuple):
    """The numbers of either version under one name each."""

    magic: bytes
    dim: tuple[int, ...]
    datatype: int
    bitpix: int
    pixdim: tuple[float, ...]
    offset: float
    slope: float
    inter: float
    units: int
    texts: tuple[bytes, bytes, bytes]
    codes: tuple[int, int]
    turn: tuple[float, ...]
    rows: tuple[float, ...]


def length_of(start: bytes) -> int | None:
    """Bytes of the header that begins so: 348, 540, or none if it is no NIfTI header."""
    order = _order(start)
    return int.from_bytes(start[:4], order) if order else None


def parse_header(
    start: bytes,
    axes: int = 3,
    max_voxels: int = MAX_VOXELS,
    assumed: str | None = None,
    preferred: Form | None = None,
) -> Header:
    """Read and check a header.

    Args:
        start: as many bytes as `length_of` says.
        axes: 3 for one volume, 4 for several frames.
        max_voxels: more are refused.
        assumed: directions of the axes, for a file that does not tell them.
        preferred: the form that is right, for a file whose forms disagree.

    Raises:
        ScanError: it promises what cannot be used, or contradicts itself.
    """
    order: Literal["<", ">"] = "<" if _order(start) == "little" else ">"
    version = _LENGTHS[len(start)]
    fields = _unpack(version, order, start)
    if fields.magic != _MAGIC[version]:
        raise _no_magic(fields.magic)
    shape = _shape(fields.dim, axes, max_voxels)
    code, bits = fields.datatype, fields.bitpix
    dtype = _dtype(code, bits).newbyteorder(order)
    offset = _offset(fields.offset, len(start))
    slope, inter = _scaling(fields.slope, fields.inter)
    forms = Forms(*fields.codes, fields.pixdim[:4], fields.turn[:3], fields.turn[3:], fields.rows)
    where = pose(forms, shape, assumed, preferred)
    descrip, intent, aux = (t.partition(b"\0")[0].decode("latin-1") for t in fields.texts)
    unit = _UNITS.get(fields.units & 7, "")
    return Header(version, shape, dtype, where, offset, slope, inter, unit, (descrip, intent, aux))


def check_extensions(gap: bytes, dtype: np.dtype[Any]) -> None:
    """Walk the extensions, which lie between header and voxels.

    Args:
        gap: all bytes there; the first four tell whether there are extensions.
        dtype: of the voxels; the extensions have its byte order.

    Raises:
        ScanError: the size of one is impossible (E_EXTENSION).
    """
    order = ">i" if dtype.str.startswith(">") else "<i"
    place = 4 if gap[:1] != b"\0" else len(gap)
    while len(gap) - place >= 16:
        (size,) = struct.unpack_from(order, gap, place)
        if size < 16 or size % 16 or size > len(gap) - place:
            raise ScanError(
                f"its header extension claims {size} bytes",
                code="E_EXTENSION",
                value=size,
                hint="store it anew without extensions",
            )
        place += size


def _order(start: bytes) -> Literal["little", "big"] | None:
    """Byte order of a header, told by the length that it begins with."""
    if len(start) >= 4:
        for order in ("little", "big"):
            if int.from_bytes(start[:4], order) in _LENGTHS:
                return order
    return None


def _unpack(version: int, order: str, start: bytes) -> _Fields:
    v = struct.unpack(order + _LAYOUTS[version], start)
    if version == 1:
        return _Fields(
            v[45], v[0:8], v[8], v[9], v[10:18], v[18], v[19], v[20], v[21],
            (v[22], v[44], v[23]), v[24:26], v[26:32], v[32:44],
        )  # fmt: skip
    return _Fields(
        v[0], v[3:11], v[1], v[2], v[11:19], v[19], v[20], v[21], v[44],
        (v[22], v[45], v[23]), v[24:26], v[26:32], v[32:44],
    )  # fmt: skip


def _shape(dim: tuple[int, ...], axes: int, max_voxels: int) -> tuple[int, ...]:
    """Voxels along the axes that are asked for; axes of length one behind them are dropped."""
    count = dim[0]
    if not 1 <= count <= 7:
        raise _no_shape(f"it claims {count} axes", count, "1 to 7 are possible; mend the header")
    sides = dim[1 : count + 1]
    listed = " × ".join(map(str, sides))
    if min(sides) < 1:
        raise _no_shape(f"its shape is {listed}", listed, "no axis can be empty; mend the header")
    if count < 3 or min(sides[:3]) == 1:
        raise _no_shape(f"it is a single slice of shape {listed}", listed, "give one whole volume")
    if math.prod(sides[:axes]) > max_voxels:
        raise _no_shape(f"it claims {listed} voxels", listed, f"at most {max_voxels} are read")
    if math.prod(sides[axes:]) > 1:
        raise ScanError(
            f"it has {count} axes of {listed} voxels, where {axes} are needed",
            code="E_4D",
            value=listed,
            hint="average time frames first",
        )
    return (*sides, 1)[:axes]


def _dtype(code: int, bits: int) -> np.dtype[Any]:
    if code not in _REAL:
        name = _OTHER.get(code, "an unknown type")
        raise ScanError(
            f"its voxels are of type {code} ({name})",
            code="E_DTYPE",
            value=f"{code} {name}",
            hint="one real number each is needed: store it as int16 or float32",
        )
    dtype = np.dtype(_REAL[code])
    if bits != 8 * dtype.itemsize:
        raise ScanError(
            f"its type {dtype.name} has not the {bits} bits per voxel that it claims",
            code="E_DTYPE",
            value=f"{dtype.name}, {bits} bits",
            hint="mend the header, or convert the scan anew",
        )
    return dtype


def _offset(offset: float, length: int) -> int:
    """First byte of the voxels."""
    if not (length + 4 <= offset <= _EXTENSIONS_LIMIT and offset == int(offset)):
        raise ScanError(
            f"its voxels start at byte {offset:g}",
            code="E_OFFSET",
            value=f"{offset:g}",
            hint=f"{length + 4} is the first possible; mend the header",
        )
    return int(offset)


def _scaling(slope: float, inter: float) -> tuple[float, float]:
    """What stored numbers are multiplied by, and what is added; a slope of 0 or NaN means none."""
    unused = slope == 0 or math.isnan(slope)
    if math.isinf(slope) or math.isinf(inter) or (math.isnan(inter) and not unused):
        value = f"slope {slope:g}, intercept {inter:g}"
        raise ScanError(
            f"its values are scaled by {value}",
            code="E_SLOPE",
            value=value,
            hint="mend the header, or convert the scan anew",
        )
    return (1.0, 0.0) if unused else (slope, inter)


def _no_magic(magic: bytes) -> ScanError:
    pair = magic.startswith((b"ni1", b"ni2"))
    hint = "convert the pair of files to one .nii.gz" if pair else "copy it again, as binary"
    return ScanError(
        f"the magic word of its header is {magic!r}", code="E_MAGIC", value=magic, hint=hint
    )


def _no_shape(what: str, value: object, hint: str) -> ScanError:
    return ScanError(what, code="E_DIM", value=value, hint=hint)
