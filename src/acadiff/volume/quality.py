"""Measures by which a scan on the model's grid is told from a bad, turned or swapped one.

All are taken at 4 mm, where a voxel of noise no longer counts, in milliseconds a scan.
"""

from functools import cache

import numpy as np
from jaxtyping import Bool, Float, Float32
from scipy import ndimage

from acadiff.modality import Modality
from acadiff.volume.grid import Grid
from acadiff.volume.image import Volume
from acadiff.volume.regions import reference
from acadiff.volume.resample import Affine, onto_grid
from acadiff.volume.template import template

MEASURED_MM = 4
"""Voxel size at which quality is measured [ours: twice the sharpest PET]."""

FLIPS: dict[str | None, tuple[int, ...]] = {
    None: (),
    "up and down": (2,),
    "front and back": (1,),
    "up and down and front and back": (1, 2),
}
_BINS = 32
_TAILS = (0.5, 99.5)  # percentiles between which intensities are told apart
_SHARE = 0.5  # of a voxel; above it the voxel is brain
_BLUR = 1.5  # voxels
_LIT = 0.02  # of the range; above it is not background
_THIN_MM = 2  # of smaller voxels some are looked at
_EVEN = 0.3  # of a scan without a head is background, all of one value
_BRAIN_ML = (500, 2300)  # what stands out of it [ours: the template's brain has 1883 mL]

Mask = Bool[np.ndarray, "i j k"]


def coarse(volume: Volume) -> Float32[np.ndarray, "x y z"]:
    """A volume in template space at the voxel size of the measures."""
    return np.asarray(onto_grid(volume, Grid(MEASURED_MM)).data[0], np.float32)


def coarse_mask(mask: Mask, voxel: int) -> Bool[np.ndarray, "x y z"]:
    """A mask on the grid of `voxel` mm at the voxel size of the measures."""
    share = Volume(mask[None].astype(np.float32), Grid(voxel).affine, Modality.MRI)
    return np.asarray(coarse(share) > _SHARE)


@cache
def template_mask(voxel: int = MEASURED_MM) -> Mask:
    """The brain of the template."""
    return np.asarray(template(voxel).brain > _SHARE)


def dice(first: Mask, second: Mask) -> float:
    """Overlap of two masks, `2 |A ∩ B| / (|A| + |B|)`; 0 if both are empty."""
    both = int(first.sum()) + int(second.sum())
    return 2 * int((first & second).sum()) / both if both else 0.0


def nmi(
    first: Float[np.ndarray, "i j k"], second: Float[np.ndarray, "i j k"], mask: Mask
) -> float:
    """Normalised mutual information inside a mask, `(H(A) + H(B)) / H(A, B)`: 1 to 2."""
    joint = np.bincount(
        _binned(first[mask]) * _BINS + _binned(second[mask]), minlength=_BINS**2
    ).reshape(_BINS, _BINS)
    together = _entropy(joint.ravel())
    return (_entropy(joint.sum(0)) + _entropy(joint.sum(1))) / together if together else 1.0


def flip(data: Float[np.ndarray, "i j k"], *, bare: bool = True) -> str | None:
    """Which way the content is turned against its header, or None.

    The scan and its mirror images are held against the template; the most alike tells. A brain
    alone is moved upon the template's by its centre of mass first; of a whole head, only what
    lies in the place of the brain is looked at. Left and right are too alike to be told apart.
    """
    light = _centred(data) if bare else _blurred(data)
    like = _template_centred() if bare else template(MEASURED_MM).t1
    inside = np.ones(like.shape, bool) if bare else template_mask()

    def alike(way: str | None) -> float:
        return float(np.corrcoef(np.flip(light, FLIPS[way])[inside], like[inside])[0, 1])

    return max(FLIPS, key=alike)


def hindbrain(data: Float[np.ndarray, "i j k"], mask: Mask) -> float:
    """Pons over cerebellum (medians): about 0.75 in FDG-PET, 1.1 in T1, 1.45 in AV45-PET.

    The two lie side by side, so neither scale nor bias nor disease of the cortex changes it much.
    """
    pons, cerebellum = (
        data[reference(name, MEASURED_MM) & mask] for name in ("pons", "whole cerebellum")
    )
    if pons.size == 0 or cerebellum.size == 0:
        return float("nan")
    below = float(np.median(cerebellum))
    return float(np.median(pons)) / below if below > 0 else float("nan")


def coverage(shape: tuple[int, ...], affine: Affine, through: Affine | None = None) -> float:
    """Share of the template's brain that lies in a field of view.

    Args:
        shape: of the scan.
        affine: its voxel indices → its mm.
        through: template mm → its mm; None if both are one.
    """
    grid = Grid(MEASURED_MM)
    to_mm = grid.affine if through is None else through @ grid.affine
    to_scan = np.linalg.solve(affine, to_mm)
    index = np.argwhere(template_mask())
    where = index @ to_scan[:3, :3].T + to_scan[:3, 3]
    return float(((where >= -0.5) & (where <= np.array(shape) - 0.5)).all(axis=1).mean())


def is_bare(volume: Volume) -> bool:
    """Whether nothing but brain is on a scan: an even background, and a brain's volume."""
    sizes = np.linalg.norm(volume.affine[:3, :3], axis=0)
    thin = tuple(slice(None, None, max(1, round(_THIN_MM / size))) for size in sizes.tolist())
    data = volume.data[0][thin]
    low = data.min()
    above = data[data > low]
    if above.size > (1 - _EVEN) * data.size or above.size == 0:
        return False
    lit = above > low + _LIT * (np.percentile(above, _TAILS[1]) - low)
    voxel_ml = volume.data.size / data.size * float(np.prod(sizes)) / 1000
    least, most = _BRAIN_ML
    return bool(least <= lit.sum() * voxel_ml <= most)


def support(volume: Volume) -> Mask:
    """Where a scan that came without a head shows brain, at the voxel size of the measures."""
    data = volume.data[0]
    low = data.min()
    lit = data > low + _LIT * (np.percentile(data[::2, ::2, ::2], _TAILS[1]) - low)
    share = coarse_mask(lit, round(float(volume.affine[0, 0])))
    return np.asarray(ndimage.binary_fill_holes(share), bool)


def _binned(values: Float[np.ndarray, " n"]) -> np.ndarray:
    low, high = np.percentile(values, _TAILS) if values.size else (0.0, 1.0)
    share = (values - low) / (high - low) if high > low else np.zeros_like(values)
    return np.asarray(np.clip((share * _BINS).astype(int), 0, _BINS - 1))


def _entropy(counts: np.ndarray) -> float:
    p = counts[counts > 0] / counts.sum()
    return float(-(p * np.log(p)).sum())


@cache
def _template_centred() -> Float[np.ndarray, "x y z"]:
    return _centred(template(MEASURED_MM).t1)


def _blurred(data: Float[np.ndarray, "x y z"]) -> Float[np.ndarray, "x y z"]:
    return np.asarray(ndimage.gaussian_filter(np.asarray(data - data.min(), np.float32), _BLUR))


def _centred(data: Float[np.ndarray, "x y z"]) -> Float[np.ndarray, "x y z"]:
    """Blurred, and moved so that the centre of mass is the middle."""
    light = _blurred(data)
    centre = np.array(ndimage.center_of_mass(light)) if light.any() else np.zeros(3)
    middle = (np.array(light.shape) - 1) / 2
    return np.asarray(ndimage.shift(light, middle - centre, order=1, mode="constant"))
