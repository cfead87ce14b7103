"""Where the voxels of a NIfTI file lie in the head: sform or qform → one affine, if they agree.

Some programs (SPM's coregistration) change one of the two and leave the other; which one is right
only the user can tell.

Both are millimetres with x to the right, y to the front and z up (RAS). The sform is the affine
itself; the qform is a turn, given as the unit quaternion (a, b, c, d), voxel sizes and an origin.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64

from acadiff.errors import ScanError, UsageError

VOXEL_MM = (0.2, 8.0)
"""No voxel is smaller or larger [ours: 8 mm is the coarsest grid; beyond, the unit is not mm]."""

_CODES = range(6)
_LONGEST_MM = 1e6
_SINGULAR = 1e-3
_SHEAR = 0.02  # cosine of the angle between two axes: one degree off a right angle
_APART_MM = 1.0
_UNIT = 1e-5
_CORNERS = np.array(list(np.ndindex(2, 2, 2)))
_AXES = {"L": (0, -1), "R": (0, 1), "P": (1, -1), "A": (1, 1), "I": (2, -1), "S": (2, 1)}
_MEND = "mend the header, or convert the scan anew"

Affine = Float64[np.ndarray, "4 4"]
Form = Literal["sform", "qform"]


@dataclass(frozen=True)
class Forms:
    """What a header says of the orientation, unchecked.

    Args:
        qform_code: what the qform means; 0 for nothing.
        sform_code: likewise.
        pixdim: qfac and three voxel sizes.
        quaternion: b, c, d.
        origin: of the qform.
        rows: the twelve numbers of the sform.
    """

    qform_code: int
    sform_code: int
    pixdim: tuple[float, ...]
    quaternion: tuple[float, ...]
    origin: tuple[float, ...]
    rows: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Pose:
    """Where the voxels lie.

    Args:
        affine: voxel indices → mm, RAS.
        source: "sform", "qform" or "assumed".
        code: of that form: 1 scanner, 2 aligned, 3 Talairach, 4 MNI, 5 another template.
        apart: mm from the other form, if they disagree and this one was preferred.
    """

    affine: Affine
    source: str
    code: int
    apart: float = 0.0


def pose(
    forms: Forms, shape: tuple[int, ...], assumed: str | None = None, preferred: Form | None = None
) -> Pose:
    """The one orientation of a scan.

    Args:
        forms: from its header.
        shape: voxels along each axis.
        assumed: directions of the axes, such as "RAS", for a scan without orientation.
        preferred: which form is right where the two disagree.

    Raises:
        ScanError: there is none (E_NOFORM), it is impossible (E_AFFINE, E_SHEAR, E_VOXSIZE), or
            the header contradicts itself (E_PIXDIM, E_QSFORM).
        UsageError: `assumed` names no three directions.
    """
    if assumed is not None:
        _require_directions(assumed)
    _require_sizes(forms.pixdim)
    for name, code in (("qform_code", forms.qform_code), ("sform_code", forms.sform_code)):
        if code not in _CODES:
            raise _no_form(f"its {name} is {code}, which means nothing", f"{name} {code}")
    if forms.qform_code == forms.sform_code == 0:
        if assumed is None:
            raise _no_form("it has no orientation (qform and sform codes are 0)", "0 0")
        return Pose(_assumed(forms, shape, assumed), "assumed", 0)
    sform = _sform(forms) if forms.sform_code else None
    qform = _qform(forms) if forms.qform_code else None
    apart = 0.0 if sform is None or qform is None else _apart(sform, qform, shape)
    if apart and preferred is None:
        raise _disagreement(apart)
    if sform is None or (apart and preferred == "qform"):
        assert qform is not None
        return Pose(qform, "qform", forms.qform_code, apart)
    return Pose(sform, "sform", forms.sform_code, apart)


def _require_sizes(pixdim: tuple[float, ...]) -> None:
    sizes = pixdim[1:4]
    if not all(0 < size < _LONGEST_MM for size in sizes):  # false for NaN as well
        raise ScanError(
            f"its voxel sizes are {_listed(sizes)}",
            code="E_PIXDIM",
            value=_listed(sizes),
            hint=f"they must be above zero; {_MEND}",
        )


def _sform(forms: Forms) -> Affine:
    affine = np.array([*forms.rows, 0, 0, 0, 1], np.float64).reshape(4, 4)
    sizes = checked_sizes(affine, "sform")
    written = np.array(forms.pixdim[1:4])
    if (np.abs(sizes - written) > 0.01 + 0.01 * sizes).any():
        raise ScanError(
            f"its voxel sizes are {_listed(written)} mm, but {_listed(sizes)} mm by the sform",
            code="E_PIXDIM",
            value=f"{_listed(written)} | {_listed(sizes)}",
            hint=_MEND,
        )
    return affine


def _qform(forms: Forms) -> Affine:
    b, c, d = forms.quaternion
    qfac = forms.pixdim[0] or 1.0
    rest = 1 - (b * b + c * c + d * d)
    if not rest >= -_UNIT or abs(qfac) != 1:
        value = f"quaternion {_listed((b, c, d))}, qfac {qfac:g}"
        raise ScanError(
            f"its qform is no turn ({value})", code="E_AFFINE", value=value, hint=_MEND
        )
    a = np.sqrt(max(rest, 0.0))
    turn = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    affine = np.eye(4)
    affine[:3, :3] = turn * [*forms.pixdim[1:3], qfac * forms.pixdim[3]]
    affine[:3, 3] = forms.origin
    checked_sizes(affine, "qform")
    return affine


def checked_sizes(affine: Affine, name: str) -> Float64[np.ndarray, "3"]:
    """Voxel sizes of an affine, if it can be that of a scan.

    Raises:
        ScanError: it is not finite or does not span space (E_AFFINE), its axes are not at right
            angles (E_SHEAR) or its voxels are too small or too large (E_VOXSIZE).
    """
    if not np.abs(affine).max() < _LONGEST_MM:  # false for NaN as well
        raise _no_affine(affine, name)
    linear = affine[:3, :3]
    sizes: Float64[np.ndarray, "3"] = np.sqrt((linear * linear).sum(axis=0))
    if sizes.min() < 1 / _LONGEST_MM:
        raise _no_affine(affine, name)
    axes = linear / sizes
    if abs(np.linalg.det(axes)) < _SINGULAR:
        raise _no_affine(affine, name)
    _require_right_angles(axes, name)
    low, high = VOXEL_MM
    if sizes.min() < 0.99 * low or sizes.max() > 1.01 * high:
        raise ScanError(
            f"its voxels are {_listed(sizes)} mm by the {name}",
            code="E_VOXSIZE",
            value=_listed(sizes),
            hint=f"sizes from {low:g} to {high:g} mm can be used; is the unit mm?",
        )
    return sizes


def _require_right_angles(axes: Float64[np.ndarray, "3 3"], name: str) -> None:
    cosines = axes.T @ axes
    skew = max(abs(cosines[0, 1]), abs(cosines[0, 2]), abs(cosines[1, 2]))
    if skew > _SHEAR:
        angle = f"{np.degrees(np.arccos(skew)):.3g} degrees"
        raise ScanError(
            f"two axes of its {name} meet at {angle}",
            code="E_SHEAR",
            value=angle,
            hint="resample it to right angles first",
        )


def _apart(sform: Affine, qform: Affine, shape: tuple[int, ...]) -> float:
    """How far apart they send any voxel, in mm; 0 within a millimetre."""
    corners, between = _CORNERS * (np.array(shape[:3]) - 1), sform - qform
    apart = corners @ between[:3, :3].T + between[:3, 3]
    worst = float(np.sqrt((apart * apart).sum(axis=1)).max())
    return worst if worst > _APART_MM else 0.0


def _disagreement(apart: float) -> ScanError:
    return ScanError(
        f"its qform and sform are up to {apart:.3g} mm apart",
        code="E_QSFORM",
        value=f"{apart:.3g} mm",
        hint="find out which is right, and say so with --prefer-form sform or --prefer-form qform",
    )


def _assumed(forms: Forms, shape: tuple[int, ...], directions: str) -> Affine:
    """The axes as told; the origin of a form that lost its code if it tells the same axes."""
    turn = np.zeros((3, 3))
    for axis, letter in enumerate(directions):
        row, sign = _AXES[letter]
        turn[row, axis] = sign
    if any(forms.rows) or any((*forms.quaternion, *forms.origin)):
        read = _sform if any(forms.rows) else _qform
        try:
            affine = read(forms)
        except ScanError:
            pass
        else:
            if (np.abs(affine[:3, :3] / forms.pixdim[1:4] - turn) < _SHEAR).all():
                return affine
    affine = np.eye(4)
    affine[:3, :3] = turn * forms.pixdim[1:4]
    affine[:3, 3] = -affine[:3, :3] @ (np.array(shape[:3]) - 1) / 2
    checked_sizes(affine, "header")
    return affine


def _require_directions(assumed: str) -> None:
    if sorted(_AXES.get(letter, (9, 0))[0] for letter in assumed) != [0, 1, 2]:
        raise UsageError(
            f"the orientation {assumed!r} is none",
            code="E_ORIENTATION",
            value=assumed,
            hint="name where the three axes point, such as RAS or LPS",
        )


def _no_form(what: str, value: str) -> ScanError:
    hint = "set one (nifti_tool, fslorient) or name it with --assume-orientation"
    return ScanError(what, code="E_NOFORM", value=value, hint=hint)


def _no_affine(affine: Affine, name: str) -> ScanError:
    value = str(affine[:3].tolist())
    return ScanError(
        f"the affine {value} of its {name} does not span space",
        code="E_AFFINE",
        value=value,
        hint=_MEND,
    )


def _listed(values: Iterable[float]) -> str:
    return " × ".join(f"{value:.4g}" for value in values)
