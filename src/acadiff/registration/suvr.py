"""PET in the units of its scanner → SUVR: divided by what its reference region takes up.

The region's uptake is a mean without the highest and the lowest tenth of its voxels, as in
Clinica, so that an edge or a hot voxel does not count. [Clinica: trimmed mean, 10 % each side]
"""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from acadiff.errors import Problem, ScanError
from acadiff.modality import Modality
from acadiff.registration.options import Options
from acadiff.registration.placed import Given
from acadiff.volume.grid import Grid
from acadiff.volume.image import Volume, canonical
from acadiff.volume.nifti import read_nifti
from acadiff.volume.regions import reference
from acadiff.volume.resample import onto_grid
from acadiff.volume.space import detect

_TRIM = 0.1
_LEAST_VOXELS = 5
_SAME = {  # names under which a scan's own region is the one that we divide by
    Modality.FDG: frozenset({"pons", "pons2"}),
    Modality.AV45: frozenset({"wholecerebellum", "cerebellum"}),
}
_UNTOLD = "unknown"

Mask = Bool[np.ndarray, "i j k"]


@dataclass(frozen=True)
class Scale:
    """What a PET was divided by.

    Args:
        region: the reference region, as the sidecar names it.
        divisor: its uptake in the unit of the scan; 1 if the scan was SUVR already.
    """

    region: str
    divisor: float


def to_suvr(
    volume: Volume, given: Given, mask: Mask, options: Options
) -> tuple[Volume, Scale, tuple[Problem, ...]]:
    """A PET on the grid, brain alone, in SUVR and never below zero.

    Args:
        volume: on the grid.
        given: the scan that it comes from.
        mask: the brain.
        options: which region, or that there is nothing to divide.

    Returns:
        The PET, what it was divided by, and what is to be said.

    Raises:
        ScanError: nothing is taken up in the reference region (E_REFERENCE).
    """
    own = given.candidate.suvr
    ours = str(volume.modality.reference_region)
    inside = np.where(mask, np.maximum(volume.data[0], 0), np.float32(0))
    kept = Scale(own if own not in (None, _UNTOLD) else ours, 1.0)
    if options.already_suvr or (own is not None and _is(volume.modality, own, options)):
        notes: tuple[Problem, ...] = ()
        if own == _UNTOLD and not options.already_suvr:
            notes = (_note(given, own, f"is SUVR of a region that is not told, taken for {ours}"),)
        return replace(volume, data=inside[None]), kept, notes
    region, where = _region(volume, options)
    divisor = _uptake(inside, where & mask)
    data = inside / np.float32(divisor)
    notes = ()
    if own is not None:
        notes = (_note(given, own, f"was SUVR of {own}, divided anew by its {region}"),)
    return replace(volume, data=data[None]), Scale(region, divisor), notes


def _is(modality: Modality, own: str, options: Options) -> bool:
    """Whether SUVR of the scan's own region is what is asked for."""
    plain = own.replace(" ", "").replace("_", "").casefold()
    return modality not in options.references and (plain == _UNTOLD or plain in _SAME[modality])


def _region(volume: Volume, options: Options) -> tuple[str, Mask]:
    """Name and voxels of the reference region on the grid of a volume."""
    grid = Grid(round(float(volume.affine[0, 0])))
    path = options.references.get(volume.modality)
    if path is not None:
        return path.name, _own_mask(path, grid.voxel)
    name = str(volume.modality.reference_region)
    return name, reference(name, grid.voxel)


@cache
def _own_mask(path: Path, voxel: int) -> Mask:
    """A user's mask on the grid.

    Raises:
        ScanError: it does not lie in template space (E_REFERENCE).
    """
    nifti = read_nifti(path)
    mask = canonical((nifti.data > 0).astype(np.float32), nifti.affine, Modality.MRI)
    if detect(mask.data.shape[1:], mask.affine) is None:
        shape = "×".join(map(str, mask.data.shape[1:]))
        raise ScanError(
            f"{path}: lies on no template that is known",
            code="E_REFERENCE",
            value=shape,
            hint="draw the reference region on the grid of a template",
        )
    return np.asarray(onto_grid(mask, Grid(voxel)).data[0] > 0.5)


def _uptake(data: Float[np.ndarray, "i j k"], where: Mask) -> float:
    """The trimmed mean of a region."""
    values = np.sort(data[where])
    cut = int(_TRIM * values.size)
    mean = float(values[cut : values.size - cut].mean()) if values.size >= _LEAST_VOXELS else 0.0
    if not mean > 0:
        raise ScanError(
            f"its reference region takes up {mean:g} ({values.size} voxels)",
            code="E_REFERENCE",
            value=f"{mean:g}",
            hint="see that the scan shows the whole brain and lies where it should",
        )
    return mean


def _note(given: Given, own: str, text: str) -> Problem:
    hint = "see that this is right"
    return Problem(given.where, "W_REFERENCE", own, hint, f"{given.where}: {text}; {hint}")
