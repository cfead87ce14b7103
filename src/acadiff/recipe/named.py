"""The recipes that have a name. `PHANTOM_4MM` trains on a laptop CPU; the others are for a GPU."""

from typing import Any

from acadiff.recipe.baselines import (
    FICD,
    LDM,
    PASTA,
    Arms,
    Baselines,
    Bridge,
    DiffusionNetwork,
    LinearDiffusion,
    SliceDiffusion,
)
from acadiff.recipe.diagnosis import DenseNet, Diagnosis
from acadiff.recipe.gans import (
    DSGAN,
    Adversarial,
    Classifier,
    Critic,
    DSGANPan2019,
    Pix2Pix,
    ResidualTranslator,
    UNetTranslator,
)
from acadiff.recipe.parts import (
    Codec,
    Denoiser,
    Diffusion,
    Fusion,
    Optimisation,
    Split,
)
from acadiff.recipe.whole import Recipe

PHANTOM_4MM = Recipe(
    name="phantom-4mm",
    voxel=4,
    codec=Codec(
        levels=1,
        channels=8,
        widths=(16,),
        training=Optimisation(
            steps=200, batch=4, rate=2e-3, weight_decay=1e-4, ema=0.98, every=100
        ),
    ),
    fusion=Fusion(width=16),
    anchor=Denoiser(widths=(16, 48, 96), blocks=(0, 1, 1)),
    denoiser=Denoiser(widths=(16, 32, 64), blocks=(0, 1, 1)),
    anchoring=Optimisation(steps=2200, batch=4, rate=2e-3, weight_decay=1e-2, ema=0.99, every=50),
    training=Optimisation(steps=700, batch=4, rate=2e-3, weight_decay=1e-2, ema=0.99, every=50),
)

PHANTOM_2MM = PHANTOM_4MM.model_copy(
    update={
        "name": "phantom-2mm",
        "voxel": 2,
        "codec": Codec(
            channels=32,
            widths=(64,),
            training=Optimisation(steps=4000, batch=8, rate=1e-3, weight_decay=1e-4, ema=0.999),
        ),
        "fusion": Fusion(width=32),
        "anchor": Denoiser(widths=(48, 96, 192), blocks=(1, 2, 2)),
        "denoiser": Denoiser(widths=(48, 96, 192), blocks=(1, 2, 2)),
        "anchoring": Optimisation(steps=20000, batch=16, rate=1e-3, weight_decay=1e-2, ema=0.999),
        "training": Optimisation(steps=20000, batch=16, rate=1e-3, weight_decay=1e-2, ema=0.999),
    }
)

_AT_1_MM: dict[str, Any] = {
    "critic": Critic(channels=64, layers=3),
    "translator": ResidualTranslator(kernel=7),
    "classifier": Classifier(pools=4),
    "shift": 3,
    "training": Adversarial(steps=72000),
}
_AS_ACADIFF: dict[str, Any] = {
    "network": DiffusionNetwork(
        channels=(128, 256, 512), num_res_blocks=2, num_head_channels=64, norm_num_groups=32
    ),
    "training": Optimisation(steps=48000, batch=2, rate=1e-4, weight_decay=1e-2, ema=0.999),
}
_ORIGINALS = Baselines(
    ldm=LDM(diffusion=Diffusion(prediction="epsilon", sampler="ddim", steps=50), **_AS_ACADIFF),
    bridge=Bridge(**_AS_ACADIFF),
    pix2pix=Pix2Pix(
        translator=UNetTranslator(widths=(64, 128, 256, 512, 512)),
        critic=Critic(channels=64, layers=3),
        shift=3,
        training=Adversarial(steps=96000),
    ),
    dsgan=DSGAN(**_AT_1_MM),
    dsgan_pan2019=DSGANPan2019(**{**_AT_1_MM, "critic": Critic(channels=32, layers=3)}),
    pasta=PASTA(
        slices=15,
        stride=1,
        network=Arms(
            channels=(64, 128, 192, 256),
            num_res_blocks=4,
            attention_levels=(False, False, True, True),
            num_head_channels=64,
        ),
        diffusion=SliceDiffusion(steps=100),
        window=11,
        training=Optimisation(steps=80000, batch=1, rate=5e-4, weight_decay=1e-5, ema=0.999),
    ),
    ficd=FICD(
        fold=0,
        network=DiffusionNetwork(channels=(32, 64, 64, 128), attention_levels=(False,) * 4),
        diffusion=LinearDiffusion(steps=50),
        training=Optimisation(steps=96000, batch=1, rate=1e-4, weight_decay=0.0, ema=0.999),
    ),
)
"""Sizes and epochs of the originals: 200 for Pix2Pix and FICD, 150 for DS-GAN, of 480 people.

What is compared with ACADiff part by part is as wide as its denoiser, and trained as long.
"""

PAPER = Recipe(
    name="paper-1mm",
    voxel=1,
    split=Split(classifier=428),
    codec=Codec(
        channels=8,
        widths=(64, 128),
        blocks=2,
        training=Optimisation(steps=48000, batch=1, rate=1e-4, weight_decay=1e-4, ema=0.999),
    ),
    fusion=Fusion(width=64, tokens=(5, 6, 5), heads=4),
    anchor=Denoiser(widths=(64, 128, 256), blocks=(2, 2, 2), heads=4, width_text=128),
    denoiser=Denoiser(widths=(128, 256, 512), blocks=(2, 2, 2), heads=8, width_text=256),
    diffusion=Diffusion(prediction="epsilon", sampler="ddim", steps=50),
    baselines=_ORIGINALS,
    diagnosis=Diagnosis(densenet=DenseNet(shift=3)),
    anchoring=Optimisation(steps=24000, batch=2, rate=1e-4, weight_decay=1e-2, ema=0.999),
    training=_AS_ACADIFF["training"],
)

RECIPES: dict[str, Recipe] = {r.name: r for r in (PHANTOM_4MM, PHANTOM_2MM, PAPER)}
