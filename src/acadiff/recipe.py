"""Every number of the method, each with its source: `[paper §…]`, `[prototype]` or `[ours: why]`.

A recipe is data: frozen, no unknown keys, written to and read from TOML. `PHANTOM_4MM` trains on a
laptop CPU; `PHANTOM_2MM` and `PAPER` are for a GPU. What the data can say (the latent's shape, the
width of the text encoder) no recipe says.
"""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from acadiff.commit import write_text
from acadiff.errors import MissingInputError, RecipeError

_Size = Annotated[int, Field(ge=1)]
_Widths = Annotated[tuple[_Size, ...], Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _refuse_uneven(widths: tuple[int, ...], parts: int, what: str) -> None:
    """Refuse channels that cannot be shared out evenly."""
    uneven = [width for width in widths if width % parts]
    if uneven:
        raise ValueError(f"{uneven[0]} channels cannot be cut into {parts} {what}; change one")


class Split(_Part):
    """Who is trained on."""

    train: int = Field(480, ge=1, description="Subjects to train on [paper §3]")
    validation: int = Field(60, ge=0, description="Subjects to choose by [paper §3]")
    test: int = Field(60, ge=0, description="Subjects never looked at in tuning [paper §3]")
    seed: int = Field(0, ge=0, description="Seed of the stratified split [ours: reproducible]")


class Optimisation(_Part):
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


class Codec(_Part):
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


class Fusion(_Part):
    """Adaptive image conditioning."""

    width: int = Field(32, ge=1, description="Channels of the fused sources [ours: measured]")
    tokens: tuple[_Size, _Size, _Size] = Field(
        (5, 6, 5), description="Token grid a source is pooled to [ours: many tokens, paper §2 (1)]"
    )
    heads: int = Field(2, ge=1, description="Attention heads [ours: head width 16]")

    @model_validator(mode="after")
    def _divides(self) -> "Fusion":
        _refuse_uneven((self.width,), self.heads, "heads")
        return self


class Denoiser(_Part):
    """The U-Net."""

    widths: _Widths = Field(description="Channels per resolution [ours: measured]")
    blocks: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        description="Residual blocks per resolution in the encoder [ours: measured]"
    )
    width_text: int = Field(64, ge=1, description="Width of projected prompt tokens [ours]")
    groups: int = Field(8, ge=1, description="Groups of every GroupNorm [ours: fits the widths]")
    heads: int = Field(2, ge=1, description="Attention heads [ours: few wide heads are faster]")
    dropout: float = Field(0.0, ge=0, lt=1, description="Dropout in blocks [ours: measured]")

    @model_validator(mode="after")
    def _divides(self) -> "Denoiser":
        _refuse_uneven(self.widths, self.groups, "groups")
        _refuse_uneven(self.widths[-1:], self.heads, "heads")
        return self


class Diffusion(_Part):
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


class Conditioning(_Part):
    """What is dropped in training, so that it may be absent later."""

    both: float = Field(
        0.5, ge=0, le=1, description="Chance of two sources; else one [prototype; paper §2]"
    )
    clinical_drop: float = Field(
        0.1, ge=0, le=1, description="Chance of a prompt without clinical data [prototype]"
    )
    encoder: str = Field(
        "minilm", description="Text encoder [ours: offline; the paper's is remote]"
    )


class Recipe(_Part):
    """All numbers of one experiment."""

    name: str = Field(description="How tables call it [ours]")
    voxel: int = Field(ge=1, description="Voxel size in mm [paper §3: 1 mm]")
    split: Split = Field(default_factory=Split, description="Who is trained on [paper §3]")
    codec: Codec = Field(description="Latent space [paper §2]")
    fusion: Fusion = Field(description="Image conditioning [paper §2 (1)]")
    anchor: Denoiser = Field(description="The U-Net of the posterior mean [ours: measured]")
    denoiser: Denoiser = Field(description="The U-Net [paper §3]")
    diffusion: Diffusion = Field(default_factory=Diffusion, description="The process [paper §2]")
    conditioning: Conditioning = Field(
        default_factory=Conditioning, description="Dropout of inputs [paper §2]"
    )
    anchoring: Optimisation = Field(description="How the anchor is trained [ours: measured]")
    training: Optimisation = Field(description="How the denoiser is trained [paper §3]")
    precision: str = Field(
        "bf16-mixed",
        pattern="^(32-true|bf16-mixed)$",
        description="Lightning Fabric's precision [ours: fast, no loss measured]",
    )


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

PAPER = Recipe(
    name="paper-1mm",
    voxel=1,
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
    anchoring=Optimisation(steps=24000, batch=2, rate=1e-4, weight_decay=1e-2, ema=0.999),
    training=Optimisation(steps=48000, batch=2, rate=1e-4, weight_decay=1e-2, ema=0.999),
)

RECIPES: dict[str, Recipe] = {r.name: r for r in (PHANTOM_4MM, PHANTOM_2MM, PAPER)}


def load_recipe(source: str, changes: Iterable[str] = ()) -> Recipe:
    """A named recipe or a TOML file, with `key.sub=value` changes laid over it.

    Raises:
        MissingInputError: neither a recipe nor a file of that name.
        RecipeError: an unknown key, or a value out of its range.
    """
    if source in RECIPES:
        recipe = RECIPES[source]
    elif Path(source).is_file():
        recipe = _validated(_toml(Path(source)), source)
    else:
        known = ", ".join(RECIPES)
        raise MissingInputError(f"{source}: no such recipe file, and the named ones are {known}")
    data = recipe.model_dump(mode="json")
    for change in changes:
        _apply(data, change)
    return _validated(data, source)


def save_recipe(recipe: Recipe, path: Path) -> None:
    """Write a recipe as TOML."""
    write_text(path, to_toml(recipe))


def to_toml(recipe: Recipe) -> str:
    """A recipe as TOML text."""
    return tomli_w.dumps(recipe.model_dump(mode="json"))


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: not TOML ({error})") from error


def _validated(data: dict[str, Any], source: str) -> Recipe:
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        # A misspelt key also leaves another one missing; the misspelling is what to tell.
        first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        where = ".".join(map(str, first["loc"]))
        raise RecipeError(f"{source}: {where}: {_explain(first, first['loc'])}") from error


def _apply(data: dict[str, Any], change: str) -> None:
    """Lay one `a.b=value` over nested data; the value is TOML, or else a plain string."""
    path, equals, value = change.partition("=")
    if not equals:
        raise RecipeError(f"--set {change}: write it as key.sub=value, e.g. diffusion.steps=20")
    *parents, last = path.strip().split(".")
    for parent in parents:
        if not isinstance(data.get(parent), dict):
            raise RecipeError(f"--set {change}: there is no {parent}; known are {', '.join(data)}")
        data = data[parent]
    if last not in data:
        raise RecipeError(f"--set {change}: there is no {last}; known are {', '.join(data)}")
    try:
        data[last] = tomllib.loads(f"x = {value}")["x"]
    except tomllib.TOMLDecodeError:
        data[last] = value.strip()


def _explain(error: Any, location: tuple[int | str, ...]) -> str:
    """Pydantic's complaint, with the known keys if a key is unknown."""
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if error["type"] != "extra_forbidden":
        return f"{error['msg']} (found {error.get('input')!r})"
    part: Any = Recipe
    for key in location[:-1]:
        part = part.model_fields[str(key)].annotation
    return f"unknown key; known are {', '.join(part.model_fields)}"
