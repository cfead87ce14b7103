"""Judge imputed files against the scans that were really made; no generator is asked.

Voxel by voxel inside the brain, and region by region as a reader of scans would.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float32

from acadiff.cohort.dataset import read_cohort
from acadiff.errors import ScanError, UsageError
from acadiff.evaluation import regional
from acadiff.evaluation.agreement import agreement
from acadiff.evaluation.metrics import judge, rank_correlation
from acadiff.evaluation.sharpness import sharpness
from acadiff.evaluation.tables import from_rows, summary, write_table
from acadiff.outputs.cases import (
    Case,
    Image,
    Mask,
    find_cases,
    read_all_draws,
    read_brain,
    read_image,
    refuse_trained,
    task_of,
)
from acadiff.volume.grid import Grid, place
from acadiff.volume.image import Volume, read_scan
from acadiff.volume.intensity import from_json, robust_scale
from acadiff.volume.template import template
from acadiff.workers import work

METRIC_COLUMNS = (
    "mae",
    "psnr",
    "ssim",
    "nmi",
    "psnr_box",
    "mae_box",
    "ssim_box",
    "sharpness",
    "sd_error_rho",
)

_ENDPOINTS = (
    *("method", "target", "sources", "region", "unit", "n", "bias", "lower", "upper"),
    *("r_squared", "accuracy", "auc"),
)
_WHOLE = 0.5  # share of the template's brain in a voxel that counts, where no other is known

Row = dict[str, object]
OnStep = Callable[[str], None]


@dataclass(frozen=True)
class Judged:
    """What one imputation came to: rows of both tables, and what had to be left out."""

    rows: Sequence[Row]
    readings: Sequence[Row]
    left_out: str | None = None


@dataclass(frozen=True, eq=False)
class Scores:
    """All tables of a run.

    Args:
        generation: a row per draw (`kind` draw) and one per mean (`kind` mean), with the columns
            `tables.KEYS` and `METRIC_COLUMNS`.
        regional: regional read-outs of acquired and imputed scans, with `regional.COLUMNS`.
        left_out: one sentence for each imputation that is missing in one of the two.
    """

    generation: pd.DataFrame
    regional: pd.DataFrame
    left_out: tuple[str, ...]

    @cached_property
    def summary(self) -> pd.DataFrame:
        """Mean and SD of the metrics over subjects."""
        return summary(self.generation)

    @cached_property
    def agreement(self) -> pd.DataFrame:
        """How well imputed regional values agree with acquired ones."""
        return agreement(self.regional)

    @property
    def endpoints(self) -> pd.DataFrame:
        """Of the agreement, what is asked for first: a line per method, task and composite."""
        table = self.agreement
        pairs = zip(table["region"], table["unit"], strict=True)
        return table.loc[[pair in regional.SUMMARIES for pair in pairs], list(_ENDPOINTS)]


def score(
    derivatives: Sequence[Path],
    cohort: Path,
    jobs: int = 1,
    on_step: OnStep | None = None,
    *,
    trained: bool = False,
) -> Scores:
    """Score every imputation whose truth is known.

    The truth is the acquired scan of the target: in the cohort (the imputation did without it), or
    among the simulated cohort's hidden scans. All is judged on [0, 1] inside the brain of the real
    MRI (or the brain mask of a prepared dataset): an imputed scan by the transform in its sidecar,
    an acquired PET by the same window, an acquired MRI (whose unit is arbitrary) by its own robust
    scale. Regions are read in the scans' own units; where nothing shows the person's brain, inside
    the template's.

    Args:
        derivatives: roots of derivative datasets.
        cohort: root of the BIDS dataset with the acquired scans.
        jobs: processes; more than one needs an importable main module.
        on_step: told the stem of each record when it has been scored.
        trained: score people whom the model was trained on, too.

    Raises:
        CohortError: no imputation has a known truth, two roots hold the same one, one lies in
            another space than the model's, or a model was trained on a subject.
        ScanError: an image is damaged or does not lie on its truth's grid.
        UsageError: jobs is less than one.
        AcadiffError: a process died.
    """
    if jobs < 1:
        raise UsageError(f"jobs is {jobs}; it is one or more")
    cases = find_cases(derivatives, read_cohort(cohort))
    if not trained:
        refuse_trained(cases)
    done: list[Judged] = []
    for case, result in zip(cases, work(score_case, cases, jobs), strict=True):
        done.append(result)
        if on_step:
            on_step(case.record.name.stem)
    return Scores(
        from_rows([row for each in done for row in each.rows], METRIC_COLUMNS),
        regional.table(row for each in done for row in each.readings),
        tuple(each.left_out for each in done if each.left_out),
    )


def run(
    derivatives: Sequence[Path],
    cohort: Path,
    results: Path,
    jobs: int = 2,
    on_step: OnStep | None = None,
    *,
    trained: bool = False,
) -> Scores:
    """Score, and write generation, summary, regional and agreement as `.tsv` into `results`."""
    scores = score(derivatives, cohort, jobs, on_step, trained=trained)
    for name in ("generation", "summary", "regional", "agreement"):
        write_table(results / f"{name}.tsv", getattr(scores, name))
    return scores


def score_case(case: Case, of_draws: Collection[tuple[str, str]] = regional.SUMMARIES) -> Judged:
    """Rows of one imputation: its mean, then its draws; every image is read once.

    Args:
        case: the imputation and its truth.
        of_draws: which (region, unit) of single draws are listed.

    Raises:
        ScanError: an image is damaged or does not lie on its truth's grid.
    """
    modality = case.record.name.modality
    truth = read_scan(case.truth, modality)
    mask = read_brain(case, truth)
    mean, sd = (read_image(case.record, desc, truth) for desc in ("synth", "synthstd"))
    draws = list(read_all_draws(case.record))
    readings, why = _readings(truth, mask, mean, draws, of_draws)
    about = _about(case)
    named = [{**about, **reading} for reading in readings]
    if mask is None:
        return Judged([], named, f"{case.record.path}: has neither an MRI nor a brain mask")
    scaling = from_json(case.record.sidecar.get("IntensityTransform") or {})
    own = scaling if modality.is_pet else robust_scale(truth.data, mask)
    acquired = own.to_unit(truth.data[0])
    judged = _judge(acquired, mask)
    imputed = scaling.to_unit(mean)
    rho = rank_correlation(sd, acquired - imputed, mask)
    rows = [{**about, "kind": "mean", "draw": None, **judged(imputed), "sd_error_rho": rho}]
    for index, draw in enumerate(draws):
        found = judged(scaling.to_unit(draw))
        rows.append({**about, "kind": "draw", "draw": index, **found, "sd_error_rho": None})
    return Judged(rows, named, f"{case.record.path}: {why}" if why else None)


def _judge(acquired: Image, mask: Mask) -> Callable[[Image], dict[str, float]]:
    """All that images are told of by voxels."""
    alike, sharp = judge(acquired, mask), sharpness(acquired, mask)
    return lambda imputed: {**alike(imputed), "sharpness": sharp(imputed)}


def _readings(
    truth: Volume,
    mask: Mask | None,
    mean: Image,
    draws: Sequence[Image],
    of_draws: Collection[tuple[str, str]],
) -> tuple[list[Row], str | None]:
    """Regional rows; none, and why, if the scans lie on no grid of template space."""
    try:
        grid = Grid(round(float(truth.affine[0, 0])))
        placed = [_placed(data, truth, grid) for data in (truth.data[0], mean, *draws)]
        brain = _placed(np.ones_like(mean) if mask is None else mask, truth, grid) > 0.5
    except ScanError as error:
        return [], f"no region can be read, as {error}"
    if mask is None:
        brain = template(grid.voxel).brain > _WHOLE
    read = regional.reader(truth.modality, brain, grid.voxel)
    return regional.compare(read, placed[0], placed[1], placed[2:], of_draws), None


def _placed(data: Image | Mask, like: Volume, grid: Grid) -> Float32[np.ndarray, "x y z"]:
    """An image on the grid of the regions, by whole voxels; background outside."""
    plain = Volume(np.asarray(data, np.float32)[None], like.affine, like.modality)
    return np.asarray(place(plain, grid).data[0])


def _about(case: Case) -> Row:
    method, target, sources = task_of(case.record)
    diagnosis = case.subject.diagnosis
    return {
        "subject": case.subject.id,
        "session": case.subject.session,
        "diagnosis": diagnosis.value if diagnosis else None,
        "target": target,
        "sources": sources,
        "method": method,
    }
