"""Which imputations can be held against an acquired scan, and the images of both.

An image is read by its record: its bytes must be those that were written, on the truth's grid.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32

from acadiff.cohort.dataset import hidden_truth
from acadiff.cohort.table import Cohort, Subject
from acadiff.commit import sha256
from acadiff.errors import CohortError, ScanError
from acadiff.modality import Modality
from acadiff.outputs.derivative import SPACE, Record, read_records
from acadiff.outputs.prepared import Place
from acadiff.volume.grid import VOXELS
from acadiff.volume.image import Volume, read_draws, read_scan, read_synthetic
from acadiff.volume.mask import brain_mask

Image = Float32[np.ndarray, "i j k"]
Mask = Bool[np.ndarray, "i j k"]


@dataclass(frozen=True)
class Case:
    """One imputation, the acquired scan it should equal, and what shows the person's brain.

    Args:
        record: the imputation.
        subject: whose it is.
        truth: the acquired scan.
        mri: the acquired MRI, if there is one.
        mask: the brain as `acadiff prepare` left it, if it did.
    """

    record: Record
    subject: Subject
    truth: Path
    mri: Path | None
    mask: Path | None


def find_cases(derivatives: Sequence[Path], cohort: Cohort) -> list[Case]:
    """Every imputation whose truth is in the cohort or among what it hides.

    Raises:
        CohortError: there is none, one is of nobody in the cohort, lies in another space than the
            model's or had its target among its sources, or two are the same.
    """
    hidden = hidden_truth(cohort)
    subjects = {subject.key: subject for subject in cohort.subjects}
    cases = []
    for record in (record for root in derivatives for record in read_records(root)):
        subject = subjects.get(record.name.key)
        if subject is None:
            raise CohortError(f"{record.path}: {record.name.key} is not in {cohort.root}")
        _require_space(record)
        scans = {m: subject.scans.get(m) or hidden.get((subject.key, m)) for m in Modality}
        truth = scans[record.name.modality]
        if truth:
            mask = _prepared_mask(cohort.root, subject)
            cases.append(Case(record, subject, truth, scans[Modality.MRI], mask))
    _check(cases, cohort)
    return cases


def _require_space(record: Record) -> None:
    """Refuse what does not lie where acquired scans are kept and regions are known."""
    space = record.name.space
    if space not in (None, SPACE):
        raise CohortError(
            f"{record.path}: lies in {space} space, and scans are compared in the model's",
            code="E_SPACE",
            value=space,
            hint="impute it again without --output-space, into another folder",
        )


def _prepared_mask(root: Path, subject: Subject) -> Path | None:
    """The brain mask that `acadiff prepare` wrote for a visit."""
    places = (Place(subject.id, subject.session, voxel) for voxel in VOXELS)
    return next((root / p.mask() for p in places if (root / p.mask()).is_file()), None)


def _check(cases: Sequence[Case], cohort: Cohort) -> None:
    """Refuse to score nothing, one thing twice, or a scan against itself."""
    if not cases:
        raise CohortError(f"{cohort.root}: no imputed scan has an acquired one to compare with")
    seen: dict[tuple[str, ...], Path] = {}
    for case in cases:
        path = case.record.path
        if case.record.name.modality in _sources(case.record):
            raise CohortError(
                f"{path}: its target was among its sources; hide it and impute again"
            )
        first = seen.setdefault((case.subject.key, *task_of(case.record)), path)
        if first != path:
            raise CohortError(f"{path}: the same imputation as {first}; name one of the two roots")


def refuse_trained(cases: Sequence[Case]) -> None:
    """Refuse people whom the model knows: their scores would tell nothing about others.

    Raises:
        CohortError: the record says that its subject was trained on.
    """
    for case in cases:
        if case.record.sidecar.get("SubjectPart") == "train":
            raise CohortError(
                f"{case.record.path}: its model was trained on {case.subject.key}",
                code="E_LEAK",
                value=case.subject.key,
                hint="score the test subjects alone, or say --include-trained",
            )


def task_of(record: Record) -> tuple[str, str, str]:
    """Method, target and sources (`MRI+AV45`, in the fixed order) of a record."""
    sources = "+".join(m.name for m in Modality if m in _sources(record))
    return str(record.sidecar.get("ModelName")), record.name.modality.name, sources


def _sources(record: Record) -> frozenset[Modality]:
    """The modalities the imputation was made from."""
    try:
        return frozenset(Modality[name] for name in record.sidecar["AvailableModalities"])
    except (KeyError, TypeError) as error:
        raise CohortError(f"{record.path}: AvailableModalities is wrong; impute again") from error


def read_brain(case: Case, truth: Volume) -> Mask | None:
    """The person's brain on the truth's grid, from the MRI or as prepared; None if unknown.

    Raises:
        ScanError: the scan or mask is damaged or lies on another grid.
    """
    path = case.mri or case.mask
    if path is None:
        return None
    volume = read_scan(path, Modality.MRI)
    _require_same_grid(path, volume, truth)
    return brain_mask(volume) if case.mri else np.asarray(volume.data[0] > 0.5)


def read_image(record: Record, desc: str, truth: Volume) -> Image:
    """The image `synth` or `synthstd` of a record.

    Raises:
        ScanError: it is not there, not what was recorded, or lies on another grid than the truth.
    """
    path = _recorded(record, desc)
    if path is None:
        raise ScanError(f"{record.path}: names no {desc} image; impute it again")
    volume = read_synthetic(path, truth.modality)
    _require_same_grid(path, volume, truth)
    return np.asarray(volume.data[0])


def read_all_draws(record: Record) -> Iterable[Image]:
    """The draws of a record; none if they were not kept.

    Raises:
        ScanError: they are not what was recorded.
    """
    path = _recorded(record, "synthdraws")
    return () if path is None else read_draws(path)


def _recorded(record: Record, desc: str) -> Path | None:
    """Path of an image whose bytes are those the record was made for."""
    path = record.image(desc)
    if path is not None and sha256(path) != record.sidecar["SHA256"][path.name]:
        raise ScanError(f"{path}: is not the image that was recorded; impute it again")
    return path


def _require_same_grid(path: Path, volume: Volume, truth: Volume) -> None:
    same = volume.data.shape == truth.data.shape
    if not same or not np.allclose(volume.affine, truth.affine, rtol=0, atol=1e-3):
        raise ScanError(
            f"{path}: lies on another grid than the acquired {truth.modality.title}: shape "
            f"{volume.data.shape[1:]} against {truth.data.shape[1:]}"
        )
