"""Stored numbers → values, and what no scan's values can be."""

from typing import Literal

import numpy as np
from jaxtyping import Bool, Float32, Shaped, UInt8

from acadiff.errors import ScanError
from acadiff.volume.header import Header

_PIECE = 1 << 16
_SAMPLE = 1 << 16
_LIGHT = 0.02
"""Of the range from the least value to the 99.5th percentile; above it is foreground [ours]."""
_EMPTY = 0.01
_LARGEST = 1e12
_SMALLEST = 1e-30
_FULL = 0.995


def decode(block: UInt8[np.ndarray, " n"], header: Header) -> Float32[np.ndarray, "..."]:
    """`slope · stored + inter` in float64, rounded once to float32; memory is shared if it can be.

    Raises:
        ScanError: the bits are those of another type than the header names (E_DTYPE).
    """
    stored = block.view(header.dtype)
    _require_type(stored)
    with np.errstate(over="ignore", invalid="ignore"):
        if not header.scaled:
            return stored.astype(np.float32, copy=False).reshape(header.shape, order="F")
        data = np.empty(stored.size, np.float32)
        for start in range(0, stored.size, _PIECE):
            piece = stored[start : start + _PIECE] * np.float64(header.slope)
            data[start : start + _PIECE] = piece + header.inter
    return data.reshape(header.shape, order="F")


def _require_type(stored: Shaped[np.ndarray, " n"]) -> None:
    """Refuse floats that are labelled integers and the reverse: their bits give them away."""
    if stored.dtype.itemsize != 4:
        return
    some = stored[:: max(1, stored.size // _SAMPLE)]
    real = np.abs(some.view(some.dtype.str[0] + "f4")[some != 0])
    labelled = stored.dtype.kind == "f"
    odd = real < 1e-30 if labelled else (real > 1e-6) & (real < 1e6)
    if real.size and odd.mean() > 0.99:
        is_, said = ("integers", "float32") if labelled else ("float32", stored.dtype.name)
        raise ScanError(
            f"its voxels are {is_}, though its header calls them {said}",
            code="E_DTYPE",
            value=said,
            hint="mend the data type in its header",
        )


def fill_holes(
    data: Float32[np.ndarray, "..."], nonfinite: Literal["refuse", "zero"]
) -> Bool[np.ndarray, "..."] | None:
    """Where `data` was not finite; it is 0 there now, if that is asked for.

    Raises:
        ScanError: some of it is not finite (E_NONFINITE).
    """
    with np.errstate(invalid="ignore"):
        if np.isfinite([data.min(), data.max()]).all():  # both are NaN if any voxel is
            return None
    holes: Bool[np.ndarray, "..."] = ~np.isfinite(data)
    if nonfinite == "zero":
        data[holes] = 0
        return holes
    first = tuple(int(i) for i in np.unravel_index(holes.argmax(), holes.shape))
    raise ScanError(
        f"{holes.sum()} of {holes.size} voxels are not finite numbers, the first is {first}",
        code="E_NONFINITE",
        value=f"{holes.sum()}, first {first}",
        hint="if they lie outside the brain, --nonfinite zero-outside-mask replaces them",
    )


def require_content(data: Float32[np.ndarray, "..."]) -> float:
    """The share of the voxels that stand out from the background.

    Raises:
        ScanError: a value is beyond every unit (E_RANGE), there is but one (E_CONSTANT), none is
            above zero, or next to nothing stands out (E_EMPTY).
    """
    low, high = float(data.min()), float(data.max())
    if max(-low, high) > _LARGEST:
        raise ScanError(
            f"its voxels go from {low:g} to {high:g}",
            code="E_RANGE",
            value=f"{low:g} to {high:g}",
            hint="copy the file again; a single bit of it may have flipped",
        )
    if high - low < _SMALLEST:
        raise ScanError(
            f"every voxel is {low:g}", code="E_CONSTANT", value=f"{low:g}", hint="replace the scan"
        )
    some = data.ravel()[:: max(1, data.size // _SAMPLE)]
    level = low + _LIGHT * (float(np.percentile(some, 99.5)) - low)
    share = int(np.count_nonzero(data > level)) / data.size
    if high <= 0 or share < _EMPTY:
        what = f"no voxel is above {high:g}" if high <= 0 else f"only {share:.2%} of it is lit"
        raise ScanError(
            f"it shows nothing ({what})", code="E_EMPTY", value=what, hint="replace the scan"
        )
    return share


def is_full(share: float) -> bool:
    """Whether there is less background than any scan of a head has."""
    return share > _FULL
