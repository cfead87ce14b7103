"""Whether a PET lies on the MRI of its visit, and whether both are of one person.

Both are told by how well maps made of the MRI explain the PET. The fit is a multiple correlation,
which does not ask which tissue is bright, so that one measure serves every tracer. All images are
on the coarse lattice of template space, where a voxel of noise no longer counts.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
from jaxtyping import Bool, Float, Float32
from scipy import ndimage

from acadiff.volume.lattice import COARSE_MM
from acadiff.volume.template import template

BLUR_MM = 7.0
"""FWHM to which the maps are blurred before they explain a PET: its point spread [ours]."""

_LOCAL_MM = 30.0  # FWHM; what is smoother than this does not tell people apart
_MARGIN = 2  # voxels around the brain, so that its outline counts, too
_STEPS = (4, 2, 1)  # voxels
_MOST_MOVES = 12
_LEAST_VOXELS = 1000  # of brain; in fewer anything fits anything
_PER_SIGMA = 2.355  # FWHM of a Gaussian
_TINY = 1e-9

Image = Float[np.ndarray, "x y z"]
Mask = Bool[np.ndarray, "x y z"]
Columns = Float[np.ndarray, "v n"]


def displacement(pet: Image, mri: Image, mask: Mask) -> float:
    """How far, in mm, a PET has to be moved to fit its MRI best; 0 if it lies right.

    A climb from where it lies, by 16, 8 and 4 mm along any axis or diagonal, which finds what is
    up to 30 mm off. Where the PET was cut to the brain of the MRI, the part of it that is left
    lies nearer than the whole did: 20 mm then read as 12 to 16. NaN if there is hardly a brain.

    Args:
        pet: in any unit.
        mri: zero outside the brain.
        mask: the brain of the MRI.
    """
    if mask.sum() < _LEAST_VOXELS:
        return float("nan")
    domain = np.asarray(ndimage.binary_dilation(mask, iterations=_MARGIN))
    columns = _orthonormal([_centred(m[domain]) for m in _own_maps(mri, mask)])

    def fit(by: tuple[int, ...]) -> float:
        return _fit(_centred(_moved(pet, by)[domain]), columns)

    here: tuple[int, ...] = (0, 0, 0)
    best, moves = fit(here), 0
    for step in _STEPS:
        while moves < _MOST_MOVES:
            moves += 1
            better, there = max((fit(to), to) for to in _neighbours(here, step))
            if better <= best + _TINY:
                break
            here, best = there, better
    return float(COARSE_MM * np.linalg.norm(here))


def agreement(pet: Image, mri: Image, mask: Mask) -> float:
    """How far a PET follows what is individual in an MRI: 0 for strangers, toward 1 for oneself.

    Multiple correlation of the PET with maps of the MRI well inside the brain, after taking from
    both what is smooth and what the average brain explains. NaN if there is hardly a brain.

    Args:
        pet: in any unit.
        mri: zero outside the brain.
        mask: the brain of the MRI.
    """
    here = template(COARSE_MM)
    inside = np.asarray(ndimage.binary_erosion(mask)) & (here.brain > 0.5)
    if inside.sum() < _LEAST_VOXELS:
        return float("nan")
    weight = inside.astype(np.float32)
    share = np.maximum(_smooth(weight, _LOCAL_MM), _TINY)

    def local(image: Image) -> Float[np.ndarray, " v"]:
        rest = image - _smooth(image * weight, _LOCAL_MM) / share
        return np.asarray(rest[inside], np.float64)

    average = _orthonormal([local(_smooth(m, BLUR_MM)) for m in (here.gm, here.wm, here.csf)])
    own = _orthonormal([_without(local(m), average) for m in _own_maps(mri, mask)])
    return _fit(_without(local(pet), average), own)


def _own_maps(mri: Image, mask: Mask) -> tuple[Image, ...]:
    """Blurred powers of an MRI, which stand for its tissues.

    Any tracer is nearly a cubic function of the T1 signal, which rises from fluid over grey to
    white matter.
    """
    low, high = np.percentile(mri[mask], (2, 98))
    level = np.clip((mri - low) / max(high - low, _TINY), 0, 1.2) * mask
    return tuple(_smooth(level**power, BLUR_MM) for power in (1, 2, 3))


def _smooth(image: Image, fwhm_mm: float) -> Float32[np.ndarray, "x y z"]:
    sigma = fwhm_mm / _PER_SIGMA / COARSE_MM
    return np.asarray(ndimage.gaussian_filter(np.asarray(image, np.float32), sigma), np.float32)


def _centred(values: Float[np.ndarray, " v"]) -> Float[np.ndarray, " v"]:
    return np.asarray(values - values.mean(dtype=np.float64), np.float64)


def _without(values: Float[np.ndarray, " v"], columns: Columns) -> Float[np.ndarray, " v"]:
    """What the columns do not explain."""
    return np.asarray(values - columns @ (columns.T @ values))


def _orthonormal(maps: Sequence[Float[np.ndarray, " v"]]) -> Columns:
    columns, _ = np.linalg.qr(np.stack(maps, 1))
    return np.asarray(columns)


def _fit(values: Float[np.ndarray, " v"], columns: Columns) -> float:
    """Share of the length of `values` that lies in the span of the columns."""
    whole = float(np.linalg.norm(values))
    return float(np.linalg.norm(columns.T @ values)) / whole if whole > _TINY else 0.0


def _neighbours(here: tuple[int, ...], reach: int) -> list[tuple[int, ...]]:
    steps = [step for step in product((-reach, 0, reach), repeat=3) if any(step)]
    return [tuple(a + b for a, b in zip(here, step, strict=True)) for step in steps]


def _moved(image: Image, by: tuple[int, ...]) -> Image:
    """The image moved by whole voxels; what comes in is zero."""
    moved = np.zeros_like(image)
    into, out_of = [], []
    for step, n in zip(by, image.shape, strict=True):
        into.append(slice(max(0, step), max(0, n + min(0, step))))
        out_of.append(slice(max(0, -step), max(0, n - max(0, step))))
    moved[tuple(into)] = image[tuple(out_of)]
    return moved
