"""Whether a PET lies on the MRI of its visit, and whether both are of one person.

Both are told by how well maps made of the MRI explain the PET. The fit is a multiple correlation,
which does not ask which tissue is bright, so that one measure serves every tracer. All images are
on the coarse lattice of template space, where a voxel of noise no longer counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
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
Values = Float[np.ndarray, " v"]


@dataclass(frozen=True, eq=False)
class Anatomy:
    """An MRI, as what explains the PET of its visit; what is made of it is made once.

    Args:
        image: zero outside the brain.
        mask: its brain.
    """

    image: Image
    mask: Mask

    def displacement(self, pet: Image) -> float:
        """How far, in mm, a PET has to be moved to fit the MRI best; 0 if it lies right.

        A climb from where it lies, by 16, 8 and 4 mm along any axis or diagonal, which finds what
        is up to 30 mm off. Where the PET was cut to the brain of the MRI, the part of it that is
        left lies nearer than the whole did: 20 mm then read as 12 to 16. NaN if there is hardly a
        brain.

        Args:
            pet: in any unit.
        """
        if self.mask.sum() < _LEAST_VOXELS:
            return float("nan")
        domain, columns = self._around

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

    def agreement(self, pet: Image) -> float:
        """How far a PET follows what is individual in the MRI: 0 for strangers, toward 1 for kin.

        Multiple correlation of the PET with maps of the MRI well inside the brain, after taking
        from both what is smooth and what the average brain explains. NaN if there is hardly a
        brain.

        Args:
            pet: in any unit.
        """
        if self._within.inside.sum() < _LEAST_VOXELS:
            return float("nan")
        average, own = self._individual
        return _fit(_without(self._within.local(pet), average), own)

    @cached_property
    def _maps(self) -> tuple[Image, ...]:
        """Blurred powers of the MRI, which stand for its tissues.

        Any tracer is nearly a cubic function of the T1 signal, which rises from fluid over grey to
        white matter.
        """
        low, high = np.percentile(self.image[self.mask], (2, 98))
        level = np.clip((self.image - low) / max(high - low, _TINY), 0, 1.2) * self.mask
        return tuple(_smooth(level**power, BLUR_MM) for power in (1, 2, 3))

    @cached_property
    def _around(self) -> tuple[Mask, Columns]:
        """The brain with its margin, and what the maps span there."""
        domain = np.asarray(ndimage.binary_dilation(self.mask, iterations=_MARGIN))
        return domain, _orthonormal([_centred(m[domain]) for m in self._maps])

    @cached_property
    def _within(self) -> "_Within":
        eroded = np.asarray(ndimage.binary_erosion(self.mask))
        return _Within(eroded & (template(COARSE_MM).brain > 0.5))

    @cached_property
    def _individual(self) -> tuple[Columns, Columns]:
        """What the average brain spans well inside this one, and what the MRI adds to it."""
        here, local = template(COARSE_MM), self._within.local
        average = _orthonormal([local(_smooth(m, BLUR_MM)) for m in (here.gm, here.wm, here.csf)])
        return average, _orthonormal([_without(local(m), average) for m in self._maps])


@dataclass(frozen=True, eq=False)
class _Within:
    """Voxels well inside a brain, in which what is smooth is taken from an image."""

    inside: Mask

    def local(self, image: Image) -> Values:
        rest = image - _smooth(image * self._weight, _LOCAL_MM) / self._share
        return np.asarray(rest[self.inside], np.float64)

    @cached_property
    def _weight(self) -> Image:
        return self.inside.astype(np.float32)

    @cached_property
    def _share(self) -> Image:
        return np.asarray(np.maximum(_smooth(self._weight, _LOCAL_MM), _TINY))


def _smooth(image: Image, fwhm_mm: float) -> Float32[np.ndarray, "x y z"]:
    sigma = fwhm_mm / _PER_SIGMA / COARSE_MM
    return np.asarray(ndimage.gaussian_filter(np.asarray(image, np.float32), sigma), np.float32)


def _centred(values: Values) -> Values:
    return np.asarray(values - values.mean(dtype=np.float64), np.float64)


def _without(values: Values, columns: Columns) -> Values:
    """What the columns do not explain."""
    return np.asarray(values - columns @ (columns.T @ values))


def _orthonormal(maps: Sequence[Values]) -> Columns:
    columns, _ = np.linalg.qr(np.stack(maps, 1))
    return np.asarray(columns)


def _fit(values: Values, columns: Columns) -> float:
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
