"""The smallest generators of every kind, and something to feed them."""

import torch
from torch import nn

from acadiff.clinical import ENCODERS, Text
from acadiff.generators import GENERATORS, Example
from acadiff.generators.base import Training
from acadiff.latent.batch import Batch
from acadiff.modality import Modality

LATENT, VOXEL = (3, 4, 4, 4), (1, 8, 12, 8)
WORDS = ENCODERS["scores"]().width
"""So that what reads scores finds them where they would be."""
NET = {"widths": (8, 16), "blocks": (1, 1), "width_text": 8, "groups": 4, "heads": 2}
ARGUMENTS = {
    "acadiff": {
        "latent_shape": LATENT,
        "width_text_in": WORDS,
        "start": {"components": 4, "pool": 2},
        "anchor": NET | {"dropout": 0.0},
        "denoiser": NET | {"dropout": 0.0},
        "fusion": {"width": 8, "tokens": (2, 2, 2), "heads": 2},
        "diffusion": {
            "timesteps": 100,
            "prediction": "velocity",
            "consistency": 0.1,
            "early": 1.0,
            "sampler": "dpm-solver",
            "steps": 3,
        },
    },
    "mean": {"shape": VOXEL},
}
ARGUMENTS["ldm"] = {
    "latent_shape": LATENT,
    "network": {
        "channels": (8, 16),
        "num_res_blocks": 1,
        "attention_levels": (False, True),
        "num_head_channels": 8,
        "norm_num_groups": 4,
    },
    "diffusion": ARGUMENTS["acadiff"]["diffusion"],
}
GAN = {
    "shape": VOXEL,
    "critic": {"channels": 4, "layers": 1, "kernel": 3},
    "adam": {"betas": (0.5, 0.999), "constant": 0.5},
    "l1": 100.0,
    "shift": 1,
}
ARGUMENTS["pix2pix"] = GAN | {"translator": {"widths": (4, 8, 8), "dropout": 0.5}}
ARGUMENTS["dsgan"] = ARGUMENTS["dsgan_pan2019"] = GAN | {
    "width_text_in": WORDS,
    "translator": {"width": 4, "blocks": 1, "kernel": 3},
    "classifier": {"widths": (4, 4, 4, 4, 4), "pools": 0},
    "features": 1.0,
}
ARGUMENTS["regressor"] = {"shape": VOXEL, "channels": (4, 8), "blocks": 2, "weight": 100.0}
ARGUMENTS["ficd"] = {
    "shape": VOXEL,
    "fold": 1,
    "network": ARGUMENTS["ldm"]["network"],
    "diffusion": {
        "prediction": "clean",
        "timesteps": 100,
        "first": 1e-4,
        "last": 0.05,
        "sampler": "ddim",
        "steps": 3,
    },
    "constraint": 1.0,
}
ARGUMENTS["bridge"] = {
    "latent_shape": LATENT,
    "network": ARGUMENTS["ldm"]["network"],
    "diffusion": {"noise": 1.0, "sampler": "bridge", "steps": 3},
}
ARGUMENTS["pasta"] = {
    "shape": VOXEL,
    "width_text_in": WORDS,
    "slices": 4,
    "stride": 3,
    "network": ARGUMENTS["ldm"]["network"],
    "diffusion": {"timesteps": 100, "sampler": "ddim", "steps": 3},
    "weights": {"clean": 1.0, "guess": 0.1, "ssim": 1.0},
    "cycle": 1.0,
    "window": 3,
}
ARGUMENTS["acadiff_emb"] = ARGUMENTS["acadiff"] | {"embed": 12}


def make(name, target=Modality.FDG, awake=True, **changes):
    """A generator as training leaves it: nothing in it is zero (`awake`), or fresh."""
    torch.manual_seed(0)
    made = GENERATORS[name](target, **ARGUMENTS[name] | changes)
    with torch.no_grad():
        for values in (*made.parameters(), *made.buffers()) if awake else ():
            if not values.any():
                nn.init.normal_(values, std=0.1)
    return made.eval()


def shape_of(generator):
    """Shape of one of its samples."""
    return LATENT if generator.space == "latent" else VOXEL


def sources(target=Modality.FDG, seed=0, shape=LATENT):
    """Three people: one with both sources, one with each alone."""
    images = torch.randn(3, 3, *shape, generator=torch.Generator().manual_seed(seed))
    available = torch.zeros(3, 3, dtype=torch.bool)
    for row, used in enumerate((target.others, target.others[:1], target.others[1:])):
        for modality in used:
            available[row, modality.index] = True
    return Batch(("A", "B", "C"), images, available, target)


def text(lengths=(5, 3, 0), seed=0):
    """Prompts of several lengths; one of none."""
    random = torch.Generator().manual_seed(seed)
    return Text.stack([torch.randn(n, WORDS, generator=random) for n in lengths], WORDS)


def noise(generator, draws=2, rows=3, seed=0):
    """Starting noise for some people and draws."""
    random = torch.Generator().manual_seed(seed)
    return torch.randn(rows, draws, *shape_of(generator), generator=random)


def example(generator, seed=0):
    """A training batch for the three."""
    random = torch.Generator().manual_seed(seed)
    truth = torch.randn(3, *shape_of(generator), generator=random)
    batch = sources(generator.target, shape=shape_of(generator))
    return Example(batch, truth, text(), random)


def training(generator, truths=(), words=None, told=(), untold=()):
    """What a generator sees before its first step."""
    words = text() if words is None else words
    return Training(iter(truths), words, lambda: iter(told), lambda: iter(untold))
