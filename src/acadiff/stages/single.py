"""Scan files of one person → the file of an imputed one. No dataset, nothing kept but the result.

The scans are brought onto the model's grid as `prepare` does, in a temporary folder, and the
imputed scan is brought back to where the first of them lies: its space, orientation and voxels.
"""

import math
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from acadiff import __version__
from acadiff.clinical.prompt import Detail
from acadiff.cohort.candidate import Candidate
from acadiff.cohort.table import Diagnosis, Scores, Subject
from acadiff.commit import sha256, write_json
from acadiff.errors import AcadiffError, OutputError, Problem, ScanError, UsageError
from acadiff.imputer import Imputer
from acadiff.imputer.doubt import refuse_doubtful
from acadiff.modality import Modality
from acadiff.registration.describe import is_simulated
from acadiff.registration.options import Options
from acadiff.registration.visit import Scanned, Visit, prepare
from acadiff.volume.image import LABEL, Volume, is_synthetic, write_compact, write_scan
from acadiff.volume.nifti import read_header
from acadiff.volume.resample import onto

OnStep = Callable[[str], None]
SPACES = ("input", "model")
_WHO = "ONE"


@dataclass(frozen=True)
class Wish:
    """One scan to make.

    Args:
        scans: the files that there are.
        target: what to make.
        out: file to write; beside it go the SD (`_std`) and a sidecar (`.json`).
        diagnosis: of the person, if it may be used.
        scores: likewise.
        draws: Monte Carlo draws.
        seed: of the draws.
        space: `input` for the space and voxels of the first scan given, `model` for the model's.
        options: how the scans are brought onto the model's grid.
        detail: how much of diagnosis and scores the prompt tells; None tells all that is given.
        guidance: how strongly the prompt guides; 1 is the paper's.
        strict: refuse what is not to be trusted, instead of saying so in its record.

    Raises:
        UsageError: the target is among the sources, there is no source, the name of the file is
            none of an image, or the guidance is below 0 or no number.
    """

    scans: Mapping[Modality, Path]
    target: Modality
    out: Path
    diagnosis: Diagnosis | None = None
    scores: Scores = field(default_factory=Scores)
    draws: int = 10
    seed: int = 0
    space: str = "input"
    options: Options = field(default_factory=Options)
    detail: Detail | None = None
    guidance: float = 1.0
    strict: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be done."""
        if self.target in self.scans or not self.scans:
            what = "is given already" if self.scans else "needs at least one other scan"
            raise UsageError(
                f"{self.target.title} {what}; name the scans there are and the one that lacks"
            )
        if not self.out.name.endswith(".nii.gz"):
            raise UsageError(f"{self.out}: the file to write must end in .nii.gz")
        if self.space not in SPACES:
            raise UsageError(f"the space is {self.space!r}; there are {', '.join(SPACES)}")
        if not (math.isfinite(self.guidance) and self.guidance >= 0):
            raise UsageError(f"the guidance is {self.guidance:g}; it is 0 or more, 1 the paper's")

    @property
    def how(self) -> dict[str, Any]:
        """What the imputer is told of the prompt."""
        return {"detail": self.detail or Detail.FULL, "guidance": self.guidance}

    def beside(self, ending: str) -> Path:
        """`scan_std.nii.gz` or `scan.json` for `scan.nii.gz`."""
        return self.out.with_name(self.out.name.removesuffix(".nii.gz") + ending)


def run(wish: Wish, imputer: Imputer, on_step: OnStep) -> tuple[Problem, ...]:
    """Impute one scan from files.

    Args:
        wish: what from what.
        imputer: the model.
        on_step: told of each thing done.

    Returns:
        Warnings about the scans and the model.

    Raises:
        ScanError: a scan cannot be used; the first reason.
        OutputError: a file is in the way that is no imputed scan, or the place cannot be written.
        UsageError: the prompt is to tell more than the model was trained with.
    """
    if wish.detail is not None:
        imputer.require(wish.detail, wish.target)
    for path in (wish.out, wish.beside("_std.nii.gz")):
        _refuse_acquired(path)
    options = replace(wish.options, voxel=imputer.grid.voxel)
    candidates = {m: Candidate(path, _WHO, None, m) for m, path in wish.scans.items()}
    with tempfile.TemporaryDirectory(prefix="acadiff-") as folder:
        visit = prepare(f"sub-{_WHO}", candidates, options, Path(folder))
        _require_all(visit, wish)
        on_step("scans brought onto the model's grid")
        scans = _placed(visit, Path(folder))
        subject = Subject(_WHO, None, wish.diagnosis, wish.scores, scans)
        made = imputer.impute(subject, wish.target, wish.draws, wish.seed, **wish.how)
    if wish.strict:
        refuse_doubtful(made.trust)
    on_step(f"{wish.target.title} imputed")
    record = {**_record(wish, imputer, subject, visit), "Trust": made.trust}
    _write(wish, (made.mean, made.sd), visit, record)
    on_step(str(wish.out))
    caution = imputer.caution(is_simulated(visit))
    told = tuple(problem for problem in visit.problems if problem.code.startswith("W_"))
    return (*told, caution) if caution else told


def _refuse_acquired(path: Path) -> None:
    """Refuse to write over anything that does not say that it is synthetic."""
    if not path.exists():
        return
    try:
        ours = is_synthetic(read_header(path))
    except AcadiffError:
        ours = False
    if not ours:
        raise OutputError(
            f"{path}: is there already and is no imputed scan",
            code="E_OVERWRITE",
            value=path.name,
            hint="choose another name",
        )


def _require_all(visit: Visit, wish: Wish) -> None:
    """Refuse to go on without a scan that was named; the first reason is told."""
    if set(visit.scans) == set(wish.scans):
        return
    refused = [problem for problem in visit.problems if problem.code.startswith("E_")]
    lacking = ", ".join(m.title for m in wish.scans if m not in visit.scans)
    why = refused[0] if refused else Problem("", "E_SCAN", lacking, "", f"{lacking} is unusable")
    raise ScanError(why.text, code=why.code, value=why.value)


def _placed(visit: Visit, folder: Path) -> dict[Modality, Path]:
    """Write the scans on the grid where the imputer can read them."""
    paths = {}
    for modality, scanned in visit.scans.items():
        paths[modality] = folder / f"{modality.name}.nii.gz"
        write_compact(paths[modality], scanned.volume, "prepared by acadiff")
    return paths


def _write(
    wish: Wish, volumes: tuple[Volume, Volume], visit: Visit, record: Mapping[str, Any]
) -> None:
    """The SD, the mean, and last the sidecar with the hashes of both."""
    like = next(visit.scans[m] for m in Modality if m in visit.scans)
    mean, sd = (_back(v, like) if wish.space == "input" else v for v in volumes)
    label = f"{LABEL} acadiff {__version__}"
    write_scan(wish.beside("_std.nii.gz"), sd, label, LABEL)
    write_scan(wish.out, mean, label, LABEL)
    paths = (wish.out, wish.beside("_std.nii.gz"))
    write_json(wish.beside(".json"), {**record, "SHA256": {p.name: sha256(p) for p in paths}})


def _back(volume: Volume, like: Scanned) -> Volume:
    """An imputed volume on the lattice of the scan as it was given, in that scan's space."""
    header = like.given.scan.header
    i, j, k = header.shape[:3]
    through = None if like.linear is None else like.linear.inverse.matrix
    made = onto(volume, (i, j, k), header.affine, through)
    return replace(made, data=np.maximum(made.data, 0))


def _record(wish: Wish, imputer: Imputer, subject: Subject, visit: Visit) -> dict[str, Any]:
    """What the sidecar tells."""
    modality = wish.target
    hashes = {m.name: scanned.given.scan.sha256 for m, scanned in visit.scans.items()}
    return {
        **imputer.provenance(subject, modality, wish.draws, wish.seed, **wish.how),
        "Synthetic": True,
        "Description": f"mean of {wish.draws} draws; their SD lies beside it, in _std",
        "TargetModality": modality.name,
        "Units": modality.unit,
        "SUVRReferenceRegion": modality.reference_region,
        "Sources": [wish.scans[m].name for m in Modality if m in wish.scans],
        "SourceSHA256": hashes,
        "SourceSpace": visit.space,
        "Space": wish.space,
        "SkullStripped": True,
        "SoftwareVersion": __version__,
        "Warnings": [p.text for p in visit.problems if p.code.startswith("W_")],
    }
