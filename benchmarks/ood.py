"""Does the model notice a scan that it should not be given? AUROC of the score of `latent.look`.

Scans of the test subjects are spoilt, one thing at a time, and held against the same people's
scans as they are: the score alone must tell them apart. SIMULATED people, simulated faults.

    python benchmarks/ood.py COHORT WORK [--modality FDG] [--people 60] [--out ood.tsv]
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from scipy import ndimage

from acadiff.cohort.dataset import read_cohort
from acadiff.cohort.ledger import read_split
from acadiff.latent.codec_folder import load_codec
from acadiff.latent.look import ALARM, REFUSAL, judge, look
from acadiff.modality import Modality
from acadiff.phantom.fields import smooth, white_noise
from acadiff.phantom.parameters import Parameters
from acadiff.volume.grid import place
from acadiff.volume.image import Volume, read_scan
from acadiff.volume.intensity import scaling_of
from acadiff.volume.lattice import block_mean
from acadiff.volume.mask import brain_mask
from acadiff.volume.template import template

FINE = 2  # mm, where the simulation's noise is drawn
SPHERES = [(r, -0.6) for r in (6, 8, 12, 16)] + [(12, -0.3), (16, -0.3), (12, 0.5)]
BLURRED = [(8, -0.6), (12, -0.6), (16, -0.3)]
PSF_FWHM, PER_SIGMA = 7, 2.355  # mm of a PET scanner; FWHM of a Gaussian


class Case(NamedTuple):
    """A scan on the grid, its voxel size, a source of chance, and all scans of the person."""

    data: np.ndarray
    voxel: int
    rng: np.random.Generator
    scans: dict[Modality, np.ndarray]


def lesion(radius, change, blurred=False):
    """A sphere of another value in the brain, its rim a voxel wide or as PET shows it."""

    def spoil(case):
        data, voxel, rng, _ = case
        deep = np.argwhere(template(voxel).depth > max(6, 0.6 * radius))
        centre = deep[rng.integers(len(deep))]
        away = np.linalg.norm(
            (np.moveaxis(np.indices(data.shape), 0, -1) - centre) * voxel, axis=-1
        )
        ball = np.clip((radius - away) / voxel + 0.5, 0, 1)
        if blurred:
            ball = ndimage.gaussian_filter(ball, PSF_FWHM / PER_SIGMA / voxel)
        return data * (1 + change * ball)

    return spoil


def turned(degrees):
    """About a random axis, either way."""

    def spoil(case):
        axes = [(0, 1), (0, 2), (1, 2)][case.rng.integers(3)]
        angle = degrees * case.rng.choice([-1, 1])
        return ndimage.rotate(case.data, angle, axes=axes, reshape=False, order=1)

    return spoil


def scaled(factor):
    """The same scan in another unit."""
    return lambda case: factor * case.data


def swapped(other):
    """What another scanner made of the same person."""
    return lambda case: case.scans[other]


def noisy(modality):
    """Noise of √8 times the simulation's SD on top of its own: three times as much in all."""
    images = Parameters().images

    def spoil(case):
        data, voxel, rng, _ = case
        fields = [white_noise(rng, FINE) for _ in range(2)]
        if modality is Modality.MRI:
            real, other = (images.t1_noise * block_mean(f, voxel // FINE) for f in fields)
            return np.hypot(data + np.sqrt(8) * real, np.sqrt(8) * other) * (data > 0)
        field = smooth(fields[0], images.pet_noise_fwhm / FINE)
        field = block_mean(field / field.std(), voxel // FINE)
        which = int(modality is Modality.AV45)
        sd = images.pet_noise[which] * np.sqrt(images.pet_level[which] * np.maximum(data, 0))
        return np.maximum(data + np.sqrt(8) * sd * field, 0)

    return spoil


def faults(modality):
    """Name → what spoils a scan."""
    for radius, change in SPHERES:
        yield f"sphere of {radius} mm, {change:+.0%}", lesion(radius, change)
    for radius, change in BLURRED:
        yield f"blurred sphere of {radius} mm, {change:+.0%}", lesion(radius, change, blurred=True)
    for other in modality.others:
        yield f"{other.name} in its slot", swapped(other)
    yield "turned by 15°", turned(15)
    for factor in (2, 0.5, 1e4):
        yield f"unit × {factor:g}", scaled(factor)
    yield "noise × 3", noisy(modality)


def auroc(usual, odd):
    """Chance that an odd scan scores above a usual one."""
    usual = np.sort(usual)
    below = np.searchsorted(usual, odd, "left") + np.searchsorted(usual, odd, "right")
    return float(below.mean() / 2 / len(usual))


def verdict(found, data):
    """Of one scan, scaled as any scan would be."""
    volume = Volume(data[None].astype(np.float32), found.grid.affine, found.modality)
    mask = None if found.modality.is_pet else brain_mask(volume)
    scaling = scaling_of(volume, np.ones(found.grid.shape, bool) if mask is None else mask)
    image = torch.from_numpy(scaling.to_model(volume.data))
    return judge(found.typical, look(found.codec, image, found.grid.voxel), found.grid)


def measure(found, people):
    """One row a person and fault."""
    rows = []
    for number, subject in enumerate(people):
        scans = {m: place(read_scan(p, m), found.grid).data[0] for m, p in subject.scans.items()}
        data = scans[found.modality]
        for name, spoil in [("as it is", None), *faults(found.modality)]:
            rng = np.random.default_rng([number, len(name)])
            spoilt = data if spoil is None else spoil(Case(data, found.grid.voxel, rng, scans))
            told = verdict(found, spoilt)
            row = {"modality": found.modality.name, "subject": subject.id, "fault": name}
            rows.append(row | {"score": told.score, "p": told.p, "measure": told.measure})
    return rows


def print_table(table):
    """AUROC, how many are flagged, and which measure told it most often."""
    print(
        "| SIMULATED scan | fault | AUROC | unusual, p ≤ 5 % | do not trust, p ≤ 1 % | told by |"
    )
    print("|---|---|---|---|---|---|")
    for (modality, fault), rows in table.groupby(["modality", "fault"], sort=False):
        usual = table[(table.modality == modality) & (table.fault == "as it is")]
        area = "" if fault == "as it is" else f"{auroc(usual.score, rows.score):.3f}"
        flags = " | ".join(f"{(rows.p <= limit).mean():.0%}" for limit in (ALARM, REFUSAL))
        print(f"| {modality} | {fault} | {area} | {flags} | {rows.measure.mode()[0]} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cohort", type=Path)
    parser.add_argument("work", type=Path, help="work folder; its codecs were calibrated")
    parser.add_argument("--modality", action="append", choices=[m.name for m in Modality])
    parser.add_argument("--people", type=int, default=60)
    parser.add_argument("--out", type=Path, help="table of every verdict to write")
    wanted = parser.parse_args()
    people = read_cohort(wanted.cohort).named(read_split(wanted.work / "split.tsv")["test"])
    whole = [s for s in people.subjects if len(s.scans) == len(Modality)][: wanted.people]
    rows = []
    for modality in Modality:
        if modality.name in (wanted.modality or modality.name):
            rows += measure(load_codec(wanted.work / "codecs" / modality.name), whole)
    table = pd.DataFrame(rows)
    if wanted.out:
        table.to_csv(wanted.out, sep="\t", index=False, float_format="%.6g")
    print_table(table)


if __name__ == "__main__":
    main()
