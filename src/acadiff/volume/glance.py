"""A first look at a scan: where it lies by its header, and whether its values can be what it says.

`glance` reads the first bytes of a file, `peruse` all of it.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import nibabel as nib
import numpy as np
from jaxtyping import Float32, Float64

from acadiff.errors import AcadiffError, Problem, ScanError
from acadiff.modality import Modality
from acadiff.volume import nifti
from acadiff.volume.grid import VOXELS, Grid
from acadiff.volume.image import LABEL, is_synthetic, load_scan
from acadiff.volume.intensity import SUVR
from acadiff.volume.nifti import read_header, shown
from acadiff.volume.orientation import Form
from acadiff.volume.space import TOLERANCE_MM, Space, detect, remarks

BEYOND = 0.05
"""Share of the lit voxels that may lie beyond the SUVR window [ours: none does in a cohort]."""

FAINT = 0.2
"""SUVR that half of the lit voxels must exceed [ours: it is about 1 in a brain]."""

FLAT = 0.1
"""Least interquartile range over median of the lit voxels of an MRI [ours: about 0.3 in T1]."""

COARSEST_MM = 6.0
"""Larger voxels are refused, unless they are those of a model [ours: PET resolves 4 to 8 mm]."""

_LIGHT = 0.02  # of the range from the least value to the 99.5th percentile; above it is lit


@dataclass(frozen=True, eq=False)
class Seen:
    """What was seen of one scan, its axes in RAS order.

    Args:
        shape: voxels along i, j, k.
        affine: voxel indices → mm.
        space: the template that it lies on; None if it is native.
        notes: what is odd, each a warning.
    """

    shape: tuple[int, ...]
    affine: Float64[np.ndarray, "4 4"]
    space: Space | None
    notes: tuple[Problem, ...]

    @property
    def voxel(self) -> tuple[float, ...]:
        """Voxel sizes in mm."""
        sizes: list[float] = np.linalg.norm(self.affine[:3, :3], axis=0).tolist()
        return tuple(sizes)

    def on_grid_of(self, other: "Seen") -> bool:
        """Whether the voxels of both lie upon each other."""
        same = np.allclose(self.affine, other.affine, rtol=0, atol=TOLERANCE_MM)
        return self.shape == other.shape and same


@dataclass(frozen=True)
class Leave:
    """What a person allows for files that are not whole.

    Args:
        orientation: directions of the axes ("RAS") of files that do not tell.
        form: which of two forms is right in files where they disagree.
        nonfinite: what to do with NaN and infinity.
    """

    orientation: str | None = None
    form: Form | None = None
    nonfinite: Literal["refuse", "zero"] = "refuse"


STRICT = Leave()


def glance(
    path: Path, where: str, modality: Modality, entity: str | None, leave: Leave = STRICT
) -> Seen:
    """Look at a header.

    Args:
        path: a `.nii` or `.nii.gz`.
        where: what messages call it.
        modality: what it shows; PET may have several frames.
        entity: the `space-` label of its name, if it has one.
        leave: what is allowed.

    Raises:
        MissingInputError: it is not there or cannot be opened.
        ScanError: the header cannot be used, says that the scan is synthetic, or lies on another
            template than the name tells.
    """
    try:
        axes = 4 if modality.is_pet else 3
        header = read_header(
            path, axes=axes, assume_orientation=leave.orientation, prefer_form=leave.form
        )
        if is_synthetic(header):
            raise ScanError(
                f"it is labelled {LABEL}", code="E_SYNTHETIC_INPUT", value=header.texts,
                hint="only acquired scans can be sources",
            )  # fmt: skip
        shape, affine = _upright(header.shape[:3], header.affine)
        space = detect(shape, affine, entity)
        notes = (*nifti.remarks(where, header), *_frames(where, header.shape))
        seen = Seen(shape, affine, space, notes + _space(where, space))
        _require_fine(seen)
    except AcadiffError as error:
        raise _renamed(error, path, where) from error
    return seen


def peruse(
    path: Path,
    where: str,
    modality: Modality,
    entity: str | None,
    suvr: str | None,
    leave: Leave = STRICT,
) -> Seen:
    """Look at a header, read every voxel, and look at their values.

    Args:
        path: as for `glance`.
        where: as for `glance`.
        modality: as for `glance`.
        entity: as for `glance`.
        suvr: the reference region, if the voxels are said to be SUVR.
        leave: as for `glance`.

    Raises:
        MissingInputError: as for `glance`.
        ScanError: as for `glance`; or the file is damaged, or its voxels show nothing.
    """
    seen = glance(path, where, modality, entity, leave)
    try:
        scan = load_scan(
            path,
            modality,
            frames="mean" if modality.is_pet else "refuse",
            assume_orientation=leave.orientation,
            prefer_form=leave.form,
            nonfinite=leave.nonfinite,
        )
    except AcadiffError as error:
        raise _renamed(error, path, where) from error
    notes = tuple(_relocated(note, path, where) for note in scan.notes)
    odd = _values(where, scan.volume.data, modality, suvr)
    every = {note.code: note for note in (*seen.notes, *notes, *odd)}
    return Seen(seen.shape, seen.affine, seen.space, tuple(every.values()))


def _upright(
    shape: tuple[int, ...], affine: Float64[np.ndarray, "4 4"]
) -> tuple[tuple[int, ...], Float64[np.ndarray, "4 4"]]:
    """Shape and affine of the same voxels with their axes in RAS order."""
    order = _order(np.ascontiguousarray(affine[:3, :3]).tobytes())
    turned = [0, 0, 0]
    for axis, target in enumerate(order[:, 0].astype(int)):
        turned[target] = shape[axis]
    back = nib.orientations.inv_ornt_aff(order, shape)
    return tuple(turned), np.asarray(affine @ back, np.float64)


@lru_cache(maxsize=1024)
def _order(linear: bytes) -> Float64[np.ndarray, "3 2"]:
    """Which axis of RAS each axis is, and its sign; the scans of a cohort are turned alike."""
    affine = np.eye(4)
    affine[:3, :3] = np.frombuffer(linear).reshape(3, 3)
    return np.asarray(nib.io_orientation(affine), np.float64)


def _values(
    where: str, data: Float32[np.ndarray, "..."], modality: Modality, suvr: str | None
) -> tuple[Problem, ...]:
    """Warnings about intensities."""
    low = float(data.min())
    lit = data[data > low + _LIGHT * (float(np.percentile(data, 99.5)) - low)]
    lower, middle, upper = np.percentile(lit, (25, 50, 75)).tolist()
    if not modality.is_pet:
        contrast = (upper - lower) / abs(middle) if middle else 0.0
        text, hint = f"its contrast is {contrast:.2g}, next to nothing", "look at the scan"
        flat = contrast < FLAT
        return (_note(where, "W_CONTRAST", f"{contrast:.2g}", text, hint),) if flat else ()
    beyond = float((lit > SUVR[1]).mean())
    if suvr is None or (beyond <= BEYOND and middle >= FAINT):
        return ()
    what = f"{beyond:.1%} of it beyond {SUVR[1]:g} and a median of {middle:.3g}"
    text, hint = f"is said to be in SUVR and has {what}", "see that its unit is SUVR"
    return (_note(where, "W_WINDOW", f"{beyond:.1%}, median {middle:.3g}", text, hint),)


def _require_fine(seen: Seen) -> None:
    known = (
        Grid(voxel).shape == seen.shape
        and np.allclose(Grid(voxel).affine, seen.affine, rtol=0, atol=TOLERANCE_MM)
        for voxel in VOXELS
    )
    if max(seen.voxel) > COARSEST_MM and not any(known):
        text = " × ".join(f"{size:.3g}" for size in seen.voxel)
        raise ScanError(
            f"its voxels are {text} mm", code="E_VOXSIZE", value=text,
            hint=f"more than {COARSEST_MM:g} mm is too coarse; leave the scan out",
        )  # fmt: skip


def _frames(where: str, shape: tuple[int, ...]) -> tuple[Problem, ...]:
    count = shape[3] if len(shape) > 3 else 1
    if count == 1:
        return ()
    text, hint = f"has {count} frames, whose mean is used", "see that they are aligned"
    return (_note(where, "W_FRAMES", str(count), text, hint),)


def _space(where: str, space: Space | None) -> tuple[Problem, ...]:
    return remarks(where, space) if space else ()


def _renamed(error: AcadiffError, path: Path, where: str) -> AcadiffError:
    """The same error, its sentence headed by `where` alone."""
    error.args = (str(error).removeprefix(f"{shown(path)}: "),)
    return error.at(where)


def _relocated(note: Problem, path: Path, where: str) -> Problem:
    text = note.text.removeprefix(f"{shown(path)}: ")
    return Problem(where, note.code, note.value, note.hint, f"{where}: {text}")


def _note(where: str, code: str, value: str, text: str, hint: str) -> Problem:
    return Problem(where, code, value, hint, f"{where}: {text}; {hint}")
