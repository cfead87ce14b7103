"""Every number of the methods that ACADiff is compared with, each with its source."""

from typing import Annotated, Any

from pydantic import Field

from acadiff.recipe.parts import Diffusion, Optimisation, Part

_Size = Annotated[int, Field(ge=1)]


def _run(**changes: Any) -> Optimisation:
    """Training that ends where ACADiff's own does: as many people are seen."""
    usual = {"steps": 2900, "batch": 4, "rate": 1e-3, "weight_decay": 1e-2, "ema": 0.99}
    return Optimisation(**{**usual, "every": 50, **changes})


class DiffusionNetwork(Part):
    """MONAI's `DiffusionModelUNet`."""

    channels: tuple[_Size, ...] = Field((32, 64, 96), description="Per resolution [ours: size]")
    num_res_blocks: int = Field(1, ge=1, description="Residual blocks a resolution [ours: size]")
    attention_levels: tuple[bool, ...] = Field(
        (False, False, True), description="Which resolutions attend [ours: size]"
    )
    num_head_channels: int = Field(32, ge=1, description="Width of a head [ours: size]")
    norm_num_groups: int = Field(8, ge=1, description="Groups of GroupNorm [ours: fits widths]")


class LDM(Part):
    """Latent diffusion with concatenated sources."""

    network: DiffusionNetwork = Field(
        default_factory=DiffusionNetwork, description="The U-Net [Rombach et al. 2022; ours: size]"
    )
    diffusion: Diffusion = Field(
        default_factory=Diffusion, description="The process, as ACADiff's [paper §3: same]"
    )
    training: Optimisation = Field(default_factory=_run, description="As ACADiff [ours: equal]")


class Baselines(Part):
    """What is compared with."""

    ldm: LDM = Field(default_factory=LDM, description="LDM [paper §3; Rombach et al. 2022]")
