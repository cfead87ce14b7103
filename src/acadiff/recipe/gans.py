"""Every number of the adversarial methods that ACADiff is compared with, each with its source."""

from typing import Annotated

from pydantic import Field

from acadiff.recipe.parts import Optimisation, Part

_Size = Annotated[int, Field(ge=1)]
_Widths = Annotated[tuple[_Size, ...], Field(min_length=2)]
_Share = Annotated[float, Field(ge=0, lt=1)]


class Adversarial(Optimisation):
    """Training of a GAN: no warm-up, no averaged weights, no decay, no clipping to speak of."""

    batch: int = Field(1, ge=1, description="Subjects a step [ours: as Isola et al. 2017]")
    rate: float = Field(2e-4, gt=0, description="Learning rate [ours: as Isola et al. 2017]")
    warmup: int = Field(0, ge=0, description="Steps of linear warm-up [ours: none in either]")
    weight_decay: float = Field(0.0, ge=0, description="Decay [ours: none in either]")
    clip: float = Field(1e4, gt=0, description="Largest gradient norm [ours: never reached]")
    ema: float = Field(0.0, ge=0, lt=1, description="Averaged weights [ours: none in either]")
    every: int = Field(400, ge=1, description="Steps between checkpoints [ours: a minute of work]")


def _classifying() -> Optimisation:
    """Training of the classifier inside DS-GAN."""
    return Optimisation(steps=600, batch=4, rate=1e-3, weight_decay=1e-2, ema=0.0, every=50)


class Adam(Part):
    """How critic and translator of a GAN are optimised, besides its rate."""

    betas: tuple[_Share, _Share] = Field(
        (0.5, 0.999), description="Decay of the averages [ours: as Isola et al. 2017]"
    )
    constant: _Share = Field(
        0.5, description="Share of steps before the rate falls [ours: as Isola et al. 2017]"
    )


class Critic(Part):
    """MONAI's `PatchDiscriminator`."""

    channels: int = Field(
        16, ge=1, description="Of the first convolution [ours: size, 64 at 1 mm]"
    )
    layers: int = Field(
        1, ge=1, description="Inner convolutions [ours: 64 mm a patch; 3 at 1 mm give 70]"
    )
    kernel: int = Field(4, ge=2, description="Side of a convolution [ours: as Isola et al. 2017]")


class UNetTranslator(Part):
    """The generator proper of Pix2Pix."""

    widths: _Widths = Field(
        (32, 64, 128, 128),
        description="Per resolution [ours: size; 64, 128, 256, 512, 512 at 1 mm]",
    )
    dropout: _Share = Field(0.5, description="In the inner decoder [ours: as Isola et al. 2017]")


class Pix2Pix(Part):
    """The conditional GAN."""

    translator: UNetTranslator = Field(
        default_factory=UNetTranslator, description="The U-Net [ours: as Isola et al. 2017]"
    )
    critic: Critic = Field(
        default_factory=Critic, description="PatchGAN [ours: as Isola et al. 2017]"
    )
    adam: Adam = Field(default_factory=Adam, description="Of both [ours: as Isola et al. 2017]")
    l1: float = Field(100.0, ge=0, description="Weight of L1 [ours: as Isola et al. 2017]")
    shift: int = Field(
        1, ge=0, description="Voxels an example is moved by [ours: 3 mm round up to 1]"
    )
    training: Adversarial = Field(
        default_factory=lambda: Adversarial(steps=11600), description="[ours: as many people]"
    )


class ResidualTranslator(Part):
    """The generator proper of DS-GAN."""

    width: int = Field(16, ge=1, description="At full resolution [ours: as Pan et al. 2019]")
    blocks: int = Field(3, ge=0, description="Residual blocks [ours: as Pan et al. 2019]")
    kernel: int = Field(
        3, ge=1, description="Side of the outer convolutions [ours: 12 mm; 7 at 1 mm]"
    )


class Classifier(Part):
    """The disease-specific network."""

    widths: _Widths = Field(
        (16, 32, 64, 64, 64), description="Five levels [ours: as Pan et al. 2019]"
    )
    pools: int = Field(
        2, ge=0, description="Halvings [ours: 4 x 5 x 4 cells, as four at 1 mm give them]"
    )


class DSGAN(Part):
    """The GAN whose scans must look alike to a classifier."""

    translator: ResidualTranslator = Field(
        default_factory=ResidualTranslator, description="[ours: as Pan et al. 2019]"
    )
    critic: Critic = Field(default_factory=Critic, description="[ours: size]")
    classifier: Classifier = Field(
        default_factory=Classifier, description="DSNN [ours: as Pan et al. 2019]"
    )
    adam: Adam = Field(
        default=Adam(constant=2 / 3), description="100 of 150 epochs [ours: as Pan et al. 2019]"
    )
    l1: float = Field(100.0, ge=0, description="Weight of L1 [ours: as Pix2Pix; 0 in Pan 2019]")
    features: float = Field(
        1.0, ge=0, description="Weight of the maps' distance [ours: as Pan et al. 2019]"
    )
    shift: int = Field(
        1, ge=0, description="Voxels an example is moved by [ours: 3 mm round up to 1]"
    )
    classifying: Optimisation = Field(default_factory=_classifying, description="[ours: size]")
    training: Adversarial = Field(
        default_factory=lambda: Adversarial(steps=6000), description="[ours: an hour for all]"
    )


class DSGANPan2019(DSGAN):
    """The same as its authors made it."""

    l1: float = Field(0.0, ge=0, description="Weight of L1 [ours: as Pan et al. 2019]")
