"""One visit → its scans on the model's grid: brain alone, PET in SUVR, measured and judged."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from acadiff.cohort.candidate import Candidate
from acadiff.errors import AcadiffError, Problem, ScanError
from acadiff.modality import Modality
from acadiff.registration import native, templated
from acadiff.registration.brain import STRIPPED
from acadiff.registration.options import Options
from acadiff.registration.placed import Given, Placed, read_all
from acadiff.registration.suvr import Scale, to_suvr
from acadiff.registration.transform import Linear
from acadiff.volume.alignment import Anatomy
from acadiff.volume.grid import Grid
from acadiff.volume.image import Volume
from acadiff.volume.quality import coarse, dice, template_mask
from acadiff.volume.resample import onto_grid
from acadiff.volume.space import common
from acadiff.volume.verdict import examine

Mask = Bool[np.ndarray, "i j k"]


@dataclass(frozen=True, eq=False)
class Scanned:
    """One scan of a visit, prepared.

    Args:
        volume: on the grid, zero outside the brain; MRI in its own unit, PET in SUVR.
        given: what it comes from.
        measures: how good it is.
        linear: of a native MRI, template mm → its mm; of a native PET, mm of the MRI → its mm.
        scale: what a PET was divided by.
    """

    volume: Volume
    given: Given
    measures: Mapping[str, float]
    linear: Linear | None = None
    scale: Scale | None = None


@dataclass(frozen=True, eq=False)
class Visit:
    """What became of the scans of one person at one visit.

    Args:
        scans: those that can be used.
        mask: the brain on the grid; None if there are none.
        extraction: how the brain was found.
        space: the template that they came on, or `native`.
        files: deformations, as in `Placed`.
        problems: warnings, and why scans are refused.
    """

    scans: Mapping[Modality, Scanned] = field(default_factory=dict)
    mask: Mask | None = None
    extraction: str = ""
    space: str = ""
    files: Mapping[str, Path] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def prepare(
    key: str,
    candidates: Mapping[Modality, Candidate],
    options: Options,
    scratch: Path,
    root: Path | None = None,
) -> Visit:
    """Prepare the scans of one visit. What cannot be used is told and never stops the rest.

    Args:
        key: `sub-X_ses-Y`, for what concerns all scans.
        candidates: one file a scan.
        options: how.
        scratch: a folder for large files; those of the result lie in it.
        root: what the paths in messages are relative to.
    """
    given, problems = read_all(candidates, options, root)
    visit = _prepared(key, given, options, scratch)
    return replace(visit, problems=(*problems.values(), *visit.problems))


def _prepared(
    key: str, givens: Mapping[Modality, Given], options: Options, scratch: Path
) -> Visit:
    if not givens:
        return Visit()
    try:
        space = common({m: given.space for m, given in givens.items()})
        placed = (
            templated.place(givens, options) if space else native.place(givens, options, scratch)
        )
    except AcadiffError as error:
        return Visit(problems=(Problem.of(key, error.at(key)),))
    scans, problems = _finished(givens, placed, options)
    if Modality.MRI in givens and Modality.MRI not in scans:  # the rest was placed by it
        others = {m: given for m, given in givens.items() if m.is_pet}
        rest = _prepared(key, others, options, scratch)
        own = tuple(p for p in problems if p.where == givens[Modality.MRI].where)
        return replace(rest, problems=(*own, *rest.problems))
    name = space.name if space else "native"
    return Visit(scans, placed.mask, placed.extraction, name, placed.files, problems)


def _finished(
    givens: Mapping[Modality, Given], placed: Placed, options: Options
) -> tuple[dict[Modality, Scanned], tuple[Problem, ...]]:
    """Mask, scale, measure and judge what was placed."""
    scans: dict[Modality, Scanned] = {}
    mri: Anatomy | None = None
    problems = [*placed.notes, *placed.refused.values()]
    for modality, volume in placed.volumes.items():
        try:
            scan, said = _one(givens[modality], volume, placed, options, mri)
        except ScanError as error:
            problems.append(Problem.of(givens[modality].where, error.at(givens[modality].where)))
            continue
        problems += said
        if not any(problem.code.startswith("E_") for problem in said):
            scans[modality] = scan
            if not modality.is_pet:
                mri = Anatomy(coarse(scan.volume), placed.inside)
    return scans, tuple(problems)


def _one(
    given: Given, volume: Volume, placed: Placed, options: Options, mri: Anatomy | None
) -> tuple[Scanned, tuple[Problem, ...]]:
    modality, scale = volume.modality, None
    _require_whole(given, placed, Grid(options.voxel))
    notes: tuple[Problem, ...] = ()
    if modality.is_pet:
        clean, scale, notes = to_suvr(volume, given, placed.mask, options)
    else:
        clean = _bare(volume, placed.mask)
    known = {"fov": placed.coverage[modality]}
    if modality in placed.supports:
        known["dice"] = dice(placed.supports[modality], placed.inside)
    elif not modality.is_pet:
        known["dice"] = dice(placed.inside, template_mask())
    measures, said = examine(
        given.where,
        clean,
        placed.mask,
        placed.inside,
        known,
        coarse(volume),
        mri,
        placed.pairs.get(modality),
        bare=modality in placed.supports or placed.extraction == STRIPPED,
    )
    known = {name: float(f"{v:.6g}") for name, v in measures.items() if math.isfinite(v)}
    linear = placed.linear.get(modality)
    return Scanned(clean, given, known, linear, scale), (*notes, *said)


def _require_whole(given: Given, placed: Placed, grid: Grid) -> None:
    """Refuse a scan with holes in the brain; outside they were filled with zeros."""
    if given.scan.holes is None:
        return
    there = onto_grid(given.scan.holes, grid, placed.through(given.candidate.modality))
    holes = int(((there.data[0] > 0) & placed.mask).sum())
    if holes:
        raise ScanError(
            f"{holes} voxels of the brain are not finite numbers",
            code="E_NONFINITE",
            value=holes,
            hint="mend the scan, or leave it out",
        )


def _bare(mri: Volume, mask: Mask) -> Volume:
    """The MRI within the brain; the background is zero and nothing lies below it."""
    data = mri.data[0]
    low = min(0.0, float(data[mask].min())) if mask.any() else 0.0
    return replace(mri, data=np.where(mask, data - np.float32(low), np.float32(0))[None])
