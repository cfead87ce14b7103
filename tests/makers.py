"""Small real cohorts and imputations on the 8 mm grid, for tests of files."""

import json

import numpy as np
from scipy.ndimage import gaussian_filter

from acadiff.bids import Name
from acadiff.modality import Modality
from acadiff.outputs.derivative import Imputation
from acadiff.volume.grid import Grid
from acadiff.volume.image import Volume, write_scan

HEADER = "participant_id\tdiagnosis\tage\tsex\tapoe4\tMMSE\tADAS13\tCDRSB"
GRID = Grid(8)


def brain(modality, seed=0, grid=GRID):
    """A smooth ellipsoid of random texture on zero background."""
    rng = np.random.default_rng([seed, modality.index])
    axes = [np.linspace(-1.25, 1.25, side) for side in grid.shape]
    inside = sum(a**2 for a in np.meshgrid(*axes, indexing="ij")) < 1
    texture = gaussian_filter(rng.normal(size=grid.shape), 1.5) * 3
    data = np.where(inside, 1.2 + texture.clip(-0.9, 0.9), 0).astype(np.float32)
    return Volume(data[None], grid.affine, modality)


def write_cohort(root, rows, lacking=(), session=None):
    """A BIDS dataset of these table rows; all scans but `lacking`, a set of (id, modality)."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "participants.tsv").write_text("\n".join([HEADER, *rows, ""]))
    (root / "dataset_description.json").write_text(
        json.dumps({"Name": "SIMULATED brains", "BIDSVersion": "1.10.0"})
    )
    for index, row in enumerate(rows):
        identity = row.split("\t")[0].removeprefix("sub-")
        for modality in Modality:
            if (identity, modality) not in lacking:
                path = root / Name(identity, modality, session).path()
                write_scan(path, brain(modality, index), "SIMULATED test brain")
    return root


def imputation(truth, draws=3, noise=0.1, keep=True):
    """Draws around a truth, their mean and SD."""
    rng = np.random.default_rng(7)
    kept = truth.data + noise * rng.normal(size=(draws, *truth.data.shape[1:]))
    kept = np.where(truth.data > 0, kept, 0).astype(np.float32)
    mean = Volume(kept.mean(0, keepdims=True), truth.affine, truth.modality)
    sd = Volume(kept.std(0, keepdims=True), truth.affine, truth.modality)
    return Imputation(mean, sd, draws, kept if keep else None)


def record(*sources, method="Test"):
    """The provenance that a stage hands over."""
    return {
        "AvailableModalities": [m.name for m in sources],
        "ClinicalInputsUsed": ["MMSE"],
        "IntensityTransform": {"kind": "window", "low": 0.0, "high": 2.5},
        "ModelName": method,
        "ModelSHA256": "0" * 64,
        "RandomSeed": 1,
        "Sampler": None,
        "SourceSHA256": {},
        "Sources": [],
        "Steps": None,
    }
