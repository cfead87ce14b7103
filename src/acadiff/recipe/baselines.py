"""Every number of the methods that ACADiff is compared with, each with its source."""

from typing import Annotated, Any

from pydantic import Field

from acadiff.recipe.gans import DSGAN, DSGANPan2019, Pix2Pix
from acadiff.recipe.parts import Diffusion, Optimisation, Part

_Size = Annotated[int, Field(ge=1)]
_Widths = Annotated[tuple[_Size, ...], Field(min_length=2)]


def _run(**changes: Any) -> Optimisation:
    """Training that ends where ACADiff's own does: as many people are seen."""
    usual = {"steps": 2900, "batch": 4, "rate": 1e-3, "weight_decay": 1e-2, "ema": 0.99}
    return Optimisation(**{**usual, "every": 50, **changes})


class DiffusionNetwork(Part):
    """MONAI's `DiffusionModelUNet`."""

    channels: tuple[_Size, ...] = Field(
        (16, 32, 64), description="Per resolution [ours: as ACADiff's denoiser]"
    )
    num_res_blocks: int = Field(1, ge=1, description="Residual blocks a resolution [ours: size]")
    attention_levels: tuple[bool, ...] = Field(
        (False, False, True), description="Which resolutions attend [ours: size]"
    )
    num_head_channels: int = Field(32, ge=1, description="Width of a head [ours: size]")
    norm_num_groups: int = Field(8, ge=1, description="Groups of GroupNorm [ours: fits widths]")


class LDM(Part):
    """Latent diffusion with concatenated sources."""

    network: DiffusionNetwork = Field(
        default_factory=DiffusionNetwork,
        description="The U-Net [Rombach et al. 2022; ours: widths]",
    )
    diffusion: Diffusion = Field(
        default_factory=Diffusion, description="The process, as ACADiff's [paper §3: same]"
    )
    training: Optimisation = Field(default_factory=_run, description="As ACADiff [ours: equal]")


class Regressor(Part):
    """A plain U-Net with squared error."""

    channels: _Widths = Field((16, 32, 64, 128), description="Per resolution [ours: size]")
    blocks: int = Field(2, ge=1, description="Convolutions in a residual unit [ours: usual]")
    weight: float = Field(
        100.0, gt=0, description="Of the squared error [ours: gradients are clipped at one]"
    )
    training: Optimisation = Field(
        default_factory=lambda: _run(steps=4800, warmup=50),
        description="How it is trained [ours: ten minutes, as long as ACADiff]",
    )


class Arms(Part):
    """MONAI's `DiffusionModelUNet` in two dimensions, twice."""

    channels: tuple[_Size, ...] = Field(
        (16, 32, 48),
        description="Per resolution [ours: size; 64, 128, 192, 256 in Li et al. 2024]",
    )
    num_res_blocks: int = Field(
        1, ge=1, description="Residual blocks a resolution [ours: size; 4 in Li et al. 2024]"
    )
    attention_levels: tuple[bool, ...] = Field(
        (False, False, True), description="Which resolutions attend [ours: the coarsest]"
    )
    num_head_channels: int = Field(16, ge=1, description="Width of a head [ours: size]")
    norm_num_groups: int = Field(8, ge=1, description="Groups of GroupNorm [ours: fits widths]")


class SliceDiffusion(Part):
    """Diffusion of stacks of slices, by the cosine schedule."""

    timesteps: int = Field(
        100, ge=2, description="Training times T [ours: as Li et al. 2024, re-spaced]"
    )
    sampler: str = Field("ddim", pattern="^ddim$", description="Sampler [ours: as Li et al. 2024]")
    steps: int = Field(10, ge=1, description="Sampling steps [ours: 100 in Li et al. 2024]")


class Exchange(Part):
    """Weights of the losses of one direction."""

    clean: float = Field(1.0, ge=0, description="L1 of the clean stack [ours: as Li et al. 2024]")
    guess: float = Field(0.1, ge=0, description="L1 of the reader's [ours: as Li et al. 2024]")
    ssim: float = Field(1.0, ge=0, description="Of 1 - SSIM [ours: as Li et al. 2024]")


