"""ANTs, as far as it is needed: one thread, one seed, and our own volumes and transforms.

ANTs works in LPS millimetres; a transform leads points of the fixed image to the moving one.
"""

import os
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64

from acadiff.errors import MissingInputError, ScanError
from acadiff.registration.transform import LPS, Linear, write_linear
from acadiff.volume.image import Volume
from acadiff.volume.resample import Affine, Order

_SEED = 20260522
_N4_MM = 8  # the bias field is smooth: it is fitted to voxels of about this size
_N4 = {"iters": [50, 50, 50], "tol": 1e-7}  # a fourth, finer level fits anatomy instead
_SYN = (40, 20, 0)  # iterations from coarse to fine

Mask = Bool[np.ndarray, "i j k"]


@cache
def library() -> Any:
    """The module `ants`, loaded when it is first needed, which takes seconds.

    Raises:
        MissingInputError: it is not installed (E_NO_REGISTRATION).
    """
    os.environ["ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"] = "1"  # sums depend on the threads
    try:
        import ants
    except ImportError as error:
        raise MissingInputError(
            "the scans are native, and registration is not installed",
            code="E_NO_REGISTRATION",
            value=error.name,
            hint="pip install 'acadiff[registration]', or give scans that lie on a template",
        ) from error
    ants.config.set_ants_deterministic(on=False, seed_value=_SEED)
    return ants


def linear(
    fixed: Volume,
    moving: Volume,
    kind: str,
    *,
    start: Linear | None = None,
    mask: Mask | None = None,
) -> Linear:
    """The linear map of fixed onto moving millimetres by mutual information.

    Args:
        fixed: stays.
        moving: is brought to it.
        kind: `Rigid` or `Affine`.
        start: where to begin; by the centres of mass if None.
        mask: of the fixed volume, the part that is compared.

    Raises:
        ScanError: it does not converge (E_REGISTRATION).
    """
    with tempfile.TemporaryDirectory(prefix="acadiff-") as folder:
        options = _within(fixed, mask)
        if start is not None:
            write_linear(Path(folder) / "start.txt", start)
            options["initial_transform"] = [str(Path(folder) / "start.txt")]
        found = _register(fixed, moving, kind, Path(folder), **options)
        return _read(found["fwdtransforms"][0])


def deformation(
    fixed: Volume, moving: Volume, start: Linear, folder: Path, *, mask: Mask | None = None
) -> tuple[Path, Path]:
    """SyN on top of a linear map; files of the whole map and of its inverse, in `folder`.

    Args:
        fixed: stays.
        moving: is brought to it.
        start: the linear map.
        folder: for the files.
        mask: as for `linear`.

    Raises:
        ScanError: it does not converge (E_REGISTRATION).
    """
    write_linear(folder / "start.txt", start)
    found = _register(
        fixed,
        moving,
        "SyNOnly",
        folder,
        initial_transform=[str(folder / "start.txt")],
        reg_iterations=_SYN,
        write_composite_transform=True,
        **_within(fixed, mask),
    )
    return Path(found["fwdtransforms"]), Path(found["invtransforms"])


def led(points: Float64[np.ndarray, "n 3"], file: Path) -> Float64[np.ndarray, "n 3"]:
    """Where a transform in a file leads points, mm."""
    flip = np.diag(LPS)[:3]
    frame = pd.DataFrame(points * flip, columns=["x", "y", "z"])
    there = library().apply_transforms_to_points(3, frame, [str(file)])
    return np.asarray(there[["x", "y", "z"]] * flip, np.float64)


def carried(
    moving: Volume,
    shape: tuple[int, int, int],
    affine: Affine,
    files: Sequence[Path],
    *,
    order: Order = 1,
) -> Volume:
    """A volume on another lattice through transforms in files, interpolated once.

    Args:
        moving: what to move.
        shape: of the target.
        affine: of the target.
        files: transforms in the order of ANTs: the first is applied to the target's points first.
        order: of the spline between voxels.
    """
    target = Volume(
        np.zeros((1, *shape), np.float32), np.array(affine, np.float64), moving.modality
    )
    data = library().apply_transforms(
        fixed=_image(target),
        moving=_image(moving),
        transformlist=[str(path) for path in files],
        whichtoinvert=[False] * len(files),
        interpolator="linear" if order == 1 else "bSpline",  # of order 3
        defaultvalue=float(moving.data.min()),
    )
    made = np.clip(data.numpy(), moving.data.min(), moving.data.max()).astype(np.float32)
    return Volume(made[None], target.affine, moving.modality)


def unbiased(volume: Volume, mask: Mask) -> Volume:
    """An MRI without its bias field (N4), which is told from the brain alone."""
    sizes = np.linalg.norm(volume.affine[:3, :3], axis=0)
    where = Volume(mask[None].astype(np.float32), volume.affine, volume.modality)
    shift = min(0.0, float(volume.data.min()))  # N4 takes logarithms
    light = Volume(volume.data - np.float32(shift), volume.affine, volume.modality)
    image = library().n4_bias_field_correction(
        _image(light),
        mask=_image(where),
        shrink_factor=max(1, round(_N4_MM / float(sizes.min()))),
        convergence=_N4,
    )
    return Volume(image.numpy().astype(np.float32)[None], volume.affine, volume.modality)


def _within(fixed: Volume, mask: Mask | None) -> dict[str, Any]:
    """What restricts a comparison to a mask."""
    if mask is None:
        return {}
    where = Volume(mask[None].astype(np.float32), fixed.affine, fixed.modality)
    return {"mask": _image(where), "mask_all_stages": True}


def _register(
    fixed: Volume, moving: Volume, kind: str, folder: Path, **options: Any
) -> dict[str, Any]:
    ants = library()
    try:
        found: dict[str, Any] = ants.registration(
            _image(fixed), _image(moving), kind, outprefix=f"{folder}/", **options
        )
    except (RuntimeError, ValueError) as error:
        raise ScanError(
            f"registration ({kind}) failed: {error}",
            code="E_REGISTRATION",
            value=kind,
            hint="look at the scan; crop what is not head",
        ) from error
    return found


def _image(volume: Volume) -> Any:
    """The same voxels in the same place, as ANTs has them."""
    affine = LPS @ volume.affine
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    return library().from_numpy(
        np.ascontiguousarray(volume.data[0]),
        origin=tuple(affine[:3, 3]),
        spacing=tuple(sizes),
        direction=affine[:3, :3] / sizes,
    )


def _read(path: str) -> Linear:
    """A linear transform that ANTs wrote."""
    read = library().read_transform(path)
    numbers, centre = np.array(read.parameters), np.array(read.fixed_parameters)
    matrix = np.eye(4)
    matrix[:3, :3] = numbers[:9].reshape(3, 3)
    matrix[:3, 3] = numbers[9:] + centre - matrix[:3, :3] @ centre
    return Linear(LPS @ matrix @ LPS)
