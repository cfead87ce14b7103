"""The yardstick: a plain 3D U-Net regressor, trained on the same people from the same sources.

It predicts how far the target lies from the training mean (L2, voxel space, no diffusion, no
prompt) and is scored as `acadiff score` scores. A generative model's mean should come near it.

    python benchmarks/regressor.py COHORT WORK OUT --target FDG --minutes 10
    python benchmarks/regressor.py COHORT WORK OUT --target FDG --steps 4800   # on a busy machine

Reads WORK/split.tsv, writes OUT/regressor-FDG.tsv.
"""

import argparse
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from monai.networks.nets import UNet

from acadiff.cohort.dataset import read_cohort
from acadiff.cohort.ledger import read_split
from acadiff.evaluation.metrics import judge
from acadiff.evaluation.tables import KEYS, write_table
from acadiff.latent.batch import drop_sources, source_patterns
from acadiff.latent.scan import read_model_scan
from acadiff.modality import Modality
from acadiff.volume.grid import grid_of, place
from acadiff.volume.image import read_scan
from acadiff.volume.mask import brain_mask

CHANNELS = (16, 32, 64, 128)
RATE, DECAY, WARM_UP, BATCH, AVERAGE = 1e-3, 1e-2, 50, 4, 0.99
BOTH = 0.5  # probability of both sources in training; each alone has half of the rest
FLOOR = -0.99  # at or below this a prediction is background, as in every imputed scan
METRICS = ("mae", "psnr", "ssim", "nmi")


@dataclass
class People:
    """Scans of some subjects, `(n m i j k)` in [-1, 1], and who has which, `(n m)`."""

    subjects: list
    images: torch.Tensor
    there: torch.Tensor


def read(subjects, grid):
    """Everybody's scans on the model's scale; an absent one is background."""
    images = torch.full((len(subjects), len(Modality), *grid.shape), -1.0)
    there = torch.zeros(len(subjects), len(Modality), dtype=torch.bool)
    for row, subject in enumerate(subjects):
        for modality, path in subject.scans.items():
            images[row, modality.index] = read_model_scan(path, modality, grid).image[0]
            there[row, modality.index] = True
    return People(subjects, images, there)


def training_means(people):
    """Voxelwise mean of each modality over who has it, `(m i j k)`."""
    there = people.there
    return torch.stack([people.images[there[:, i], i].mean(0) for i in range(len(Modality))])


class Regressor(torch.nn.Module):
    """Two sources and their availability → the target, all as deviations from training means."""

    def __init__(self, target, means, channels=CHANNELS, norm="INSTANCE"):
        super().__init__()
        self.target, self.slots = target.index, [m.index for m in target.others]
        self.means = means
        strides = (2,) * (len(channels) - 1)
        self.net = UNet(3, 4, 1, channels, strides, num_res_units=2, norm=norm)
        self.scale = torch.nn.Parameter(torch.full((), 0.02))  # begins as the training mean
        sides = means.shape[1:]
        self.pad = [p for n in sides[::-1] for p in (0, -n % 2 ** len(strides))]

    def forward(self, images, available):
        """Deviation of the target, `(b i j k)`; unavailable sources are not read."""
        shown = available[:, self.slots, None, None, None].float()
        sources = torch.where(shown > 0, images[:, self.slots] - self.means[self.slots], 0)
        channels = torch.cat([sources, shown.expand_as(sources)], 1)
        i, j, k = channels.shape[2:]
        with torch.autocast(channels.device.type, torch.bfloat16):
            out = self.net(torch.nn.functional.pad(channels, self.pad))
        return out.float()[:, 0, :i, :j, :k] * self.scale

    @torch.no_grad()
    def predict(self, images, available):
        """The target in [-1, 1], background exactly -1."""
        made = self.means[self.target] + self(images, available)
        return torch.where(made <= FLOOR, -1, made)


def train(model, people, minutes, steps, seed):
    """Fit for a time or a number of steps, leave the averaged weights; returns the steps."""
    rows = people.there[:, model.target].nonzero()[:, 0]
    target, device = list(Modality)[model.target], model.means.device
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
    average = [p.detach().clone() for p in model.parameters()]
    random, start, step = torch.Generator().manual_seed(seed), time.monotonic(), 0

    def spent():
        return step / steps if steps else (time.monotonic() - start) / 60 / minutes

    while spent() < 1:
        rate = RATE * min(1, (step + 1) / WARM_UP) * (1 + math.cos(math.pi * spent())) / 2
        optimiser.param_groups[0]["lr"] = rate
        batch = rows[torch.randint(len(rows), (BATCH,), generator=random)]
        shown = people.there[batch].index_fill(1, torch.tensor(model.target), False)
        hidden = drop_sources(target, BATCH, BOTH, random)
        shown &= ~(hidden & (shown & ~hidden).any(1, keepdim=True))  # a single source stays
        images = people.images[batch].to(device)
        deviation = images[:, model.target] - model.means[model.target]
        loss = (model(images, shown.to(device)) - deviation).square().mean() * 100
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        keep = min(AVERAGE, (1 + step) / (10 + step))
        for mean, now in zip(average, model.parameters(), strict=True):
            mean.lerp_(now.detach(), 1 - keep)
        step += 1
        if step % 100 == 0:
            seconds = time.monotonic() - start
            print(f"step {step}, {seconds:.0f} s, loss {loss.item():.3f}", flush=True)
    for mean, now in zip(average, model.parameters(), strict=True):
        now.data.copy_(mean)
    return step


