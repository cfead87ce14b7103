"""What kind of scan a volume shows, told by what disease and scanner change little.

All images are on the coarse lattice of template space.
"""

import math

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from acadiff.modality import Modality
from acadiff.volume.lattice import COARSE_MM
from acadiff.volume.template import template

SHARP = 0.375
"""Texture above which a scan is an MRI [ours: of 195 simulated people MRI has .39 to .53, PET .18
to .34]."""

HINDBRAIN = (0.95, 1.25)
"""Pons over cerebellum below which a smooth scan is FDG, and above which it is AV45 [ours: FDG has
.63 to .85, AV45 1.26 to 1.56; MRI, 1.07 to 1.25, lies between, and so may a blurred one]."""

_FINE_MM = 8.0  # FWHM; what is smoother than this is no texture
_DEEP_MM = 8  # below the surface, where no border of the brain counts
_LEAST_VOXELS = 1000
_PER_SIGMA = 2.355


def texture(data: Float[np.ndarray, "x y z"], mask: Bool[np.ndarray, "x y z"]) -> float:
    """Share of a scan's contrast that lies in details of less than 8 mm, deep in the brain.

    About .45 in T1 and .3 in PET, which a scanner blurs; neither unit nor tracer matters much. NaN
    if there is hardly a brain or no contrast.
    """
    deep = mask & (template(COARSE_MM).depth > _DEEP_MM)
    whole = float(data[deep].std()) if deep.sum() >= _LEAST_VOXELS else 0.0
    if whole == 0:
        return math.nan
    image = np.asarray(data, np.float32)
    coarse = ndimage.gaussian_filter(image, _FINE_MM / _PER_SIGMA / COARSE_MM)
    return float((image - coarse)[deep].std()) / whole


def kind(texture: float, hindbrain: float) -> Modality | None:
    """What a scan seems to be; None if that is not plain.

    Args:
        texture: see `texture`.
        hindbrain: pons over cerebellum, `quality.hindbrain`.
    """
    if texture > SHARP:
        return Modality.MRI
    low, high = HINDBRAIN
    if texture <= SHARP and hindbrain < low:
        return Modality.FDG
    return Modality.AV45 if texture <= SHARP and hindbrain > high else None
