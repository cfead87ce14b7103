"""Regional means of the scans that were really made: the target, and those it is imputed from."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from acadiff.evaluation.regional import COMPOSITE, META_ROI, reader
from acadiff.modality import Modality
from acadiff.volume.composites import uptake
from acadiff.volume.grid import Grid, place
from acadiff.volume.hippocampus import hippocampal_volume
from acadiff.volume.image import Volume, read_scan
from acadiff.volume.intensity import robust_scale
from acadiff.volume.regions import NAMES

PRIMARY = {Modality.AV45: COMPOSITE, Modality.FDG: META_ROI}
"""(region, unit) that is asked for first."""

Mask = Bool[np.ndarray, "i j k"]


def acquired(path: Path, target: Modality, brain: Mask, grid: Grid) -> dict[str, float]:
    """Region → SUVR of an acquired PET.

    Raises:
        ScanError: it cannot be read or lies on another grid.
    """
    scan = place(read_scan(path, target), grid)
    read = reader(target, brain, grid.voxel)
    return {name: value for (name, unit), value in read(scan.data[0]).items() if unit == "SUVR"}


def of_sources(scans: Mapping[Modality, Path], brain: Mask, grid: Grid) -> dict[str, float]:
    """`MRI region` → mean of the scan there; an MRI on its own robust scale, with its hippocampi.

    Raises:
        ScanError: one cannot be read or lies on another grid.
    """
    found: dict[str, float] = {}
    for modality, path in scans.items():
        scan = place(read_scan(path, modality), grid)
        held = uptake(_scaled(scan, brain), brain, grid.voxel)
        found |= {f"{modality.name} {name}": held.mean(name) for name in NAMES}
        if modality is Modality.MRI:
            volume = hippocampal_volume(scan.data[0], brain, grid.voxel)
            found["MRI hippocampal_volume"] = volume
    return found


def _scaled(scan: Volume, brain: Mask) -> Float[np.ndarray, "i j k"]:
    data: Float[np.ndarray, "i j k"] = scan.data[0]
    return data if scan.modality.is_pet else robust_scale(scan.data, brain).to_unit(data)
