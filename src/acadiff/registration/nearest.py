"""The linear map nearest to a deformation: where a head lies, whatever the shape of its brain.

Two brains differ by millimetres wherever one looks. A linear map that is fitted to the images
settles where edges happen to coincide; a deformation first takes up the differences, and least
squares over the whole brain tell what of it is linear.
"""

import tempfile
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64

from acadiff.registration import ants
from acadiff.registration.transform import Linear
from acadiff.volume.grid import Grid
from acadiff.volume.image import Volume
from acadiff.volume.quality import MEASURED_MM, template_mask

Points = Float64[np.ndarray, "n 3"]


def settled(
    fixed: Volume,
    moving: Volume,
    start: Linear,
    kind: str,
    mask: Bool[np.ndarray, "i j k"] | None = None,
) -> Linear:
    """A linear map of the template onto an MRI, made independent of the shape of its brain.

    Args:
        fixed: the template.
        moving: the MRI.
        start: a map that fits already.
        kind: `Rigid` or `Affine`.
        mask: of the template, the part that is compared, if there is more than brain on the MRI.

    Raises:
        ScanError: the deformation fails (E_REGISTRATION).
    """
    points = _brain()
    with tempfile.TemporaryDirectory(prefix="acadiff-") as folder:
        file, _ = ants.deformation(fixed, moving, start, Path(folder), mask=mask)
        return nearest(points, ants.led(points, file), kind)


def nearest(points: Points, images: Points, kind: str) -> Linear:
    """The linear map that leads points to their images with the least mean squared distance.

    Args:
        points: mm; at least four that lie in no plane.
        images: where each of them goes, mm.
        kind: `Rigid` (six numbers, no mirror image) or `Affine` (twelve).
    """
    middle, there = points.mean(0), images.mean(0)
    if kind == "Rigid":
        left, _, right = np.linalg.svd((images - there).T @ (points - middle))
        handed = np.sign(np.linalg.det(left @ right))
        linear = left @ np.diag([1, 1, handed]) @ right
    else:
        linear = np.linalg.lstsq(points - middle, images - there, rcond=None)[0].T
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = linear, there - linear @ middle
    return Linear(matrix)


def _brain() -> Points:
    """The template's brain, mm."""
    affine = Grid(MEASURED_MM).affine
    points: Points = np.argwhere(template_mask()) @ affine[:3, :3].T + affine[:3, 3]
    return points