class PASTA(Part):
    """Two arms that exchange parts; the reduced setting is for the CPU."""

    slices: int = Field(8, ge=1, description="Of a stack [ours: 15 of 1.5 mm in Li et al. 2024]")
    stride: int = Field(
        4, ge=1, description="Slices between stacks [ours: size; 1 in the original]"
    )
    network: Arms = Field(default_factory=Arms, description="Of each arm [ours: size]")
    diffusion: SliceDiffusion = Field(
        default_factory=SliceDiffusion, description="The process [ours: as Li et al. 2024]"
    )
    weights: Exchange = Field(
        default_factory=Exchange, description="Of the losses [ours: as Li et al. 2024]"
    )
    cycle: float = Field(
        1.0, ge=0, description="Weight of what is exchanged; 0 is none [ours: as Li et al. 2024]"
    )
    window: int = Field(5, ge=3, description="Of SSIM [ours: 20 mm; 11 of 1.5 mm in the original]")
    training: Optimisation = Field(
        default_factory=lambda: _run(steps=1600), description="How it is trained [ours: an hour]"
    )


class LinearDiffusion(Part):
    """Diffusion of scans, by the linear schedule."""

    timesteps: int = Field(1000, ge=2, description="Training times T [ours: as Ho et al. 2020]")
    first: float = Field(1e-4, gt=0, lt=1, description="First beta [ours: as Ho et al. 2020]")
    last: float = Field(0.02, gt=0, lt=1, description="Last beta [ours: as Ho et al. 2020]")
    prediction: str = Field(
        "clean",
        pattern="^(clean|velocity|epsilon)$",
        description="What the network says [ours: the denoised scan, as Yu et al. 2024]",
    )
    sampler: str = Field("ddim", pattern="^ddim$", description="Sampler [ours: few steps]")
    steps: int = Field(10, ge=1, description="Sampling steps [ours: as ACADiff; 50 at 1 mm]")


class FICD(Part):
    """Diffusion in voxel space with the functional imaging constraint."""

    fold: int = Field(
        1, ge=0, description="Haar levels at the network's door [ours: 8 times cheaper; 0 at 1 mm]"
    )
    network: DiffusionNetwork = Field(
        default_factory=DiffusionNetwork, description="The U-Net [ours: size, an hour for all]"
    )
    diffusion: LinearDiffusion = Field(
        default_factory=LinearDiffusion, description="The process [ours: not in the abstract]"
    )
    constraint: float = Field(1.0, ge=0, description="Weight of the constraint [ours: not there]")
    training: Optimisation = Field(default_factory=_run, description="As ACADiff [ours: equal]")


class BrownianBridge(Part):
    """The bridge and how it is sampled."""

    noise: float = Field(
        1.0, gt=0, description="Its scale, in units of the estimate's error [ours: as uncertain]"
    )
    sampler: str = Field("bridge", pattern="^bridge$", description="Stochastic sampler [ours]")
    steps: int = Field(10, ge=1, description="Sampling steps [ours: as ACADiff]")


class Bridge(Part):
    """A diffusion bridge from source latents to target latents."""

    network: DiffusionNetwork = Field(
        default_factory=DiffusionNetwork, description="The U-Net [ours: size, an hour for all]"
    )
    diffusion: BrownianBridge = Field(
        default_factory=BrownianBridge, description="The process [ours: after Liu et al. 2023]"
    )
    training: Optimisation = Field(default_factory=_run, description="As ACADiff [ours: equal]")


class Baselines(Part):
    """What is compared with."""

    pix2pix: Pix2Pix = Field(
        default_factory=Pix2Pix, description="Pix2Pix [paper §3; Isola et al. 2017]"
    )
    dsgan: DSGAN = Field(default_factory=DSGAN, description="DS-GAN [paper §3]")
    dsgan_pan2019: DSGANPan2019 = Field(
        default_factory=DSGANPan2019, description="DS-GAN of its authors [Pan et al. 2019]"
    )
    ldm: LDM = Field(default_factory=LDM, description="LDM [paper §3; Rombach et al. 2022]")
    pasta: PASTA = Field(default_factory=PASTA, description="PASTA [paper §3; Li et al. 2024]")
    ficd: FICD = Field(default_factory=FICD, description="FICD [paper §3; Yu et al. 2024]")
    regressor: Regressor = Field(
        default_factory=Regressor, description="A U-Net without draws [ours: yardstick]"
    )
    bridge: Bridge = Field(
        default_factory=Bridge, description="A diffusion bridge [ours: yardstick]"
    )
