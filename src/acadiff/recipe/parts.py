"""Every number of the method, each with its source: `[paper §…]`, `[prototype]` or `[ours: why]`.

A recipe is data: frozen, no unknown keys, written to and read from TOML. What the data can say
(the latent's shape, the width of the text encoder) no recipe says.
"""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

_Size = Annotated[int, Field(ge=1)]
_Widths = Annotated[tuple[_Size, ...], Field(min_length=1)]


def _whole(size: int | float) -> int | float:
    if size >= 1 and size != int(size):
        raise ValueError(f"{size:g} people: give a whole number, or a share below 1")
    return int(size) if size >= 1 else size


_People = Annotated[int | float, AfterValidator(_whole)]
"""A number of people, or below 1 a share of all."""


class Part(BaseModel):
    """Some numbers that belong together: frozen, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _refuse_uneven(widths: tuple[int, ...], parts: int, what: str) -> None:
    """Refuse channels that cannot be shared out evenly."""
    uneven = [width for width in widths if width % parts]
    if uneven:
        raise ValueError(f"{uneven[0]} channels cannot be cut into {parts} {what}; change one")


class Split(Part):
    """Who is trained on: numbers of people, or shares below 1 of all there are."""

    train: _People = Field(480, gt=0, description="Subjects to train on [paper §3]")
    validation: _People = Field(60, ge=0, description="Subjects to choose by [paper §3]")
    test: _People = Field(60, ge=0, description="Subjects never looked at in tuning [paper §3]")
    classifier: _People = Field(
        0, ge=0, description="Subjects kept from every generator, for diagnosis [paper §3: 428]"
    )
    seed: int = Field(0, ge=0, description="Seed of the stratified split [ours: reproducible]")


class Optimisation(Part):
    """One training run."""

    steps: int = Field(ge=1, description="Optimiser steps [ours: measured, docs/results.md]")
    batch: int = Field(ge=1, description="Subjects a step [ours: measured, docs/results.md]")
    rate: float = Field(gt=0, description="Peak learning rate [ours: measured]")
    warmup: int = Field(100, ge=0, description="Steps of linear warm-up [ours: usual]")
    weight_decay: float = Field(ge=0, description="AdamW's weight decay on matrices [ours: usual]")
    clip: float = Field(1.0, gt=0, description="Largest gradient norm [prototype]")
    ema: float = Field(ge=0, lt=1, description="Decay of the averaged weights [ours: short run]")
    every: int = Field(100, ge=1, description="Steps between checkpoints [ours: a minute of work]")
    seed: int = Field(0, ge=0, description="Seed of everything random [ours: reproducible]")


class Codec(Part):
    """The autoencoder of each modality."""

    levels: int = Field(2, ge=1, description="Levels of the Haar stem [ours: 64 times cheaper]")
    channels: int = Field(ge=1, description="Latent channels [paper §3: 8 at 1 mm]")
    widths: _Widths = Field(description="Channels of AutoencoderKL [ours: measured]")
    blocks: int = Field(1, ge=1, description="Residual blocks per width [ours: measured]")
    groups: int = Field(8, ge=1, description="Groups of every GroupNorm [ours: fits the widths]")
    kl: float = Field(1e-6, ge=0, description="Weight of the KL term [prototype]")
    training: Optimisation = Field(description="How it is trained [ours: measured]")

    @model_validator(mode="after")
    def _divides(self) -> "Codec":
        _refuse_uneven(self.widths, self.groups, "groups")
        return self


class Fusion(Part):
    """Adaptive image conditioning."""

    width: int = Field(32, ge=1, description="Channels of the fused sources [ours: measured]")
    tokens: tuple[_Size, _Size, _Size] = Field(
        (5, 6, 5), description="Token grid a source is pooled to [ours: many tokens, paper §2 (1)]"
    )
    heads: int = Field(2, ge=1, description="Attention heads [ours: head width 16]")
    kind: str = Field(
        "adaptive",
        pattern="^(adaptive|concat)$",
        description="The paper's, or sources as channels, for ablation [paper §2 (1)]",
    )

    @model_validator(mode="after")
    def _divides(self) -> "Fusion":
        _refuse_uneven((self.width,), self.heads, "heads")
        return self


class Start(Part):
    """The ridge regression that the posterior mean starts from."""

    components: int = Field(
        48, ge=0, description="Of the target and of each source; 0 is no start [ours: measured]"
    )
    pool: int = Field(2, ge=1, description="Latent voxels a side averaged before [ours: smooth]")


class Denoiser(Part):
    """The U-Net."""

    widths: _Widths = Field(description="Channels per resolution [ours: measured]")
    blocks: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        description="Residual blocks per resolution in the encoder [ours: measured]"
    )
    width_text: int = Field(64, ge=1, description="Width of projected prompt tokens [ours]")
    groups: int = Field(8, ge=1, description="Groups of every GroupNorm [ours: fits the widths]")
    heads: int = Field(2, ge=1, description="Attention heads [ours: few wide heads are faster]")
    dropout: float = Field(0.0, ge=0, lt=1, description="Dropout in blocks [ours: measured]")
    modulation: str = Field(
        "film",
        pattern="^(film|shift)$",
        description="Time scales and shifts, or shifts alone, for ablation [paper §2 (3)]",
    )

    @model_validator(mode="after")
    def _divides(self) -> "Denoiser":
        _refuse_uneven(self.widths, self.groups, "groups")
        attending = (*self.widths[1:], self.widths[-1])
        _refuse_uneven(attending, self.heads, "heads")
        return self


class Diffusion(Part):
    """The process and how it is sampled."""

    timesteps: int = Field(1000, ge=2, description="Training times T [prototype]")
    prediction: str = Field(
        "velocity",
        pattern="^(epsilon|velocity)$",
        description="What the network says: the paper's ε, or v [ours: measured, better]",
    )
    consistency: float = Field(0.1, ge=0, description="λ of L_cons [prototype]")
    early: float = Field(1.0, gt=0, description="Times are 1 - u^early [ours: measured]")
    sampler: str = Field(
        "dpm-solver", pattern="^(ddim|dpm-solver)$", description="Sampler [ours: fewest steps]"
    )
    steps: int = Field(10, ge=1, description="Sampling steps [ours: measured, prototype has 50]")
    draws: int = Field(10, ge=1, description="Monte Carlo draws [paper §3]")


class Conditioning(Part):
    """What is dropped in training, so that it may be absent later."""

    both: float = Field(
        0.5, ge=0, le=1, description="Chance of two sources; else one [prototype; paper §2]"
    )
    clinical_drop: float = Field(
        0.1, ge=0, le=1, description="Chance of a prompt without clinical data [prototype]"
    )
    encoder: str = Field(
        "local", description="Text encoder [ours: offline; the paper's is remote]"
    )
    model: str = Field(
        "", description="Folder or name of the text encoder, if not its default [ours: MiniLM]"
    )
    base_url: str = Field(
        "", description="Address of a remote encoder, if not OpenAI's [paper §3: GPT-4o]"
    )
    dimensions: int = Field(
        0, ge=0, description="Width asked of a remote encoder; 0 is its own [ours: option]"
    )
    embed: int = Field(
        512, ge=1, description="Width of the embedding of scores, for ACADiff-emb [paper §3]"
    )
    detail: str = Field(
        "full",
        pattern="^(none|scores|full)$",
        description="What prompts tell: diagnosis and scores, or less [paper §2]",
    )
    person: bool = Field(
        default=False, description="Prompts tell age, sex and APOE4, too [ours: option]"
    )

    share: bool = Field(
        default=False,
        description="You may give prompts to a remote encoder's service [ours: off unless said]",
    )

    @property
    def encoder_settings(self) -> dict[str, Any]:
        """Of these numbers, what the text encoder asks for."""
        remote = {"model": self.model, "base_url": self.base_url, "dimensions": self.dimensions}
        known: dict[str, dict[str, Any]] = {
            "local": {"model": self.model},
            "openai": remote,
            "scores": {"embed": self.embed},
        }
        return {k: v for k, v in known.get(self.encoder, {}).items() if v}
