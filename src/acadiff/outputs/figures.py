"""Static pictures of volumes: three orthogonal planes in one small palette PNG.

The planes pass through one MNI point, the subject's left is on the left and the nose points to the
right, as in the interactive viewer. What the picture shows (SYNTHETIC, SIMULATED) is burned into
the pixels of each plane and written into the file's text chunk. A palette PNG holds one byte a
pixel, so that a report of many subjects stays small and is drawn in milliseconds a volume.
"""

import io
import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy import ndimage

POINT_MM = (-6.0, -22.0, 12.0)
"""Where the planes cut, in MNI: posterior cingulate (x), hippocampus (y), ventricles (z)."""

PIXEL_MM = 1.0
_SHADES = 241
_RAMP = 7
_GAP = 4
_MARGIN = 4
_WORD_COLOUR = (255, 184, 77)
_LETTER_COLOUR = (150, 156, 163)
_LETTER_PIXELS = 9
_OUTLINE = 255
_OUTLINE_COLOUR = (64, 224, 255)
_SMALL_MM = 1.4
_SMALL_QUALITY = 45

_BLACK_BASED = {
    "sd": ("#000000", "#0b3c5d", "#1d8a99", "#7fd1ae", "#fbfbd0"),
    "error": ("#b7e0ff", "#2f86d6", "#000000", "#d9482f", "#ffd0b0"),
}


@dataclass(frozen=True)
class Look:
    """How values become colours: a colour map and the window it spans, in the volume's unit."""

    colours: str
    low: float
    high: float
    unit: str

    def __post_init__(self) -> None:
        """Refuse a window without width."""
        if not self.low < self.high:
            raise ValueError(f"the window {self.low}–{self.high} has no width")


@lru_cache
def palette(colours: str, shades: int = _SHADES) -> UInt8[np.ndarray, "n 3"]:
    """Return `shades` RGB colours of one of our own maps (`sd`, `error`) or of matplotlib's."""
    from matplotlib import colormaps
    from matplotlib.colors import Colormap, LinearSegmentedColormap

    own = _BLACK_BASED.get(colours)
    if own:
        scale: Colormap = LinearSegmentedColormap.from_list(colours, own, N=shades)
    else:
        scale = colormaps[colours]
    rgb = scale(np.linspace(0, 1, shades))[:, :3]
    return np.asarray(np.round(255 * rgb), np.uint8)


def encode_png(
    index: UInt8[np.ndarray, "h w"], colours: UInt8[np.ndarray, "n 3"], comment: str
) -> bytes:
    """Encode palette indices as PNG; `comment` becomes the file's Description.

    The bytes depend on nothing but the arguments. [PNG, second edition, §11]
    """

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    height, width = index.shape
    scanlines = np.pad(index, ((0, 0), (1, 0))).tobytes()
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 3, 0, 0, 0)),
            chunk(b"PLTE", colours.tobytes()),
            chunk(b"tEXt", b"Description\0" + comment.encode("latin-1", "replace")),
            chunk(b"IDAT", zlib.compress(scanlines, 9)),
            chunk(b"IEND", b""),
        )
    )


def voxel_at(
    shape: tuple[int, ...], affine: Float[np.ndarray, "4 4"], point: tuple[float, float, float]
) -> tuple[int, int, int]:
    """Return the voxel (i, j, k) nearest to `point` (mm), kept inside the volume."""
    ijk = np.linalg.solve(affine, (*point, 1.0))[:3]
    i, j, k = np.clip(np.round(ijk), 0, np.asarray(shape) - 1).astype(int).tolist()
    return i, j, k


def planes(
    volume: Float[np.ndarray, "i j k"],
    affine: Float[np.ndarray, "4 4"],
    pixel_mm: float = PIXEL_MM,
) -> tuple[Float[np.ndarray, "r c"], ...]:
    """Return the axial, coronal and sagittal plane through `POINT_MM`, rows from the top.

    Args:
        volume: values in RAS+ voxel order.
        affine: voxel to millimetre.
        pixel_mm: size of a pixel; below 1 voxel of 1 mm nothing is gained.
    """
    i, j, k = voxel_at(volume.shape, affine, POINT_MM)
    cuts = (volume[:, :, k], volume[:, j, :], volume[i, :, :])
    voxel = float(np.abs(np.diag(affine)[:3]).mean()) or 1.0
    factor = max(1, round(voxel)) / pixel_mm
    return tuple(
        ndimage.zoom(cut.T[::-1], factor, order=3, mode="nearest", grid_mode=True) for cut in cuts
    )


def picture(
    volume: Float[np.ndarray, "i j k"],
    affine: Float[np.ndarray, "4 4"],
    look: Look,
    word: str,
) -> bytes:
    """Draw one volume as a column of three planes with `word` burned into each.

    Args:
        volume: values in RAS+ voxel order, in the unit of `look`.
        affine: voxel to millimetre.
        look: colour map and window.
        word: `SYNTHETIC`, `SIMULATED`, both, or empty for an acquired scan.

    Returns:
        PNG bytes.
    """
    cuts = planes(volume, affine)
    width = max(cut.shape[1] for cut in cuts)
    pad = _shade(np.zeros((1, 1)), look)[0, 0]
    tiles = [_centre(_shade(cut, look), width, pad) for cut in cuts]
    for tile, side in zip(tiles, ("L", "L", ""), strict=True):
        _label(tile, word, side)
    gap = np.full((_GAP, width), pad, np.uint8)
    column = np.concatenate([tiles[0], gap, tiles[1], gap, tiles[2]])
    return encode_png(column, _colours(look.colours), f"{word} acadiff; not for diagnosis".strip())


