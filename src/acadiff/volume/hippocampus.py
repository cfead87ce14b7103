"""A proxy of hippocampal volume from a T1-weighted scan in template space, without segmentation.

Around each hippocampus the scan is taken for the template, moved by a small affine motion:
I(x) = s T(x + a + B x) + c, which is linear in (a, B, s, c) for small motions. Least squares
give B; where the person's hippocampus is smaller than the template's, trace B is above zero, and
the volume is V (1 - trace B). One step of a local registration, in other words: tensor-based
morphometry with twelve parameters a side.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from acadiff.volume.lattice import upsample
from acadiff.volume.regions import NAMES, PLACES, parcellation
from acadiff.volume.template import positions, template

_REACH_MM = 9.0  # SD of the kernel around each point [ours: of 5 to 15, told it best]
_LEAST = 0.05  # weight of the kernel below which a voxel is left out
_WHITE = (0.9, 8)  # least share of white matter and least depth in mm of what sets the scale
_TISSUE = (0.58, 0.5)  # share of region and grey matter that make the template's hippocampi
_FINE_MM = 2  # where they are measured


class _Side(NamedTuple):
    """Around one hippocampus: which voxels, and what takes their values to (a, B, s, c)."""

    voxels: Int[np.ndarray, " v"]
    fit: Float[np.ndarray, "14 v"]


def hippocampal_volume(
    data: Float[np.ndarray, "i j k"], brain: Bool[np.ndarray, "i j k"], voxel: int
) -> float:
    """Volume of both hippocampi in template space, mL; NaN where the scan shows none.

    Args:
        data: a skull-stripped T1-weighted scan in any unit, on the grid of `voxel` mm.
        brain: the person's brain; only the white matter inside sets the scale.
        voxel: voxel size in mm.
    """
    low, white = float(data.min()), _white(voxel)
    own = white[brain.ravel()[white]]
    level = float(np.median(data.ravel()[own])) - low if own.size else 0.0
    if level <= 0:
        return float("nan")
    scaled = (data.ravel() - low) / level
    losses = []
    for side in _sides(voxel):
        motion = side.fit @ scaled[side.voxels]
        losses.append((motion[3] + motion[7] + motion[11]) / motion[12])
    return _template_volume() * (1 - float(np.mean(losses)))


@cache
def _sides(voxel: int) -> tuple[_Side, _Side]:
    """The least-squares fit around the right and the left hippocampus."""
    return _side(voxel, 1), _side(voxel, -1)


def _side(voxel: int, sign: int) -> _Side:
    here = template(voxel)
    points = np.array(PLACES["hippocampus"].points) * (sign, 1, 1)
    x, y, z = positions(voxel)
    nearest = np.minimum.reduce([(x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2 for a, b, c in points])
    weight = np.exp(-nearest / (2 * _REACH_MM**2)).ravel()
    voxels = np.flatnonzero(weight > _LEAST)
    middle = points.mean(0)
    where = [np.broadcast_to(p, here.t1.shape).ravel()[voxels] for p in (x, y, z)]
    average = here.t1 * (here.brain > 0.5)
    slopes = [slope.ravel()[voxels] for slope in np.gradient(average, voxel)]
    columns = [*slopes]
    columns += [slope * (p - m) for slope in slopes for p, m in zip(where, middle, strict=True)]
    columns += [average.ravel()[voxels], np.ones(voxels.size)]
    design, root = np.stack(columns, 1).astype(np.float64), np.sqrt(weight[voxels])
    fit = np.linalg.pinv(design * root[:, None]) * root
    return _Side(voxels, fit)


@cache
def _white(voxel: int) -> Int[np.ndarray, " v"]:
    """Voxels that are white matter in everybody."""
    here, (share, depth) = template(voxel), _WHITE
    return np.flatnonzero((here.wm > share) & (here.depth > depth))


@cache
def _template_volume() -> float:
    """Volume of the template's hippocampi, mL."""
    share = upsample(parcellation()[NAMES.index("hippocampus")], _FINE_MM)
    here = (share > _TISSUE[0]) & (template(_FINE_MM).gm > _TISSUE[1])
    return float(here.sum()) * _FINE_MM**3 / 1000
