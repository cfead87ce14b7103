"""A recipe: all numbers of one experiment."""

from typing import Any

from pydantic import Field

from acadiff.recipe.baselines import Baselines
from acadiff.recipe.diagnosis import Diagnosis
from acadiff.recipe.parts import (
    Codec,
    Conditioning,
    Denoiser,
    Diffusion,
    Fusion,
    Optimisation,
    Part,
    Split,
    Start,
)


class Recipe(Part):
    """All numbers of one experiment."""

    name: str = Field(description="How tables call it [ours]")
    voxel: int = Field(ge=1, description="Voxel size in mm [paper §3: 1 mm]")
    split: Split = Field(default_factory=Split, description="Who is trained on [paper §3]")
    codec: Codec = Field(description="Latent space [paper §2]")
    fusion: Fusion = Field(description="Image conditioning [paper §2 (1)]")
    start: Start = Field(
        default_factory=Start, description="Where the posterior mean starts from [ours: measured]"
    )
    anchor: Denoiser = Field(description="The U-Net of the posterior mean [ours: measured]")
    denoiser: Denoiser = Field(description="The U-Net [paper §3]")
    diffusion: Diffusion = Field(default_factory=Diffusion, description="The process [paper §2]")
    conditioning: Conditioning = Field(
        default_factory=Conditioning, description="Dropout of inputs [paper §2]"
    )
    anchoring: Optimisation = Field(description="How the anchor is trained [ours: measured]")
    training: Optimisation = Field(description="How the denoiser is trained [paper §3]")
    baselines: Baselines = Field(
        default_factory=Baselines, description="The methods compared with [paper §3]"
    )
    diagnosis: Diagnosis = Field(
        default_factory=Diagnosis, description="What completed scans are asked for [paper §3]"
    )
    precision: str = Field(
        "bf16-mixed",
        pattern="^(32-true|bf16-mixed)$",
        description="Lightning Fabric's precision [ours: fast, no loss measured]",
    )

    def record(self) -> dict[str, Any]:
        """All of it as plain data but the leave to share prompts, which is given for one run."""
        return self.model_dump(mode="json", exclude={"conditioning": {"share"}})
