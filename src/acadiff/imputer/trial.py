"""Imputing scans that there are: what validation subjects tell of a model's errors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from acadiff.clinical import Detail
from acadiff.cohort.table import Subject
from acadiff.errors import CohortError
from acadiff.imputer.doubt import regions_of
from acadiff.imputer.model import Imputer
from acadiff.modality import Modality
from acadiff.volume.grid import Grid, place
from acadiff.volume.image import read_scan
from acadiff.volume.intensity import Scaling, robust_scale
from acadiff.volume.labels import region_means, sampled
from acadiff.volume.mask import brain_mask

Measured = dict[str, Tensor]

MOST = 8192
"""Voxels of a label that are looked at."""


@dataclass(frozen=True)
class Trial:
    """What is tried on everybody.

    Args:
        target: the scan that is made although there is one.
        sources: from which others.
        detail: how much of the record the prompts tell.
        draws: Monte Carlo draws.
        seed: of the draws.
    """

    target: Modality
    sources: tuple[Modality, ...]
    detail: Detail
    draws: int
    seed: int

    @property
    def name(self) -> str:
        """`MRI+FDG-full`."""
        return "+".join(m.name for m in self.sources) + f"-{self.detail.value}"


def measure(imputer: Imputer, subjects: Sequence[Subject], trial: Trial) -> Measured:
    """Impute everybody who has target and sources.

    Returns:
        `truth`, `mean`, `sd` and `inside` (the brain) at the voxels `sampled`, each `(n v)`; and
        of the regions `region_truth`, `region_mean` and `region_sd`, each `(n r)`.

    Raises:
        CohortError: nobody has.
    """
    wanted = {*trial.sources, trial.target}
    rows = [_row(imputer, s, trial) for s in subjects if wanted <= set(s.scans)]
    if not rows:
        names = ", ".join(sorted(m.title for m in wanted))
        raise CohortError(f"no validation subject has {names}; intervals cannot be calibrated")
    return {key: torch.from_numpy(np.stack([row[key] for row in rows])) for key in rows[0]}


def _row(imputer: Imputer, subject: Subject, trial: Trial) -> dict[str, Any]:
    hidden = subject.without(*(m for m in Modality if m not in trial.sources))
    made = imputer.impute(hidden, trial.target, trial.draws, trial.seed, detail=trial.detail)
    grid = imputer.grid
    scaling = imputer.codecs[trial.target].scaling
    truth, inside = acquired(subject, trial.target, grid, scaling)
    mean, sd = (place(volume, grid).data.ravel() for volume in (made.mean, made.sd))
    regional, spread = regions_of(made, grid)
    voxels = sampled(grid.voxel, MOST)
    return {
        "truth": truth.ravel()[voxels],
        "mean": mean[voxels],
        "sd": sd[voxels],
        "inside": inside.ravel()[voxels],
        "region_truth": region_means(truth, grid.voxel).astype(np.float32),
        "region_mean": regional.astype(np.float32),
        "region_sd": spread.astype(np.float32),
    }


def acquired(
    subject: Subject, target: Modality, grid: Grid, scaling: Scaling
) -> tuple[Float[np.ndarray, "i j k"], Bool[np.ndarray, "i j k"]]:
    """The scan that was made, in the unit of an imputed one, and the brain.

    An MRI comes in a unit of its own, so it is taken by its own robust scale to the one that
    imputed MRIs have. The brain is told from the MRI; where there is none, from the scan itself,
    which is zero outside.
    """
    volume = place(read_scan(subject.scans[target], target), grid)
    mri = subject.scans.get(Modality.MRI)
    if mri is None:
        return volume.data[0], volume.data[0] > 0
    inside = brain_mask(place(read_scan(mri, Modality.MRI), grid))
    if target.is_pet:
        return volume.data[0], inside
    own = robust_scale(volume.data, inside)
    return scaling.from_model(own.to_model(volume.data))[0], inside
