"""Where the brain is: told by a mask beside the MRI, by an MRI without a head, or by a program.

Where none of them tells, the brain of the template is taken (`templated`, `native`).
"""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from acadiff.errors import ScanError
from acadiff.modality import Modality
from acadiff.registration.placed import Given
from acadiff.volume.image import Volume, canonical, write_scan
from acadiff.volume.mask import brain_mask
from acadiff.volume.nifti import read_nifti

TEMPLATE = "template"
STRIPPED = "stripped"
_SUFFIX = re.compile(r"(_desc-[0-9A-Za-z]+)?_T1w(\.nii(?:\.gz)?)$")
_PROGRAMS = {
    "synthstrip": ("mri_synthstrip", "-i", "{scan}", "-o", "{out}"),
    "hd-bet": ("hd-bet", "-i", "{scan}", "-o", "{out}", "-device", "cpu"),
}

Mask = Bool[np.ndarray, "i j k"]


def extract(given: Given, wanted: str, *, stripped: bool) -> tuple[Volume | None, str]:
    """The brain of an MRI on its own lattice, and how it was found.

    Args:
        given: the MRI.
        wanted: one of `options.EXTRACTIONS`; `auto` takes the first that there is.
        stripped: whether nothing but brain is on the MRI.

    Returns:
        1 in the brain and 0 elsewhere; None if the caller has to take what stands out
        (`STRIPPED`) or the template's brain (`TEMPLATE`).

    Raises:
        ScanError: what is wanted is not there, or the program failed (E_BRAIN).
    """
    if wanted in ("auto", "mask"):
        path = beside(given.candidate.path)
        if path is not None:
            return _read_mask(path), "mask"
    if wanted == STRIPPED or (wanted == "auto" and stripped):
        return None, STRIPPED
    for name, command in _PROGRAMS.items():
        if wanted == name or (wanted == "auto" and _is_ready(name)):
            return _by_program(given, command), name
    if wanted == "mask":
        raise _no_brain("there is no brain mask beside it", "name it desc-brain_mask")
    return None, TEMPLATE


def beside(path: Path) -> Path | None:
    """The brain mask that lies beside an MRI, by its name."""
    match = _SUFFIX.search(path.name)
    if match is None:
        return None
    start = path.name[: match.start()]
    found = (path.with_name(f"{start}_desc-brain_mask{end}") for end in (".nii.gz", ".nii"))
    return next((mask for mask in found if mask.is_file()), None)


def _read_mask(path: Path) -> Volume:
    nifti = read_nifti(path)
    mask = canonical((nifti.data > 0).astype(np.float32), nifti.affine, Modality.MRI)
    if not mask.data.any():
        raise ScanError(
            f"{path}: no voxel of the brain mask is set",
            code="E_EMPTY_MASK",
            value="0 voxels",
            hint="replace or remove it",
        )
    return mask


def _is_ready(name: str) -> bool:
    """Whether a program is installed and will not fetch anything from the network."""
    if shutil.which(_PROGRAMS[name][0]) is None:
        return False
    return name != "hd-bet" or (Path.home() / "hd-bet_params").is_dir()


def _by_program(given: Given, command: tuple[str, ...]) -> Volume:
    """Let another program strip the MRI."""
    program = shutil.which(command[0])
    if program is None:
        raise _no_brain(f"{command[0]} is not installed", "choose another --brain")
    with tempfile.TemporaryDirectory(prefix="acadiff-") as folder:
        scan, out = Path(folder) / "scan.nii.gz", Path(folder) / "brain.nii.gz"
        write_scan(scan, given.volume, "")
        filled = [part.format(scan=scan, out=out) for part in command[1:]]
        done = subprocess.run([program, *filled], capture_output=True, text=True, check=False)
        if done.returncode or not out.is_file():
            last = " ".join((done.stderr or done.stdout).split())[-200:]
            raise _no_brain(
                f"{command[0]} failed with {done.returncode} ({last})", "run it by hand"
            )
        nifti = read_nifti(out)
    stripped = canonical(nifti.data, nifti.affine, Modality.MRI)
    mask = brain_mask(stripped)
    return Volume(mask[None].astype(np.float32), stripped.affine, Modality.MRI)


def _no_brain(what: str, hint: str) -> ScanError:
    return ScanError(what, code="E_BRAIN", value=what.split(" ", 1)[0], hint=hint)
