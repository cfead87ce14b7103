"""Regional read-outs of a scan in template space: mean SUVR of regions, and what is made of them.

Regions are soft: every voxel counts by its share of the region (soft Voronoi cells) times the
template's grey matter, or times the template's brain where uptake is not that of cortex, inside
the brain of the person. One set of weights serves every scan of a grid, so an imputed scan and an
acquired one are read alike.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from acadiff.volume.lattice import upsample
from acadiff.volume.regions import NAMES, parcellation
from acadiff.volume.template import template

META = ("angular", "posterior_cingulate", "inferior_temporal", "middle_temporal")
"""FDG meta-ROI, each region alike [regions of Landau et al. 2011, on our parcellation]."""

CORTEX = {
    "frontal": (
        *("dorsolateral_frontal", "medial_orbitofrontal"),
        *("superior_frontal", "inferior_frontal"),
    ),
    "cingulate": ("anterior_cingulate", "posterior_cingulate"),
    "parietal": ("angular", "supramarginal", "precuneus", "superior_parietal"),
    "temporal": ("superior_temporal", "middle_temporal"),
}
"""AV45 composite, each group alike [groups of Landau et al. 2012, on our parcellation]."""

POSITIVE = 1.11
"""Composite SUVR above which a person counts as amyloid-positive [Landau et al. 2012]."""

CENTILOID = (183.0, -177.0)
"""Slope and intercept from florbetapir SUVR of the whole cerebellum [Navitsky et al. 2018]."""

_GREY = 0.35  # least share of grey matter of a voxel that counts
_BRAIN = 0.9  # least share of brain where a region is not cortex
_SHARE = 0.02  # of a region; below, a voxel is left out
_NOT_CORTEX = ("brainstem", "cerebellum")


class Patch(NamedTuple):
    """The voxels of one region, as indices into the flattened grid, and their weights."""

    voxels: Int[np.ndarray, " v"]
    weights: Float[np.ndarray, " v"]


class Uptake(NamedTuple):
    """What the regions of `NAMES` hold: the weighted sum of values, and the sum of weights."""

    total: Float[np.ndarray, " r"]
    weight: Float[np.ndarray, " r"]

    def mean(self, *names: str) -> float:
        """Weighted mean of the values in the union of regions; NaN where the brain has none."""
        index = [NAMES.index(name) for name in names]
        weight = float(self.weight[index].sum())
        return float(self.total[index].sum()) / weight if weight > 0 else float("nan")


@cache
def patches(voxel: int) -> tuple[Patch, ...]:
    """Voxels and weights of every region of `NAMES` on the grid of `voxel` mm."""
    here = template(voxel)
    grey = np.where(here.gm > _GREY, here.gm, 0)
    brain = np.where(here.brain > _BRAIN, here.brain, 0)
    found = []
    for name, coarse in zip(NAMES, parcellation(), strict=True):
        share = upsample(coarse, voxel)
        weight = np.where(share > _SHARE, share, 0) * (brain if name in _NOT_CORTEX else grey)
        voxels = np.flatnonzero(weight)
        found.append(Patch(voxels, weight.ravel()[voxels].astype(np.float64)))
    return tuple(found)


def uptake(
    data: Float[np.ndarray, "i j k"], brain: Bool[np.ndarray, "i j k"], voxel: int
) -> Uptake:
    """Read all regions of a scan.

    Args:
        data: on the grid of `voxel` mm.
        brain: the person's brain; what lies outside does not count.
        voxel: voxel size in mm.
    """
    values, inside = data.ravel(), brain.ravel()
    total, weight = [], []
    for patch in patches(voxel):
        own = patch.weights * inside[patch.voxels]
        total.append(float(own @ values[patch.voxels]))
        weight.append(float(own.sum()))
    return Uptake(np.array(total), np.array(weight))


def meta_roi(found: Uptake) -> float:
    """FDG meta-ROI: the mean of four regions that Alzheimer's disease depletes."""
    return float(np.mean([found.mean(name) for name in META]))


def cortical_composite(found: Uptake) -> float:
    """AV45 composite: the mean of frontal, cingulate, parietal and lateral temporal cortex."""
    return float(np.mean([found.mean(*names) for names in CORTEX.values()]))


def centiloid(suvr: float) -> float:
    """Florbetapir SUVR of the whole cerebellum on the Centiloid scale.

    The equation belongs to the regions and the pipeline that it was fitted with; on ours it is an
    orientation, not a calibrated Centiloid.
    """
    slope, intercept = CENTILOID
    return slope * suvr + intercept
