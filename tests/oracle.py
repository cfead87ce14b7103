"""What a NIfTI file means, decoded a second time and differently; and ways to spoil one."""

import gzip
import random
import struct

import numpy as np
from scipy.spatial.transform import Rotation

KINDS = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4"}
ODD = (0, 1, -1, 2, 7, 8, 255, 352, 544, 32767, -32768, 2**31 - 1, 1e9, 1e38, -1e30, 1e-38, 0.5,
       float("nan"), float("inf"), -float("inf"))  # fmt: skip
FORMATS = "bBhHiIqQfd"


def decode(content):
    """Values (float32, first axis fastest) and affine of a NIfTI file that is in order."""
    content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    order = "<" if 0 < struct.unpack("<i", content[:4])[0] < 1000 else ">"

    def field(layout, first, second):
        place = first if old else second
        layout = layout if old else layout.translate(str.maketrans("fh", "dq"))
        return struct.unpack_from(order + layout, content, place)

    (length,) = struct.unpack(order + "i", content[:4])
    old = length == 348
    count, *sides = field("8h", 40, 16)
    (code,) = struct.unpack_from(order + "h", content, 70 if old else 12)
    offset = int(
        struct.unpack_from(order + ("f" if old else "q"), content, 108 if old else 168)[0]
    )
    slope, inter = field("2f", 112, 176)
    size = int(np.prod(sides[:count]))
    stored = np.frombuffer(content[offset:], order + KINDS[code])
    assert stored.size == size, "the file has another length than its header says"
    values = stored.astype(np.float64)
    if slope == slope and slope != 0:
        values = values * slope + inter
    return values.astype(np.float32), _affine(field, order, content, old)


def _affine(field, order, content, old):
    codes = struct.unpack_from(order + ("2h" if old else "2i"), content, 252 if old else 344)
    affine = np.eye(4)
    if codes[1] > 0:
        affine[:3] = np.reshape(field("12f", 280, 400), (3, 4))
        return affine
    qfac, *sizes = field("4f", 76, 104)
    b, c, d = field("3f", 256, 352)
    a = np.sqrt(max(0, 1 - b * b - c * c - d * d))
    turn = Rotation.from_quat([b, c, d, a]).as_matrix()
    affine[:3, :3] = turn * sizes * [1, 1, -1 if qfac < 0 else 1]
    affine[:3, 3] = field("3f", 268, 376)
    return affine


def mutant(header, rng):
    """A header with one to three things changed: bytes, bits, numbers, stretches."""
    changed = bytearray(header)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        rng.choice((_byte, _bit, _number, _number, _stretch))(changed, rng)
    return bytes(changed)


def _byte(header, rng):
    header[rng.randrange(len(header))] = rng.randrange(256)


def _bit(header, rng):
    header[rng.randrange(len(header))] ^= 1 << rng.randrange(8)


def _number(header, rng):
    """An odd number, in some width and byte order, at some even place."""
    layout = rng.choice("<>") + rng.choice(FORMATS)
    value = rng.choice(ODD) if rng.random() < 0.7 else rng.uniform(-20, 20)
    try:
        packed = struct.pack(layout, value if layout[1] in "fd" else int(value))
    except (struct.error, OverflowError, ValueError):
        return
    place = 2 * rng.randrange((len(header) - len(packed)) // 2 + 1)
    header[place : place + len(packed)] = packed


def _stretch(header, rng):
    """Some bytes copied from elsewhere, or zero."""
    length = rng.choice((2, 4, 8, 16))
    here, there = (rng.randrange(len(header) - length) for _ in range(2))
    header[here : here + length] = rng.choice((bytes(length), header[there : there + length]))


def flips(content, count, seed):
    """Copies of `content`, each with one random bit flipped."""
    rng = random.Random(seed)
    for _ in range(count):
        changed = bytearray(content)
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        yield bytes(changed)
