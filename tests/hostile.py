"""Files that claim to be scans: hostile ones, each with the code that refuses it, and benign ones.

    python -m tests.hostile OUT      # writes them all, and OUT/expected.tsv

Nothing here is shared with the reader: the headers are packed by the offsets of nifti1.h and
nifti2.h. Everything is SIMULATED: a lit ellipsoid of texture.
"""

import gzip
import os
import socket
import struct
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

V1 = {
    "sizeof_hdr": (0, "i"), "dim": (40, "8h"), "datatype": (70, "h"), "bitpix": (72, "h"),
    "pixdim": (76, "8f"), "vox_offset": (108, "f"), "scl_slope": (112, "f"),
    "scl_inter": (116, "f"), "xyzt_units": (123, "B"), "descrip": (148, "80s"),
    "aux_file": (228, "24s"), "qform_code": (252, "h"), "sform_code": (254, "h"),
    "quatern": (256, "3f"), "qoffset": (268, "3f"), "srow": (280, "12f"),
    "intent_name": (328, "16s"), "magic": (344, "4s"),
}  # fmt: skip
V2 = {
    "sizeof_hdr": (0, "i"), "magic": (4, "8s"), "datatype": (12, "h"), "bitpix": (14, "h"),
    "dim": (16, "8q"), "pixdim": (104, "8d"), "vox_offset": (168, "q"), "scl_slope": (176, "d"),
    "scl_inter": (184, "d"), "descrip": (240, "80s"), "aux_file": (320, "24s"),
    "qform_code": (344, "i"), "sform_code": (348, "i"), "quatern": (352, "3d"),
    "qoffset": (376, "3d"), "srow": (400, "12d"), "xyzt_units": (500, "i"),
    "intent_name": (508, "16s"),
}  # fmt: skip
CODES = {"u1": 2, "i2": 4, "i4": 8, "f4": 16, "f8": 64, "i1": 256, "u2": 512, "u4": 768}
SHAPE, MM = (20, 24, 18), 8.0
CENTRE = (-76.0, -92.0, -68.0)
NAN, INF = float("nan"), float("inf")


def head(shape=SHAPE):
    """A smooth lit ellipsoid on zero background, float32."""
    axes = np.meshgrid(*(np.linspace(-1.25, 1.25, side) for side in shape), indexing="ij")
    texture = np.sin(7 * axes[0] + 3) * np.cos(5 * axes[1]) * np.sin(6 * axes[2] + 1)
    return np.where(sum(a**2 for a in axes) < 1, 1.2 + 0.9 * texture, 0).astype(np.float32)


def nii(data=None, kind="f4", version=1, order="<", extensions=b"", tail=b"", **changes):
    """The bytes of a `.nii`, with header fields changed at will."""
    data = head() if data is None else data
    fields, length = ((V1, 348), (V2, 540))[version - 1]
    sides = (*data.shape, *(1,) * (7 - data.ndim))
    linear = np.diag([MM] * 3)
    values = {
        "sizeof_hdr": length,
        "magic": (b"n+1\0", b"n+2\0\r\n\x1a\n")[version - 1],
        "dim": (data.ndim, *sides),
        "datatype": CODES[kind],
        "bitpix": 8 * int(kind[1]),
        "pixdim": (1, MM, MM, MM, 1, 1, 1, 1),
        "vox_offset": length + 4 + len(extensions),
        "scl_slope": 1,
        "xyzt_units": 2,
        "descrip": b"SIMULATED",
        "qform_code": 1,
        "sform_code": 1,
        "qoffset": CENTRE,
        "srow": tuple(np.column_stack([linear, CENTRE]).ravel()),
    } | changes
    header = bytearray(length)
    for name, value in values.items():
        offset, layout = fields[name]
        value = value if isinstance(value, tuple | list) else (value,)
        struct.pack_into(order + layout, header, offset, *value)
    flag = bytes([bool(extensions), 0, 0, 0])
    voxels = np.asarray(data).astype(order + kind).tobytes("F")
    return bytes(header) + flag + extensions + voxels + tail


def gz(content, level=5):
    """Compressed as scans are."""
    return gzip.compress(content, level, mtime=0)