def to_unit(image):
    """[-1, 1] → [0, 1], the scale on which scans are judged."""
    return np.clip((image.cpu().numpy() + 1) / 2, 0, 1).astype(np.float32)


def score(model, people, grid):
    """A row per test subject, sources and method (the regressor and the training mean)."""
    target, device = list(Modality)[model.target], model.means.device
    rows = []
    for row, subject in enumerate(people.subjects):
        if target not in subject.scans or Modality.MRI not in subject.scans:
            continue
        mask = brain_mask(place(read_scan(subject.scans[Modality.MRI], Modality.MRI), grid))
        judged = judge(to_unit(people.images[row, target.index]), mask)
        image = people.images[row][None].to(device)
        for sources in source_patterns(target):
            if any(m not in subject.scans for m in sources):
                continue
            available = torch.tensor([[m in sources for m in Modality]], device=device)
            answers = {
                "mean": model.means[model.target],
                "regressor": model.predict(image, available)[0],
            }
            for method, answer in answers.items():
                key = (subject, target, sources, method)
                rows.append(key_row(*key) | judged(to_unit(answer)))
    return rows


def key_row(subject, target, sources, method):
    """The columns that say what was observed, as in generation.tsv."""
    diagnosis = subject.diagnosis.value if subject.diagnosis else None
    names = "+".join(m.name for m in Modality if m in sources)
    return dict(
        zip(
            KEYS,
            (subject.id, subject.session, diagnosis, target.name, names, "mean", None, method),
            strict=True,
        )
    )


def print_gains(rows, columns=METRICS):
    """Means over subjects, and the gain in PSNR over the training mean with its SD."""
    print("| target | sources | n | gain dB ± SD | " + " | ".join(columns) + " |")
    print("|" + "---|" * (4 + len(columns)))
    tasks = dict.fromkeys((row["target"], row["sources"]) for row in rows)
    for task in tasks:
        here = [row for row in rows if (row["target"], row["sources"]) == task]
        ours, mean = ([r for r in here if r["method"] == m] for m in ("regressor", "mean"))
        gain = np.array([a["psnr"] - b["psnr"] for a, b in zip(ours, mean, strict=True)])
        spread = gain.std(ddof=1) if len(gain) > 1 else 0
        values = " | ".join(f"{np.mean([r[c] for r in ours]):.3f}" for c in columns)
        print(
            f"| {' | '.join(task)} | {len(gain)} | {gain.mean():+.2f} ± {spread:.2f} | {values} |"
        )


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cohort", type=Path)
    parser.add_argument("work", type=Path, help="work folder of the training that it measures")
    parser.add_argument("out", type=Path, help="folder for regressor-TARGET.tsv")
    parser.add_argument("--target", required=True, choices=[m.name for m in Modality])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--steps", type=int, help="train so many steps, however long they take")
    parser.add_argument("--channels", type=int, nargs="+", default=CHANNELS)
    parser.add_argument("--norm", default="INSTANCE", help="of MONAI's UNet")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def main():
    wanted = options()
    torch.set_num_threads(2)
    torch.manual_seed(wanted.seed)
    target, cohort = Modality[wanted.target], read_cohort(wanted.cohort)
    parts = read_split(wanted.work / "split.tsv")
    training, test = (cohort.named(parts[part]).subjects for part in ("train", "test"))
    modality, path = next(iter(training[0].scans.items()))
    grid = grid_of(read_scan(path, modality))
    people = read(training, grid)
    means = training_means(people)
    model = Regressor(target, means, tuple(wanted.channels), wanted.norm)
    model.means = means.to(wanted.device)
    model.to(wanted.device)
    size = sum(p.numel() for p in model.parameters()) / 1e6
    steps = train(model, people, wanted.minutes, wanted.steps, wanted.seed)
    print(f"{target.title}: {size:.2f} million parameters, {steps} steps")
    rows = score(model.eval(), read(test, grid), grid)
    columns = list(rows[0])
    write_table(wanted.out / f"regressor-{target.name}.tsv", pd.DataFrame(rows, columns=columns))
    print_gains(rows)


if __name__ == "__main__":
    main()