def outlined(
    volume: Float[np.ndarray, "i j k"],
    mask: Bool[np.ndarray, "i j k"],
    affine: Float[np.ndarray, "4 4"],
    look: Look,
    word: str,
) -> bytes:
    """Draw one volume as a row of three planes with the contour of a mask on them.

    These are for leafing through many subjects, so they are small: a lossy WebP of a few kB.

    Args:
        volume: values in RAS+ voxel order, in the unit of `look`.
        mask: of the same shape.
        affine: voxel to millimetre.
        look: colour map and window.
        word: burned into the first plane; may be empty.

    Returns:
        WebP bytes.
    """
    from PIL import Image

    cuts = planes(volume, affine, _SMALL_MM)
    shares = planes(mask.astype(np.float32), affine, _SMALL_MM)
    height = max(cut.shape[0] for cut in cuts)
    pad = _shade(np.zeros((1, 1)), look)[0, 0]
    tiles: list[UInt8[np.ndarray, "r c"]] = []
    for cut, share, side in zip(cuts, shares, ("L", "L", ""), strict=True):
        tile = _shade(cut, look)
        _label(tile, "" if tiles else word, side)
        tile[_edge(share > 0.5)] = _OUTLINE
        low = (height - tile.shape[0]) // 2
        sides = ((low, height - tile.shape[0] - low), (0, _GAP))
        tiles.append(np.pad(tile, sides, constant_values=pad))
    row = np.concatenate(tiles, axis=1)[:, :-_GAP]
    colours = np.zeros((_OUTLINE + 1, 3), np.uint8)
    known = _colours(look.colours)
    colours[: len(known)], colours[_OUTLINE] = known, _OUTLINE_COLOUR
    buffer = io.BytesIO()
    image = Image.fromarray(colours[row])
    image.save(buffer, "WEBP", quality=_SMALL_QUALITY, method=4, use_sharp_yuv=True)
    return buffer.getvalue()


def _edge(inside: Bool[np.ndarray, "r c"]) -> Bool[np.ndarray, "r c"]:
    """The outermost pixels of what is inside."""
    return np.asarray(inside & ~ndimage.binary_erosion(inside, border_value=1))


def colour_bar(colours: str) -> bytes:
    """Draw the colour map as a strip one pixel high."""
    strip = np.arange(_SHADES, dtype=np.uint8)[None]
    return encode_png(strip, palette(colours), "colour bar")


def _shade(plane: Float[np.ndarray, "r c"], look: Look) -> UInt8[np.ndarray, "r c"]:
    """Return the palette index of each value, clipped to the window."""
    share = (plane - look.low) / (look.high - look.low)
    return np.round(np.clip(share, 0, 1) * (_SHADES - 1)).astype(np.uint8)


def _label(tile: UInt8[np.ndarray, "r c"], word: str, side: str) -> None:
    """Write the word at the foot of a plane and the side's letter at its head, in place."""
    if word:
        _burn(tile, _lettering(word), tile.shape[0] - _MARGIN, _MARGIN, _SHADES)
    if side:
        _burn(tile, _lettering(side), _MARGIN + _LETTER_PIXELS, _MARGIN, _SHADES + _RAMP)


def _burn(
    tile: UInt8[np.ndarray, "r c"],
    mask: Float[np.ndarray, "h w"],
    bottom: int,
    left: int,
    first: int,
) -> None:
    """Write a word into `tile` in place, its lower left corner at (`bottom`, `left`)."""
    mask = mask[:, : max(0, tile.shape[1] - left)]
    part = tile[max(0, bottom - mask.shape[0]) : bottom, left : left + mask.shape[1]]
    mask = mask[mask.shape[0] - part.shape[0] :]
    level = np.round(mask * _RAMP).astype(int)
    part[level > 0] = (first + level - 1)[level > 0].astype(np.uint8)


@lru_cache
def _lettering(text: str) -> Float[np.ndarray, "h w"]:
    """Return the coverage of each pixel by `text`, in [0, 1], tightly cropped."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(0.2 * len(text) + 0.2, 0.4), dpi=100)
    canvas: Any = FigureCanvasAgg(figure)
    figure.text(0.02, 0.4, text, fontsize=7.5, fontweight="bold")
    canvas.draw()
    cover = 1 - np.asarray(canvas.buffer_rgba())[:, :, 0] / 255.0
    rows, columns = np.nonzero(cover > 0.02)
    return cover[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


@lru_cache
def _colours(colours: str) -> UInt8[np.ndarray, "n 3"]:
    """Return the picture's palette: the colour map, then two ramps for lettering."""
    ramp = np.linspace(1 / _RAMP, 1, _RAMP)[:, None]
    letters = [np.round(ramp * colour) for colour in (_WORD_COLOUR, _LETTER_COLOUR)]
    return np.asarray(np.concatenate([palette(colours), *letters]), np.uint8)


def _centre(tile: UInt8[np.ndarray, "r c"], width: int, pad: np.uint8) -> UInt8[np.ndarray, "r w"]:
    """Pad a tile left and right to `width`."""
    spare = width - tile.shape[1]
    return np.pad(tile, ((0, 0), (spare // 2, spare - spare // 2)), constant_values=pad)