def member(content, flags=0, extra=b""):
    """A gzip member with optional fields in its header."""
    deflate = zlib.compressobj(5, zlib.DEFLATED, -15)
    body = deflate.compress(content) + deflate.flush()
    start = b"\x1f\x8b\x08" + bytes([flags]) + bytes(4) + b"\0\xff" + extra
    return start + body + struct.pack("<II", zlib.crc32(content), len(content) % 2**32)


def bomb(content, megabytes):
    """A few kilobytes that unfold to `content` and then zeros."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = deflate.compress(content) + deflate.flush(zlib.Z_FULL_FLUSH)
    zeros = deflate.compress(bytes(1 << 24)) + deflate.flush(zlib.Z_FULL_FLUSH)
    start = b"\x1f\x8b\x08" + bytes(5) + b"\0\xff"
    return start + body + zeros * (megabytes // 16) + b"\x03\0" + bytes(8)


def extension(size, content=b""):
    """One header extension that claims `size` bytes."""
    return struct.pack("<ii", size, 6) + content


def flipped(content, place, bit=0):
    """With one bit flipped."""
    changed = bytearray(content)
    changed[place] ^= 1 << bit
    return bytes(changed)


def _with(value, where=(9, 11, 8), kind=np.float32):
    data = head().astype(kind)
    data[where] = value
    return data


def _srow(affine):
    return tuple(np.asarray(affine, float).ravel())


def _turned(degrees):
    """Rows of an sform turned about z, and its quaternion."""
    angle = np.radians(degrees)
    c, s = np.cos(angle), np.sin(angle)
    linear = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) * MM
    return _srow(np.column_stack([linear, CENTRE])), (0, 0, np.sin(angle / 2))


DIAGONAL = np.column_stack([np.diag([MM] * 3), CENTRE])
PLAIN, PACKED, STORED = nii(), gz(nii()), gz(nii(), 0)
OBLIQUE = _turned(30)


@dataclass(frozen=True)
class Case:
    """One file: its name, the code that refuses it ("" if it is fine), and how it is made."""

    name: str
    code: str
    make: Callable[[Path], None]


def _bytes(name, code, content):
    return Case(name, code, lambda path: path.write_bytes(content))


def _table(code, **contents):
    """Cases of one code: plain where the bytes start as a header does, else compressed."""
    cases = []
    for name, content in contents.items():
        suffix = ".nii.gz" if content[:2] == b"\x1f\x8b" else ".nii"
        cases.append(_bytes(name + suffix, code, content))
    return cases


def _changed(code, name, **changes):
    return _table(code, **{name: nii(**changes)})


def _cut():
    """Files that end too early."""
    parts = {"half": len(PACKED) // 2, "most": int(len(PACKED) * 0.99), "1": 1, "10": 10, "18": 18}
    parts |= {f"last{n}": len(PACKED) - n for n in (1, 4, 8, 9)}
    whole = {"half": len(PLAIN) // 2, "most": int(len(PLAIN) * 0.99), "1": 1, "100": 100}
    whole |= {"347": 347, "348": 348, "351": 351, "header": 352}
    whole |= {f"last{n}": len(PLAIN) - n for n in (1, 4)}
    empty = [_bytes("empty.nii", "E_TRUNC", b""), _bytes("empty.nii.gz", "E_TRUNC", b"")]
    claim = nii(dim=(3, 500, 500, 500, 1, 1, 1, 1))
    return [
        *empty,
        *(_bytes(f"cut_{n}.nii.gz", "E_TRUNC", PACKED[:k]) for n, k in parts.items()),
        *(_bytes(f"cut_{n}.nii", "E_TRUNC", PLAIN[:k]) for n, k in whole.items()),
        *_table("E_TRUNC", dim_500=claim, dim_500_gz=gz(claim)),
        *_table("E_TRUNC", offset_353=nii(vox_offset=353), no_voxels=gz(PLAIN[:352])),
        *_table("E_TRUNC", cut_v2=nii(version=2)[:500], endless_name=member(PLAIN, 8)[:10]),
    ]


def _damaged():
    """Compressed bytes that are not what they were."""
    places = {"voxel": 3000, "header": 200, "late": len(STORED) - 100}
    return [
        *(_bytes(f"sum_{n}.nii.gz", "E_CRC", flipped(PACKED, -8 + n)) for n in range(8)),
        *(_bytes(f"flip_{n}.nii.gz", "E_CRC", flipped(STORED, p)) for n, p in places.items()),
        *_table(
            "E_CRC",
            block_type=PACKED[:10] + bytes([PACKED[10] | 6]) + PACKED[11:],
            method=PACKED[:2] + b"\x07" + PACKED[3:],
            reserved_flags=PACKED[:3] + b"\xe0" + PACKED[4:],
            header_sum=member(PLAIN, 2, b"\0\0"),
        ),
    ]


def _longer():
    """Files that go on where they should end."""
    tails = {"byte": b"\0", "garbage": b"garbage", "zeros": bytes(512), "newline": b"\n"}
    huge = nii(dim=(3, 1024, 1024, 1024, 1, 1, 1, 1))
    return [
        *_table("E_SIZE", **{f"behind_{n}": PLAIN + t for n, t in tails.items()}),
        *_table("E_SIZE", **{f"behind_{n}_gz": PACKED + t for n, t in tails.items()}),
        *_table("E_SIZE", **{f"inside_{n}_gz": gz(PLAIN + t) for n, t in tails.items()}),
        *_table("E_SIZE", two_members=PACKED + PACKED, empty_member=PACKED + gz(b"")),
        *_table("E_SIZE", split_member=gz(PLAIN) + gz(b"more")),
        *_table("E_SIZE", short_type=nii(datatype=4, bitpix=16)),
        *_table("E_BOMB", bomb_64=bomb(PLAIN, 64), bomb_4096=bomb(PLAIN, 4096)),
        *_table("E_DIM", bomb_claimed=bomb(huge[:352], 64)),
    ]  # fmt: skip


def _shapes():
    """Headers that lie about the shape."""
    sides = {"zero": 0, "negative": -3, "most": 32767}
    rows = []
    for count in (0, -3, 8, 32767, 1, 2):
        rows += _changed("E_DIM", f"axes_{count}", dim=(count, *SHAPE, 1, 1, 1, 1))
    for name, side in sides.items():
        for axis in range(3):
            shape = [*SHAPE]
            shape[axis] = side
            code = "E_TRUNC" if name == "most" else "E_DIM"
            rows += _changed(code, f"side_{name}_{axis}", dim=(3, *shape, 1, 1, 1, 1))
    for name, dim in {
        "huge_3": (3, 32767, 32767, 32767, 1, 1, 1, 1),
        "huge_7": (7, *[32767] * 7),
        "2GB": (3, 1000, 1000, 600, 1, 1, 1, 1),
        "empty_frame": (4, *SHAPE, 0, 1, 1, 1),
        "slice": (3, 20, 24, 1, 1, 1, 1, 1),
    }.items():
        rows += _changed("E_DIM", f"dim_{name}", dim=dim)
    for name, side in {"huge": 2**62, "negative": -1}.items():
        rows += _changed("E_DIM", f"v2_{name}", version=2, dim=(3, side, 24, 18, 1, 1, 1, 1))
    return rows


def _types():
    """Headers that lie about the numbers."""
    rows = []
    for code, bits in {0: 32, 1: 1, 32: 64, 128: 24, 1024: 64, 1280: 64, 1536: 128, 1792: 128,
                       2048: 256, 2304: 32, 9999: 32, -1: 32}.items():  # fmt: skip
        rows += _changed("E_DTYPE", f"type_{code}", datatype=code, bitpix=bits)
    for bits in (0, 8, 64, -32):
        rows += _changed("E_DTYPE", f"bits_{bits}", bitpix=bits)
    rows += _changed("E_DTYPE", "int32_of_float32", datatype=8)
    rows += _changed("E_DTYPE", "uint32_of_float32", datatype=768)
    rows += _changed("E_DTYPE", "float32_of_int32", data=head() * 100, kind="i4", datatype=16)
    for field, value in {"scl_slope": INF, "scl_inter": INF}.items():
        rows += _changed("E_SLOPE", f"{field}_inf", **{field: value})
        rows += _changed("E_SLOPE", f"{field}_minus_inf", **{field: -value})
    return rows + _changed("E_SLOPE", "scl_inter_nan", scl_inter=NAN)


def _layouts():
    """Headers that lie about where things are."""
    rows = []
    for offset in (0, 100, 351, -352, 360.5, 1e9, NAN, INF):
        rows += _changed("E_OFFSET", f"offset_{offset}", vox_offset=offset)
    rows += _changed("E_OFFSET", "v2_offset", version=2, vox_offset=2**62)
    for size in (0, 8, 17, -16, 10**8, 2**31 - 1):
        rows += _changed("E_EXTENSION", f"extension_{size}", extensions=extension(size, bytes(24)))
    for name, words in {"zero": b"", "text": b"n+3\0", "pair": b"ni1\0", "open": b"n+1x"}.items():
        rows += _changed("E_MAGIC", f"magic_{name}", magic=words)
    rows += _changed("E_MAGIC", "v2_text_mode", version=2, magic=b"n+2\0\n\x1a\n\0")
    for size in (0, 347, -348, 349):
        rows += _changed("E_MAGIC", f"length_{size}", sizeof_hdr=size)
    return rows


def _orientations():
    """Headers that do not tell, or tell twice, where the voxels lie."""
    rows = []
    for q, s in ((0, 0), (-1, 0), (0, -5), (77, -5), (77, 1), (1, 6)):
        rows += _changed("E_NOFORM", f"codes_{q}_{s}", qform_code=q, sform_code=s)
    for name, value in {"nan": NAN, "inf": INF, "1e30": 1e30}.items():
        odd = DIAGONAL.copy()
        odd[1, 1] = value
        rows += _changed("E_AFFINE", f"sform_{name}", srow=_srow(odd))
        odd = DIAGONAL.copy()
        odd[2, 3] = value
        rows += _changed("E_AFFINE", f"sform_origin_{name}", srow=_srow(odd))
        rows += _changed("E_AFFINE", f"qoffset_{name}", sform_code=0, qoffset=(value, 0, 0))
        rows += _changed("E_AFFINE", f"quatern_{name}", sform_code=0, quatern=(value, 0, 0))
    flat = DIAGONAL.copy()
    flat[:, 2] = flat[:, 1]
    rows += _changed("E_AFFINE", "sform_flat", srow=_srow(flat))
    rows += _changed("E_AFFINE", "sform_zero", srow=(0,) * 12)
    rows += _changed("E_AFFINE", "quatern_long", quatern=(1, 1, 0))
    for qfac in (2, NAN):
        pixdim = (qfac, MM, MM, MM, 1, 1, 1, 1)
        rows += _changed("E_AFFINE", f"qfac_{qfac}", pixdim=pixdim)
    skew = DIAGONAL.copy()
    skew[0, 1] = 0.4 * MM
    skew[1, 1] = np.sqrt(MM**2 - skew[0, 1] ** 2)
    rows += _changed("E_SHEAR", "sheared", srow=_srow(skew))
    for sizes in ((1, 1, 12), (12, 12, 12), (0.01, 0.01, 0.01), (0.001, 0.001, 0.001)):
        affine = np.column_stack([np.diag(sizes), CENTRE])
        rows += _changed("E_VOXSIZE", f"voxel_{sizes[0]}_{sizes[2]}", srow=_srow(affine),
                         pixdim=(1, *sizes, 1, 1, 1, 1))  # fmt: skip
    for size in (0, -MM, NAN, INF, 1e30, 7.5):
        rows += _changed("E_PIXDIM", f"pixdim_{size}", pixdim=(1, MM, size, MM, 1, 1, 1, 1))
    moved = DIAGONAL + np.array([[0, 0, 0, 20]] * 3)
    mirrored = DIAGONAL * [-1, 1, 1, 1]
    rows += _changed("E_QSFORM", "apart_moved", srow=_srow(moved))
    rows += _changed("E_QSFORM", "apart_turned", srow=_turned(10)[0])
    rows += _changed("E_QSFORM", "apart_mirrored", srow=_srow(mirrored))
    return rows + _changed("E_QSFORM", "apart_v2", version=2, srow=_srow(moved))


def _contents():
    """Whole files with voxels that are no scan."""
    frames = np.stack([head(), head() * 2, head() * 3], -1)
    rows = _table(
        "E_NONFINITE",
        nan=gz(nii(_with(NAN))),
        inf=gz(nii(_with(INF))),
        minus_inf=gz(nii(_with(-INF))),
        all_nan=gz(nii(np.full(SHAPE, NAN))),
        last_nan=gz(nii(_with(NAN, (-1, -1, -1)))),
        float64_1e300=gz(nii(_with(1e300, kind=float), "f8")),
        slope_1e38=gz(nii(head() * 100, "i2", scl_slope=1e38)),
    )
    rows += _table(
        "E_CONSTANT",
        constant=gz(nii(np.full(SHAPE, 7))),
        all_zero=gz(nii(np.zeros(SHAPE))),
        all_zero_int16=gz(nii(np.zeros(SHAPE), "i2")),
        scaled_away=gz(nii(head(), "i2", scl_slope=1e-45)),
    )
    rows += _table("E_RANGE", flipped_exponent=nii(_with(3.4e38)), deep=gz(nii(_with(-1e30))))
    rows += _table(
        "E_EMPTY",
        one_voxel=gz(nii(np.where(np.arange(np.prod(SHAPE)).reshape(SHAPE) == 4000, 9, 0))),
        negative=gz(nii(-head())),
    )
    rows += _table(
        "E_4D",
        frames=gz(nii(frames)),
        two_frames=nii(frames[..., :2]),
        vectors=nii(frames[..., None, :]),
        sixth_axis=nii(frames[..., None, None, :]),
        frames_v2=nii(frames, version=2),
    )
    labels = {f: gz(nii(**{f: b"SYNTHETIC"})) for f in ("descrip", "intent_name", "aux_file")}
    return rows + _table("E_SYNTHETIC_INPUT", **labels)


def _foreign():
    """Files that are something else, by name or content."""
    kinds = {
        "text": b"not a scan, but long enough to be taken for the header of one\n" * 9,
        "web_page": b"<!DOCTYPE html><title>404</title>".ljust(400),
        "annex": b"/annex/objects/SHA256E-s1234--abc.nii.gz\n",
        "lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        "zip": b"PK\x03\x04".ljust(400, b"\0"),
        "dicom": bytes(128) + b"DICM" + bytes(400),
        "zeros": bytes(1000),
        "twice": PACKED,
    }
    suffixes = ("mgz", "mgh", "img", "hdr", "dcm", "nrrd", "txt", "nii.bz2", "nii.gz.part")
    return [
        *(_bytes(f"{n}.nii", "E_MAGIC", c) for n, c in kinds.items()),
        *(_bytes(f"{n}.nii.gz", "E_MAGIC", c) for n, c in kinds.items() if n != "twice"),
        _bytes("twice.nii.gz", "E_MAGIC", gz(PACKED)),
        _bytes("uncompressed.nii.gz", "E_MAGIC", PLAIN),
        *(_bytes(f"scan.{s}", "E_FORMAT", PLAIN) for s in suffixes),
        _bytes("scan", "E_FORMAT", PLAIN),
    ]


def _kinds():
    """What a path can lead to beside a file."""
    links = {"/dev/zero": "E_FILE", "nothing": "E_LINK", "loop.nii": "E_LINK", ".": "E_FILE"}
    rows = [
        Case("folder.nii", "E_FILE", Path.mkdir),
        Case("pipe.nii", "E_FILE", os.mkfifo),
        Case("pipe.nii.gz", "E_FILE", os.mkfifo),
        Case("socket.nii", "E_FILE", _socket),
    ]
    names = ("device.nii", "dangling.nii", "loop.nii", "to_folder.nii")
    for name, (target, code) in zip(names, links.items(), strict=True):
        rows.append(Case(name, code, lambda path, target=target: path.symlink_to(target)))
    if os.geteuid():  # root reads everything
        rows.append(Case("denied.nii", "E_ACCESS", _denied))
    return rows


def _socket(path):
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(path.parent)  # the length of a socket's path is limited
        try:
            listener.bind(path.name)
        finally:
            os.chdir(here)


def _denied(path):
    path.write_bytes(PLAIN)
    path.chmod(0)


def hostile():
    """Every file that must be refused."""
    readable = (_cut, _damaged, _longer, _shapes, _types, _layouts, _orientations, _contents)
    return [case for group in (*readable, _foreign, _kinds) for case in group()]


def benign():
    """Every file that must be read, though it is unusual."""
    whole = (head() * 100).round()
    grown = DIAGONAL + np.array([[0, 0, 0, 0.1]] * 3)
    thick = np.column_stack([np.diag([2.0, 2, 3]), CENTRE])
    rows = []
    for version in (1, 2):
        for order, word in (("<", "little"), (">", "big")):
            content = nii(version=version, order=order)
            rows += _table(
                "", **{f"v{version}_{word}": content, f"v{version}_{word}_gz": gz(content)}
            )
    for kind in CODES:
        rows += _table("", **{f"kind_{kind}": gz(nii(whole, kind, order=">"))})
    turned = {"srow": OBLIQUE[0], "quatern": OBLIQUE[1]}
    pixdim = (1, MM, MM, MM, 1, 1, 1, 1)
    rows += _table(
        "",
        scaled=gz(nii(whole, "i2", scl_slope=0.01, scl_inter=-1)),
        scaled_down=gz(nii(whole, "u1", scl_slope=-0.5, scl_inter=200)),
        scaled_float=gz(nii(scl_slope=2.5)),
        scaled_uint32=gz(nii(whole, "u4", scl_slope=1e-3)),
        slope_zero=nii(scl_slope=0, scl_inter=5),
        slope_nan=nii(scl_slope=NAN, scl_inter=NAN),
        one_frame=nii(head()[..., None]),
        seven_axes=nii(head()[..., None, None, None, None]),
        extended=gz(nii(extensions=extension(32, bytes(24)) + extension(16, bytes(8)))),
        padded=nii(extensions=extension(16, bytes(8)) + bytes(8)),
        oblique=nii(**turned),
        oblique_qform=nii(sform_code=0, **turned),
        oblique_sform=nii(qform_code=0, **turned),
        qfac_zero=nii(sform_code=0, pixdim=(0, *pixdim[1:])),
        qfac_minus=nii(sform_code=0, pixdim=(-1, *pixdim[1:])),
        half_turn=nii(sform_code=0, quatern=(0, 0, 1)),
        mirrored=nii(qform_code=0, srow=_srow(DIAGONAL * [-1, 1, 1, 1])),
        permuted=nii(qform_code=0, srow=_srow(DIAGONAL[[2, 0, 1]])),
        nearly=nii(srow=_srow(grown)),
        anisotropic=nii(qform_code=0, srow=_srow(thick), pixdim=(1, 2, 2, 3, 1, 1, 1, 1)),
        templates=nii(qform_code=5, sform_code=4),
        unit_unknown=nii(xyzt_units=0),
        unit_second=nii(xyzt_units=10),
        latin=nii(descrip=b"Universit\xe4t"),
        stored=STORED,
        best=gz(nii(), 9),
        named=member(PLAIN, 8, b"scan.nii\0"),
        extra=member(PLAIN, 4, struct.pack("<H", 5) + b"extra"),
    )
    rows.append(_bytes("UPPER.NII.GZ", "", PACKED))
    return [*rows, Case("link.nii.gz", "", _link)]


def _link(path):
    content = path.with_name("content")
    content.write_bytes(PACKED)
    path.symlink_to(content.name)


def write(folder, cases):
    """Write the files of these cases; file name → code."""
    folder.mkdir(parents=True, exist_ok=True)
    for case in cases:
        case.make(folder / case.name)
    return {case.name: case.code for case in cases}


def main(out):
    """Write all of them and the table of what must become of each."""
    folder = Path(out)
    expected = write(folder, [*hostile(), *benign()])
    rows = [f"{name}\t{code or 'accepted'}" for name, code in sorted(expected.items())]
    (folder / "expected.tsv").write_text("\n".join(["file\tcode", *rows, ""]))
    print(f"{sum(map(bool, expected.values()))} hostile and {list(expected.values()).count('')} "
          f"benign files in {folder}")  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1])
