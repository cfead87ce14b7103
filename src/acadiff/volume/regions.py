"""Regions of the brain by points in MNI space: soft cells, and what SUVR is measured against.

Points are millimetres on the right (x > 0, mirrored to the left) or on the midline (x = 0); they
were cross-checked against the Dosenbach and Seitzman points that nilearn bundles. No atlas of
labels is bundled, so a region is where its points are nearest.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from acadiff.volume.lattice import COARSE_MM, upsample
from acadiff.volume.template import positions, template

_CONTRAST = 1.6  # sharpens the borders between regions
_SURE = (0.75, 0.9, 4)  # least share of the region and of the brain, least depth in mm
_PONS_Z = (-44, -20)  # the brainstem between these, mm


class Place(NamedTuple):
    """Where a region is.

    Args:
        points: MNI millimetres.
        width: standard deviation of the kernel around each point, mm.
    """

    points: tuple[tuple[int, int, int], ...]
    width: float = 11.0


_CEREBELLUM = (
    *((32, -66, -30), (24, -76, -30), (12, -48, -18), (8, -62, -18), (34, -50, -48)),
    *((10, -76, -40), (42, -58, -36), (0, -66, -24), (20, -60, -52)),
)
PLACES: dict[str, Place] = {
    "hippocampus": Place(((26, -20, -15), (24, -12, -21), (28, -32, -7)), 7.0),
    "amygdala": Place(((22, -3, -20),), 6.5),
    "parahippocampal": Place(((24, -8, -32), (24, -27, -20)), 8.0),
    "temporal_pole": Place(((38, 14, -34), (50, 4, -28))),
    "inferior_temporal": Place(((54, -25, -25), (50, -48, -18))),
    "middle_temporal": Place(((60, -22, -12), (61, -42, -2))),
    "superior_temporal": Place(((58, -12, 2), (56, -32, 12))),
    "fusiform": Place(((36, -42, -20), (36, -60, -12))),
    "posterior_cingulate": Place(((6, -44, 27), (7, -52, 14))),
    "precuneus": Place(((7, -60, 36), (8, -68, 46))),
    "angular": Place(((48, -62, 34), (42, -52, 46))),
    "supramarginal": Place(((58, -38, 32),)),
    "superior_parietal": Place(((24, -62, 57),)),
    "dorsolateral_frontal": Place(((42, 32, 28), (28, 50, 22))),
    "medial_orbitofrontal": Place(((7, 50, -4), (8, 48, 20), (24, 34, -14))),
    "anterior_cingulate": Place(((5, 30, 26),)),
    "superior_frontal": Place(((18, 28, 50), (24, 6, 58), (7, 20, 50))),
    "inferior_frontal": Place(((50, 20, 12),)),
    "sensorimotor": Place(((40, -24, 56), (52, -8, 34), (10, -28, 64))),
    "insula": Place(((38, 6, 0), (38, -14, 8))),
    "calcarine": Place(((9, -82, 6), (26, -90, 4), (12, -66, 4))),
    "lateral_occipital": Place(((38, -78, 10), (28, -76, 30))),
    "striatum": Place(((12, 14, 8), (26, 6, 2), (28, -8, 2)), 9.0),
    "thalamus": Place(((10, -18, 8), (17, -26, 4)), 9.0),
    "brainstem": Place(((0, -26, -34), (0, -20, -12), (0, -38, -52)), 9.0),
    "cerebellum": Place(_CEREBELLUM),
}
NAMES: tuple[str, ...] = tuple(PLACES)


@cache
def parcellation() -> Float[np.ndarray, "r x y z"]:
    """Share of every region of `NAMES` on the coarse lattice, summing to 1 at each point.

    Soft Voronoi cells around the points of every region.
    """
    x, y, z = positions(COARSE_MM)
    nearness = []
    for place in PLACES.values():
        points = {(side * p[0], p[1], p[2]) for p in place.points for side in (1, -1)}
        terms = [
            -((x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2) / (2 * place.width**2)
            for a, b, c in sorted(points)
        ]
        nearness.append(np.logaddexp.reduce(terms))
    logits = _CONTRAST * (np.stack(nearness) - np.max(nearness, axis=0))
    weights = np.exp(logits)
    shares: Float[np.ndarray, "r x y z"] = (weights / weights.sum(0)).astype(np.float32)
    return shares


@cache
def reference(name: str, voxel: int) -> Bool[np.ndarray, "i j k"]:
    """The reference region of SUVR in template space: "pons" or "whole cerebellum"."""
    region = {"pons": "brainstem", "whole cerebellum": "cerebellum"}[name]
    here = template(voxel)
    share = upsample(parcellation()[NAMES.index(region)], voxel)
    least_share, least_brain, least_depth = _SURE
    mask: Bool[np.ndarray, "i j k"] = share > least_share
    mask &= (here.brain > least_brain) & (here.depth > least_depth)
    if name == "pons":
        z = positions(voxel)[2]
        mask &= (z > _PONS_Z[0]) & (z < _PONS_Z[1])
    return mask
