"""A small study on disk: a cohort with scans taken away, and their imputations beside it."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from acadiff.bids import Name
from acadiff.cohort.dataset import HIDDEN
from acadiff.commit import write_json, write_text
from acadiff.modality import Modality
from acadiff.outputs.derivative import SPACE, Imputation, start_dataset, write_derivative
from acadiff.volume.grid import Grid
from acadiff.volume.image import Volume, write_scan
from acadiff.volume.intensity import RobustScale, Window

LOST = ({Modality.FDG}, {Modality.AV45}, {Modality.MRI, Modality.AV45}, set())
HEADER = "participant_id\tdiagnosis\tage\tsex\tapoe4\tMMSE\tADAS13\tCDRSB"


@dataclass(frozen=True)
class Study:
    """Where everything lies."""

    cohort: Path
    derivatives: Path
    results: Path
    work: Path


@pytest.fixture
def study(tmp_path):
    return make_study(tmp_path, subjects=4)


def make_study(root, subjects, voxel=4, lost=LOST):
    """Write a whole study under `root`; nobody is like anybody else."""
    study = Study(root / "cohort", root / "derivatives", root / "results", root / "work")
    people = [f"SIM{n:04d}" for n in range(1, subjects + 1)]
    _write_tables(study.cohort, people)
    start_dataset(study.derivatives, study.cohort)
    scores = []
    for n, person in enumerate(people):
        scans = {m: head(m, n, voxel) for m in Modality}
        gone = lost[n % len(lost)]
        for modality, scan in scans.items():
            folder = study.cohort / HIDDEN if modality in gone else study.cohort
            write_scan(folder / Name(person, modality).path(), scan, "SIMULATED")
        for target in sorted(gone, key=lambda m: m.index):
            sources = [m for m in Modality if m not in gone]
            impute(study.derivatives, person, scans[target], sources)
            scores += score_lines(person, target, sources)
    study.results.mkdir()
    pd.DataFrame(scores).to_csv(study.results / "generation.tsv", sep="\t", index=False)
    _write_work(study.work)
    return study


def head(modality, seed, voxel):
    """An ellipsoid with a cortex, white matter and ventricles, different for each seed."""
    grid = Grid(voxel)
    rng = np.random.default_rng(seed)
    mm = np.moveaxis(np.indices(grid.shape), 0, -1) @ grid.affine[:3, :3] + grid.affine[:3, 3]
    x, y, z = np.moveaxis(mm - (0, -18, 8), -1, 0)
    skull = (x / 68) ** 2 + (y / 86) ** 2 + (z / 62) ** 2
    folds = 0.06 * np.sin(x / 7 + rng.normal()) * np.sin(y / 8) * np.sin(z / 7 + rng.normal())
    wide = 1 + 0.3 * rng.random()
    hollow = ((np.abs(x) - 12) / 8) ** 2 + (y / 32) ** 2 + ((z - 8) / 12) ** 2 < wide
    gray, white = 0.72 + folds < skull, ~hollow
    levels = {Modality.MRI: (0.55, 0.9, 0.2), Modality.FDG: (1.5, 0.9, 0.4)}
    low, high, water = levels.get(modality, (1.1 + rng.random(), 1.3, 0.6))
    values = np.where(gray, low, np.where(white, high, water)) * (1 - 0.2 * skull)
    values += rng.normal(0, 0.02, values.shape)
    data = np.where(skull < 1, values, 0).astype(np.float32)
    return Volume(data[None], grid.affine, modality)


def impute(root, person, truth, sources, space=SPACE, **stated):
    """Write what a fair model might give: a smooth scan and an SD that knows where it errs."""
    rng = np.random.default_rng(0)
    inside = truth.data > 0
    error = rng.normal(0, 0.08, truth.data.shape)
    mean = np.where(inside, truth.data * 0.95 + error, 0).astype(np.float32)
    sd = np.where(inside, np.abs(error) + 0.02, 0).astype(np.float32)
    parts = [Volume(part, truth.affine, truth.modality) for part in (mean, sd)]
    scaling = Window() if truth.modality.is_pet else RobustScale(0.0, 1.0)
    record = {
        "AvailableModalities": [m.name for m in sources],
        "ClinicalInputsUsed": ["diagnosis", "MMSE"],
        "IntensityTransform": scaling.to_json(),
        "ModelName": "acadiff",
        "ModelSHA256": "0123456789abcdef" * 4,
        "RandomSeed": 7,
        "Sampler": "dpmpp",
        "SourceSHA256": {},
        "Sources": [],
        "Steps": 20,
        **stated,
    }
    name = Name(person, truth.modality)
    write_derivative(root, name, Imputation(*parts, 10), record, space)


def score_lines(person, target, sources):
    """Lines of generation.tsv for a mean and two draws."""
    rng = np.random.default_rng(int(person[3:]))
    keys = {
        "subject": person,
        "session": None,
        "diagnosis": "AD",
        "target": target.name,
        "sources": "+".join(m.name for m in sources),
        "method": "acadiff",
    }
    lines = []
    for kind, draw, base in (("mean", "n/a", 27.0), ("draw", "0", 25.0), ("draw", "1", 25.2)):
        psnr = base + rng.normal()
        rho = 0.5 if kind == "mean" else "n/a"
        numbers = {"psnr": psnr, "ssim": psnr / 30, "mae": 1 / psnr, "nmi": 0.4}
        lines.append({**keys, "kind": kind, "draw": draw, **numbers, "sd_error_rho": rho})
    return lines


def _write_tables(cohort, people):
    lines = [HEADER]
    for n, person in enumerate(people):
        group = ("CN", "MCI", "AD")[n % 3]
        lines.append(f"sub-{person}\t{group}\t{61 + 3 * n}\tF\t{n % 3}\t{29 - n}\t{9.33 + n}\tn/a")
    write_text(cohort / "participants.tsv", "\n".join([*lines, ""]))
    write_json(cohort / "dataset_description.json", {"Name": "SIMULATED cohort"})


def _write_work(work):
    for modality in Modality:
        scan = np.clip(head(modality, 3, 4).data / 2, 0, 1)
        codec = work / "codecs" / modality.name
        codec.mkdir(parents=True)
        np.savez(codec / "panel.npz", acquired=scan, reconstructed=scan * 0.97)
        numbers = {"psnr": 33.1, "ssim": 0.97, "mae": 0.012, "subjects": 60}
        write_json(codec / "codec_eval.json", {**numbers, "baseline_mean_psnr": 22.4})
        generator = work / "generators" / f"acadiff-{modality.name}"
        generator.mkdir(parents=True)
        lines = [json.dumps(_step(n)) for n in range(0, 3000, 10)]
        write_text(generator / "steps.jsonl", "\n".join([*lines, ""]))
        recipe = '[diffusion]\nsteps = 20\nprediction = "v"\n[objective]\nlambda_cons = 0.1\n'
        write_text(generator / "recipe.toml", f'target = "{modality.name}"\n{recipe}')


def _step(n):
    rng = np.random.default_rng(n)
    fall = np.exp(-n / 900)
    losses = {"noise": 0.1 + fall * (1 + 0.3 * rng.normal() ** 2), "consistency": 0.02 + fall / 9}
    validation = {"validation": {"psnr": 27 - 8 * fall}} if n % 250 == 0 else {}
    return {"step": n, "losses": losses, "lr": 1e-3, **validation}
