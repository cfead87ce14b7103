"""The average brain: ICBM152 tissue maps as bundled by nilearn, mended where they are wrong.

The template shows young adults and its grey-matter map is too high inside the ventricles, so dark
deep voxels are turned into CSF. No CSF map is bundled: it is what the other two leave over.
"""

from dataclasses import dataclass
from functools import cache

import nibabel as nib
import numpy as np
from jaxtyping import Bool, Float
from nilearn.datasets import (
    load_mni152_brain_mask,
    load_mni152_gm_template,
    load_mni152_template,
    load_mni152_wm_template,
)
from scipy import ndimage
from scipy.special import expit

from acadiff.volume.grid import BOX_MM, Grid
from acadiff.volume.lattice import block_mean

_DARK = (0.46, 0.035)  # T1 below which a voxel is CSF, and the width of that border
_RIM_MM = 3  # the outer rim is blurred, not CSF
_VENTRICLE_DEPTH_MM = 22


@dataclass(frozen=True)
class Template:
    """Averages on the box at one voxel size, each `(i j k)`.

    Args:
        t1: T1-weighted signal, 0 to 1, zero outside the brain.
        gm: grey matter.
        wm: white matter.
        csf: cerebrospinal fluid.
        brain: share of the voxel inside the brain.
        ventricle: share inside the ventricles.
        depth: distance to the outside of the brain, mm.
    """

    t1: Float[np.ndarray, "i j k"]
    gm: Float[np.ndarray, "i j k"]
    wm: Float[np.ndarray, "i j k"]
    csf: Float[np.ndarray, "i j k"]
    brain: Float[np.ndarray, "i j k"]
    ventricle: Float[np.ndarray, "i j k"]
    depth: Float[np.ndarray, "i j k"]


@cache
def template(voxel: int) -> Template:
    """The template at `voxel` mm: the 1 mm template averaged over blocks."""
    if voxel == 1:
        return _one_mm()
    fine = template(1)
    return Template(**{name: block_mean(values, voxel) for name, values in vars(fine).items()})


def positions(voxel: int) -> tuple[Float[np.ndarray, "_ _ _"], ...]:
    """MNI millimetres of the voxels' centres along each axis, ready to broadcast."""
    grid = Grid(voxel)
    axes = []
    for axis, n in enumerate(grid.shape):
        centres = grid.affine[axis, 3] + voxel * np.arange(n, dtype=np.float32)
        axes.append(centres.reshape([-1 if a == axis else 1 for a in range(3)]))
    return tuple(axes)


def _one_mm() -> Template:
    t1, gm, wm, mask = (
        _boxed(load(resolution=1))
        for load in (
            load_mni152_template,
            load_mni152_gm_template,
            load_mni152_wm_template,
            load_mni152_brain_mask,
        )
    )
    inside = ndimage.binary_fill_holes(mask > 0)
    brain = inside.astype(np.float32)
    depth = ndimage.distance_transform_edt(inside).astype(np.float32)
    dark = brain * expit((_DARK[0] - t1) / _DARK[1]) * (depth > _RIM_MM)
    csf = np.maximum(np.clip(brain - gm - wm, 0, 1), dark)
    share = np.clip(brain - csf, 0, 1) / (gm + wm + np.float32(1e-6))
    ventricle = csf * _ventricular(depth)
    return Template(t1, gm * share, wm * share, csf, brain, ventricle, depth)


def _boxed(image: nib.Nifti1Image) -> Float[np.ndarray, "i j k"]:
    """The part of a template image that lies in our 1 mm box."""
    first = np.rint(Grid(1).affine[:3, 3] - image.affine[:3, 3]).astype(int)
    box = tuple(slice(a, a + n) for a, n in zip(first, BOX_MM, strict=True))
    values: Float[np.ndarray, "i j k"] = image.get_fdata(dtype=np.float32)[box]
    return values


def _ventricular(depth: Float[np.ndarray, "i j k"]) -> Bool[np.ndarray, "i j k"]:
    """Where CSF is ventricle: deep, near the middle, without the basal cisterns."""
    x, y, z = positions(1)
    around = (np.abs(x) < 42) & (y > -60) & (y < 42) & (z > -22) & (z < 36)
    interhemispheric = (np.abs(x) < 3) & (z < 0) & (y > 10)
    temporal_horns = (z > -8) | (np.abs(x) > 22)
    where: Bool[np.ndarray, "i j k"] = around & ~interhemispheric & temporal_horns
    return where & (depth > _VENTRICLE_DEPTH_MM)
