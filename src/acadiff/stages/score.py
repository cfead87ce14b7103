"""Judge imputed files against the scans that were really made; no generator is asked."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float32

from acadiff.cohort.dataset import hidden_truth, read_cohort
from acadiff.cohort.table import Cohort, Subject
from acadiff.commit import sha256
from acadiff.errors import AcadiffError, CohortError, ScanError, UsageError
from acadiff.evaluation.metrics import judge, rank_correlation
from acadiff.evaluation.tables import from_rows, summary, write_table
from acadiff.modality import Modality
from acadiff.outputs.derivative import Record, read_records
from acadiff.volume.image import Volume, read_draws, read_scan, read_synthetic
from acadiff.volume.intensity import from_json, robust_scale
from acadiff.volume.mask import brain_mask

METRIC_COLUMNS = (
    "mae",
    "psnr",
    "ssim",
    "nmi",
    "psnr_box",
    "mae_box",
    "ssim_box",
    "sd_error_rho",
)

Row = dict[str, object]
OnStep = Callable[[str], None]


@dataclass(frozen=True)
class Case:
    """One imputation, the acquired scan it should equal, and the real MRI whose brain counts."""

    record: Record
    subject: Subject
    truth: Path
    mri: Path


def score(
    derivatives: Sequence[Path],
    cohort: Path,
    jobs: int = 1,
    on_step: OnStep | None = None,
    *,
    trained: bool = False,
) -> pd.DataFrame:
    """Score every imputation whose truth is known.

    The truth is the acquired scan of the target: in the cohort (the imputation did without it), or
    among the simulated cohort's hidden scans. All is judged on [0, 1] inside the brain of the real
    MRI: an imputed scan by the transform in its sidecar, an acquired PET by the same window, an
    acquired MRI (whose unit is arbitrary) by its own robust scale.

    Args:
        derivatives: roots of derivative datasets.
        cohort: root of the BIDS dataset with the acquired scans.
        jobs: processes; more than one needs an importable main module.
        on_step: told the stem of each record when it has been scored.
        trained: score people whom the model was trained on, too.

    Returns:
        A tidy table: a row per draw (`kind` draw) and one per mean (`kind` mean), with the columns
        `tables.KEYS` and `METRIC_COLUMNS`.

    Raises:
        CohortError: no imputation has a known truth, two roots hold the same one, or a model was
            trained on a subject.
        ScanError: an image is damaged or does not lie on its truth's grid.
        UsageError: jobs is less than one.
    """
    if jobs < 1:
        raise UsageError(f"jobs is {jobs}; it is one or more")
    cases = _cases(derivatives, read_cohort(cohort))
    if not trained:
        _refuse_trained(cases)
    rows: list[Row] = []
    for case, result in zip(cases, _each(cases, jobs), strict=True):
        rows.extend(result)
        if on_step:
            on_step(case.record.name.stem)
    return from_rows(rows, METRIC_COLUMNS)


def run(
    derivatives: Sequence[Path],
    cohort: Path,
    results: Path,
    jobs: int = 2,
    on_step: OnStep | None = None,
    *,
    trained: bool = False,
) -> pd.DataFrame:
    """Score, and write `generation.tsv` and `summary.tsv` into `results`; returns the summary."""
    table = score(derivatives, cohort, jobs, on_step, trained=trained)
    brief = summary(table)
    write_table(results / "generation.tsv", table)
    write_table(results / "summary.tsv", brief)
    return brief


def _cases(derivatives: Sequence[Path], cohort: Cohort) -> list[Case]:
    hidden = hidden_truth(cohort)
    subjects = {subject.key: subject for subject in cohort.subjects}
    cases = []
    for record in (record for root in derivatives for record in read_records(root)):
        subject = subjects.get(record.name.key)
        if subject is None:
            raise CohortError(f"{record.path}: {record.name.key} is not in {cohort.root}")
        scans = {m: subject.scans.get(m) or hidden.get((subject.key, m)) for m in Modality}
        truth, mri = scans[record.name.modality], scans[Modality.MRI]
        if truth and mri:
            cases.append(Case(record, subject, truth, mri))
    _check(cases, cohort)
    return cases


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
        first = seen.setdefault((case.subject.key, *_what(case.record)), path)
        if first != path:
            raise CohortError(f"{path}: the same imputation as {first}; name one of the two roots")


def _refuse_trained(cases: Sequence[Case]) -> None:
    """Refuse people whom the model knows: their scores would tell nothing about others."""
    for case in cases:
        if case.record.sidecar.get("SubjectPart") == "train":
            raise CohortError(
                f"{case.record.path}: its model was trained on {case.subject.key}",
                code="E_LEAK",
                value=case.subject.key,
                hint="score the test subjects alone, or say --include-trained",
            )


def _each(cases: Sequence[Case], jobs: int) -> Iterator[list[Row]]:
    if jobs == 1:
        yield from map(score_case, cases)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(cases)), mp_context=context) as pool:
        try:
            yield from pool.map(score_case, cases, chunksize=4)
        except BrokenProcessPool as error:
            raise AcadiffError(
                "a scoring process died, perhaps of memory; use --jobs 1"
            ) from error


def score_case(case: Case) -> list[Row]:
    """Rows of one imputation: its mean, then its draws.

    Raises:
        ScanError: an image is damaged or does not lie on its truth's grid.
    """
    modality = case.record.name.modality
    truth = read_scan(case.truth, modality)
    mri = read_scan(case.mri, Modality.MRI)
    _require_same_grid(case.mri, mri, truth)
    mask = brain_mask(mri)
    scaling = from_json(case.record.sidecar.get("IntensityTransform") or {})
    own = scaling if modality.is_pet else robust_scale(truth.data, mask)
    acquired = own.to_unit(truth.data[0])
    judged = judge(acquired, mask)
    mean = _image(case.record, "synth", truth)
    imputed = scaling.to_unit(mean)
    sd = _image(case.record, "synthstd", truth)
    row = partial(_row, case)
    rho = rank_correlation(sd, acquired - imputed, mask)
    rows = [row("mean", None, {**judged(imputed), "sd_error_rho": rho})]
    for index, draw in enumerate(_draws(case.record)):
        rows.append(row("draw", index, {**judged(scaling.to_unit(draw)), "sd_error_rho": None}))
    return rows


def _row(case: Case, kind: str, draw: int | None, scores: Mapping[str, float | None]) -> Row:
    method, target, sources = _what(case.record)
    diagnosis = case.subject.diagnosis
    return {
        "subject": case.subject.id,
        "session": case.subject.session,
        "diagnosis": diagnosis.value if diagnosis else None,
        "target": target,
        "sources": sources,
        "kind": kind,
        "draw": draw,
        "method": method,
        **scores,
    }


def _what(record: Record) -> tuple[str, str, str]:
    """Method, target and sources (`MRI+AV45`, in the fixed order) of a record."""
    sources = "+".join(m.name for m in Modality if m in _sources(record))
    return str(record.sidecar.get("ModelName")), record.name.modality.name, sources


def _sources(record: Record) -> frozenset[Modality]:
    """The modalities the imputation was made from."""
    try:
        return frozenset(Modality[name] for name in record.sidecar["AvailableModalities"])
    except (KeyError, TypeError) as error:
        raise CohortError(f"{record.path}: AvailableModalities is wrong; impute again") from error


def _image(record: Record, desc: str, truth: Volume) -> Float32[np.ndarray, "i j k"]:
    path = _recorded(record, desc)
    if path is None:
        raise ScanError(f"{record.path}: names no {desc} image; impute it again")
    volume = read_synthetic(path, truth.modality)
    _require_same_grid(path, volume, truth)
    return np.asarray(volume.data[0])


def _draws(record: Record) -> Iterable[Float32[np.ndarray, "i j k"]]:
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
