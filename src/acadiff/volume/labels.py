"""One region a voxel: the hard version of `volume.regions`, and what lies between the regions."""

from functools import cache

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage

from acadiff.volume.lattice import upsample
from acadiff.volume.regions import NAMES, parcellation
from acadiff.volume.template import template

REST = "rest_of_brain"
LABELS: tuple[str, ...] = (*NAMES, REST)

_GREY, _BRAIN = 0.35, 0.5  # least share of a voxel in cortex and nuclei, and in the other two
_NOT_GREY = ("brainstem", "cerebellum")
_MARGIN_MM = 8  # how far somebody's brain may reach beyond the average one


@cache
def labels(voxel: int) -> Int[np.ndarray, "i j k"]:
    """Index into `LABELS` at each voxel of the grid; -1 where nobody's brain is.

    A voxel belongs to its nearest region if it is grey matter on average (brainstem and
    cerebellum: if it is brain), else to the rest: white matter, ventricles and the margin.
    """
    here = template(voxel)
    shares = np.stack([upsample(share, voxel) for share in parcellation()])
    nearest = shares.argmax(axis=0)
    whole = np.isin(nearest, [NAMES.index(name) for name in _NOT_GREY])
    belongs = np.where(whole, here.brain > _BRAIN, here.gm > _GREY)
    found = np.where(belongs, nearest, len(NAMES))
    far = ndimage.distance_transform_edt(here.brain <= _BRAIN) * voxel > _MARGIN_MM
    return np.where(far, -1, found)


def region_means(data: Float[np.ndarray, "... i j k"], voxel: int) -> Float[np.ndarray, "... r"]:
    """Mean of every label but the rest, over the template's voxels; NaN where there are none.

    No mask of the person enters, so that an acquired and an imputed scan are read at the same
    voxels whatever else is known.
    """
    return np.stack([data[..., where].mean(-1) for where in _regions(voxel)], axis=-1)


@cache
def _regions(voxel: int) -> tuple[Bool[np.ndarray, "i j k"], ...]:
    return tuple(labels(voxel) == index for index in range(len(NAMES)))


@cache
def sampled(voxel: int, most: int) -> Int[np.ndarray, " v"]:
    """Flat indices of the labelled voxels, at most so many a label, always the same ones.

    Fine grids have more voxels than statistics need; which ones are kept depends on nothing but
    the grid.
    """
    flat = labels(voxel).ravel()
    random = np.random.default_rng(0)
    kept = []
    for index in range(len(LABELS)):
        here = np.flatnonzero(flat == index)
        kept.append(here if len(here) <= most else random.choice(here, most, replace=False))
    return np.sort(np.concatenate(kept))
