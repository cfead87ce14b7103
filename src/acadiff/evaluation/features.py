"""What a regional classifier reads of one scan, acquired or imputed alike.

No mask of the person enters: whose MRI is missing has none, and whether one had one must not show.
"""

import numpy as np
from jaxtyping import Float

from acadiff.modality import Modality
from acadiff.volume.hippocampus import hippocampal_volume
from acadiff.volume.intensity import Window
from acadiff.volume.labels import region_means
from acadiff.volume.regions import NAMES
from acadiff.volume.template import template

VERSION = 1
"""Of the features; those of another version are read anew."""

HIPPOCAMPI = "hippocampal_volume"
_BRAIN = 0.5  # least share of brain of a voxel that sets the scale of an MRI


def feature_names(modality: Modality) -> tuple[str, ...]:
    """`FDG angular` for each region, and of an MRI the hippocampi, too."""
    names = NAMES if modality.is_pet else (*NAMES, HIPPOCAMPI)
    return tuple(f"{modality.name} {name}" for name in names)


def features(
    data: Float[np.ndarray, "i j k"], modality: Modality, voxel: int
) -> Float[np.ndarray, " f"]:
    """Regional means, SUVR of a PET and [0, 1] of an MRI, whose hippocampal volume (mL) follows.

    Args:
        data: on the model's scale, background -1.
        modality: what it shows.
        voxel: voxel size in mm.

    Returns:
        As `feature_names` calls them; a scan that shows nothing has zeros.
    """
    values = np.asarray(data, np.float64)
    if modality.is_pet:
        return np.asarray(region_means(Window().from_model(values).astype(np.float64), voxel))
    means = region_means((values + 1) / 2, voxel)
    volume = hippocampal_volume(values, template(voxel).brain > _BRAIN, voxel)
    return np.append(means, np.nan_to_num(volume))
