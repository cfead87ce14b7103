"""The way out: from the model's grid back to where an acquired scan lies."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from acadiff.errors import CohortError
from acadiff.registration import ants
from acadiff.registration.transform import read_linear
from acadiff.volume.image import Volume
from acadiff.volume.resample import onto


def to_scan(volume: Volume, sidecar: Mapping[str, Any], transform: Path) -> Volume:
    """A volume on the model's grid, brought to the lattice of a scan that was prepared.

    Its space, orientation, voxels and affine are those of that scan's file, whether it was native
    or lay on a template. Background is zero.

    Args:
        volume: on the grid that the scan was prepared to.
        sidecar: of the prepared scan.
        transform: file that brings images from the template to the scan, without its suffix; not
            read if the scan lay on a template.

    Raises:
        MissingInputError: the transform is gone.
        CohortError: the sidecar does not tell where the scan lay.
    """
    try:
        i, j, k = (int(side) for side in sidecar["SourceShape"])
        affine = np.array(sidecar["SourceAffine"], np.float64)
        registration = sidecar["Registration"]
    except (KeyError, TypeError, ValueError) as error:
        raise CohortError(
            "its sidecar does not tell where the scan lay",
            code="E_SIDECAR",
            value=", ".join(sorted(sidecar)[:3]),
            hint="prepare the visit again",
        ) from error
    if registration == "none":
        made = onto(volume, (i, j, k), affine)
    elif registration == "syn":
        made = ants.carried(volume, (i, j, k), affine, [_with(transform, ".h5")])
    else:
        made = onto(volume, (i, j, k), affine, read_linear(_with(transform, ".txt")).matrix)
    return Volume(np.maximum(made.data, 0), made.affine, volume.modality)


def _with(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
