"""Latents → one generator a target. Killed at any moment, it resumes to the same weights."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

from acadiff.clinical import ENCODERS, CachedEncoder, Detail, TextEncoder, make_encoder
from acadiff.cohort.dataset import read_cohort
from acadiff.cohort.ledger import fingerprint, read_ledger
from acadiff.cohort.table import Subject
from acadiff.errors import CheckpointError, RecipeError
from acadiff.generators import ACADiff, Example, Generator, Mean
from acadiff.generators.examples import Dropout, Examples
from acadiff.generators.folder import folder_name, save_generator
from acadiff.latent.codec_folder import CodecFolder, half, load_codec, read_record
from acadiff.latent.scan import read_model_scan
from acadiff.latent.store import read_latents
from acadiff.modality import Modality
from acadiff.recipe import Optimisation, Recipe, save_recipe
from acadiff.training.loop import Objective, Run, Settings

OnStep = Callable[[str], None]
METHODS = ("acadiff", "mean")
_SPREAD_FROM = 60
"""Training subjects that the spread is measured on where there are no validation subjects."""


def run(
    cohort: Path,
    work: Path,
    recipe: Recipe,
    method: str,
    targets: Sequence[Modality],
    fabric: Fabric,
    on_step: OnStep,
) -> None:
    """Train the generators that are not there yet, from what `compress` wrote.

    Args:
        cohort: root of the BIDS dataset.
        work: where `split.tsv`, `codecs/` and `latents/` are and `generators/` goes.
        recipe: the numbers; the voxel size must be the codecs'.
        method: a name in `METHODS`.
        targets: which modalities to make.
        fabric: device and precision.
        on_step: told of each thing done.

    Raises:
        RecipeError: method or text encoder is unknown, or the recipe is not that of the codecs.
        CheckpointError: a generator of another recipe is in the way.
    """
    if method not in METHODS:
        raise RecipeError(f"method {method!r}: known are {', '.join(METHODS)}")
    if recipe.conditioning.encoder not in ENCODERS:
        raise RecipeError(
            f"conditioning.encoder is {recipe.conditioning.encoder!r}: known are "
            f"{', '.join(ENCODERS)}"
        )
    people = read_cohort(cohort)
    ledger = read_ledger(work, people)
    parts = ledger.parts
    subjects = people.named(parts["train"]).subjects
    codecs = {m: load_codec(work / "codecs" / m.name) for m in Modality}
    for modality, found in codecs.items():
        ledger.refuse_crossing(work / "codecs" / modality.name, found.trained_on)
    if any(c.grid.voxel != recipe.voxel for c in codecs.values()):
        raise RecipeError(
            f"voxel is {recipe.voxel} mm, but {work / 'codecs'} were made at "
            f"{codecs[Modality.MRI].grid.voxel} mm; name the recipe they were made with"
        )
    unseen = people.named(parts["validation"]).subjects if parts["validation"] else ()
    bench = Bench(subjects, unseen, codecs, recipe, work, fabric, on_step)
    for target in targets:
        folder = work / "generators" / folder_name(method, target)
        if _is_done(folder, recipe):
            on_step(f"{method} {target.title}: there already")
            continue
        fit = fit_mean if method == "mean" else fit_acadiff
        generator, record = fit(target, bench, folder)
        save_recipe(recipe, folder / "recipe.toml")
        shared = {
            "name": method,
            "target": target.name,
            "codecs": {m.name: c.identity for m, c in codecs.items()},
            "recipe": recipe.model_dump(mode="json"),
            "trained_on": ledger.hashed("train"),
            "validated_on": ledger.hashed("validation"),
            "simulated": people.simulated,
        }
        save_generator(folder, generator, {**shared, **record})
        on_step(f"{method} {target.title}: trained")


@dataclass(frozen=True, eq=False)
class Bench:
    """What every training works with."""

    subjects: Sequence[Subject]
    validation: Sequence[Subject]
    codecs: Mapping[Modality, CodecFolder]
    recipe: Recipe
    work: Path
    fabric: Fabric
    on_step: OnStep

    @cached_property
    def encoder(self) -> TextEncoder:
        """The text encoder, read when a method first asks for it."""
        conditioning = self.recipe.conditioning
        encoder = make_encoder(conditioning.encoder, conditioning.encoder_settings)
        return CachedEncoder(encoder, self.work / "prompts.safetensors")

    def latents(self) -> dict[Modality, dict[str, Tensor]]:
        """Whitened latents of everyone trained on or validated with."""
        wanted = {s.key for s in (*self.subjects, *self.validation)}
        return {
            m: {
                key: raw / found.codec.scale
                for key, raw in read_latents(self.work / "latents", m, found.identity).items()
                if key in wanted
            }
            for m, found in self.codecs.items()
        }


def fit_mean(target: Modality, bench: Bench, folder: Path) -> tuple[Generator, dict[str, Any]]:  # noqa: ARG001
    """The voxelwise mean of the training scans."""
    grid = bench.codecs[target].grid
    arguments: dict[str, Any] = {"shape": [1, *grid.shape]}
    generator = Mean(target, **arguments)
    scans = (s.scans[target] for s in bench.subjects if target in s.scans)
    generator.fit(read_model_scan(path, target, grid).image for path in scans)
    return generator, {"arguments": arguments, "encoder": None, "diffusion": None}


def fit_acadiff(target: Modality, bench: Bench, folder: Path) -> tuple[Generator, dict[str, Any]]:
    """ACADiff, phase by phase; ends with the averaged weights, rounded as they are stored."""
    recipe, encoder = bench.recipe, bench.encoder
    told = recipe.conditioning
    detail = Detail(told.detail)
    dropout = Dropout(told.both, told.clinical_drop, detail, told.person)
    latents = bench.latents()
    examples = Examples(target, bench.subjects, latents, encoder.encode, dropout=dropout)
    arguments: dict[str, Any] = {
        "latent_shape": list(bench.codecs[target].codec.latent_shape),
        "width_text_in": encoder.width,
        "embed": encoder.embed,
        **recipe.model_dump(mode="json", include={"anchor", "denoiser", "fusion", "diffusion"}),
    }
    torch.manual_seed(recipe.training.seed)
    generator = ACADiff(target, **arguments)
    generator.fit_text(examples.text)
    bench.fabric.to_device(generator)
    belongs = {"arguments": arguments, **_origin(examples, bench)}
    first, second = generator.phases()
    fit_phase(generator, first, recipe.anchoring, examples, folder, belongs, bench)
    generator.fit_spread(*spread_examples(examples, bench, latents))
    fit_phase(generator, second, recipe.training, examples, folder, belongs, bench)
    generator.load_state_dict({k: v.float() for k, v in half(generator.state_dict()).items()})
    return generator.cpu(), {
        "arguments": arguments,
        "encoder": {
            "key": told.encoder,
            "name": encoder.name,
            "identity": encoder.identity,
            "settings": encoder.settings(),
        },
        "diffusion": arguments["diffusion"],
    }


def spread_examples(
    seen: Examples, bench: Bench, latents: Mapping[Modality, Mapping[str, Tensor]]
) -> tuple[Iterator[Example], Iterator[Example]]:
    """Examples of as many training as validation subjects, each under all source patterns."""
    size = bench.recipe.anchoring.batch
    if not bench.validation:
        return (to_device(e, bench.fabric) for e in seen.every(_SPREAD_FROM, size)), iter(())
    count = len(bench.validation)
    unseen = Examples(
        seen.target, bench.validation, latents, bench.encoder.encode, dropout=seen.dropout
    )
    return (
        (to_device(e, bench.fabric) for e in seen.every(count, size)),
        (to_device(e, bench.fabric) for e in unseen.every(count, size)),
    )


def _origin(examples: Examples, bench: Bench) -> dict[str, Any]:
    """All that the weights come from besides the network and its optimiser."""
    recipe = bench.recipe
    return {
        "subjects": fingerprint(s.key for s in examples.subjects),
        "codecs": {m.name: found.identity for m, found in bench.codecs.items()},
        "encoder": bench.encoder.identity,
        "conditioning": recipe.conditioning.model_dump(mode="json"),
        "precision": recipe.precision,
        "start": recipe.training.seed,
    }


def fit_phase(
    generator: Generator,
    phase: Mapping[str, Objective[Example]],
    numbers: Optimisation,
    examples: Examples,
    folder: Path,
    belongs: Mapping[str, Any],
    bench: Bench,
) -> None:
    """Train one phase in a folder of its name, and leave the averaged weights in the generator."""
    name = "-".join(phase)
    settings = Settings(**numbers.model_dump(exclude={"batch", "seed"}))
    run = Run(
        generator,
        phase,
        settings,
        fabric=bench.fabric,
        folder=folder / name,
        belongs={**belongs, "phase": name, "batch": numbers.batch, "seed": numbers.seed},
    )

    def example(index: int) -> Example:
        made = examples.batch(index, numbers.batch, (numbers.seed, name))
        return to_device(made, bench.fabric)

    for step in run.steps(example):
        if (step.index + 1) % settings.every == 0:
            title = f"{examples.target.title} {name}"
            bench.on_step(f"{title}: step {step.index + 1} of {settings.steps}")
    run.ema.copy_to(generator)


def to_device(example: Example, fabric: Fabric) -> Example:
    """The same batch on the training device; the random generator stays on the CPU."""
    batch = replace(
        example.batch,
        images=fabric.to_device(example.batch.images),
        available=fabric.to_device(example.batch.available),
    )
    text = type(example.text)(*(fabric.to_device(x) for x in example.text))
    return Example(batch, fabric.to_device(example.truth), text, example.random)


def _is_done(folder: Path, recipe: Recipe) -> bool:
    """Whether a generator of this very recipe is there.

    Raises:
        CheckpointError: one of another recipe is.
    """
    if not (folder / "generator.json").is_file():
        return False
    record = read_record(folder / "generator.json", "generator")
    if record["recipe"] != recipe.model_dump(mode="json"):
        raise CheckpointError(
            f"{folder}: holds a generator of another recipe; use another work folder"
        )
    return True
