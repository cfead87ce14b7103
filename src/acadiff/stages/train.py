"""Latents → one generator a target. Killed at any moment, it resumes to the same weights."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from pydantic import ValidationError
from torch import Tensor

from acadiff.clinical import ENCODERS, CachedEncoder, Detail, TextEncoder, make_encoder
from acadiff.cohort.dataset import read_cohort
from acadiff.cohort.ledger import fingerprint, read_ledger
from acadiff.cohort.table import Subject
from acadiff.errors import CheckpointError, RecipeError
from acadiff.generators import GENERATORS, Example, Generator
from acadiff.generators.base import Training
from acadiff.generators.examples import Dropout, Examples, to_device
from acadiff.generators.folder import (
    folder_name,
    load_generator,
    method_of,
    save_generator,
)
from acadiff.generators.inherit import inherit
from acadiff.latent.codec_folder import CodecFolder, half, load_codec, read_record
from acadiff.latent.store import read_latents
from acadiff.latent.volumes import Volumes
from acadiff.modality import Modality
from acadiff.recipe import Optimisation, Recipe, save_recipe
from acadiff.recipe.methods import Plan, plan
from acadiff.training.loop import Objective, Run, Settings

OnStep = Callable[[str], None]
_AT_ONCE = 32
"""Examples of a batch that no gradient is taken of."""

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
    sibling: str | None = None,
) -> None:
    """Train the generators that are not there yet, from what `compress` wrote.

    Args:
        cohort: root of the BIDS dataset.
        work: where `split.tsv`, `codecs/` and `latents/` are and `generators/` goes.
        recipe: the numbers; the voxel size must be the codecs'.
        method: a name in `GENERATORS`, or `method@variant` for another recipe's beside it.
        targets: which modalities to make.
        fabric: device and precision.
        on_step: told of each thing done.
        sibling: a trained method that differs in diffusion alone; what comes before is taken over.

    Raises:
        RecipeError: method or text encoder is unknown, or the recipe is not that of the codecs.
        CheckpointError: a generator of another recipe is in the way.
    """
    kind = method_of(method)
    if kind not in GENERATORS:
        raise RecipeError(f"method {method!r}: known are {', '.join(GENERATORS)}")
    encoder = recipe.conditioning.encoder
    if encoder not in ENCODERS:
        raise RecipeError(f"conditioning.encoder is {encoder!r}: known are {', '.join(ENCODERS)}")
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
    bench = Bench(GENERATORS[kind], subjects, unseen, codecs, recipe, work, fabric, on_step)
    for target in targets:
        folder = work / "generators" / folder_name(method, target)
        if _is_done(folder, recipe, kind):
            on_step(f"{method} {target.title}: there already")
            continue
        begun = folder.with_name(folder_name(sibling, target)) if sibling else None
        generator, record = fit(target, bench, folder, begun)
        save_recipe(recipe, folder / "recipe.toml")
        shared = {
            "name": kind,
            "target": target.name,
            "codecs": {m.name: c.identity for m, c in codecs.items()},
            "recipe": recipe.record(),
            "trained_on": ledger.hashed("train"),
            "validated_on": ledger.hashed("validation"),
            "simulated": people.simulated,
        }
        save_generator(folder, generator, {**shared, **record})
        on_step(f"{method} {target.title}: trained")


@dataclass(frozen=True, eq=False)
class Bench:
    """What every training of one method works with."""

    kind: type[Generator]
    subjects: Sequence[Subject]
    validation: Sequence[Subject]
    codecs: Mapping[Modality, CodecFolder]
    recipe: Recipe
    work: Path
    fabric: Fabric
    on_step: OnStep

    @cached_property
    def plan(self) -> Plan:
        """The numbers of the method."""
        return plan(self.recipe, self.kind.name)

    @cached_property
    def encoder(self) -> TextEncoder:
        """What tells the method of patients."""
        told = self.recipe.conditioning
        if self.kind.encoder is None:
            encoder = make_encoder(told.encoder, told.encoder_settings, share=told.share)
        else:
            own = told.model_copy(update={"encoder": self.kind.encoder})
            encoder = make_encoder(own.encoder, own.encoder_settings)
        return CachedEncoder(encoder, self.work / "prompts.safetensors")

    @cached_property
    def images(self) -> Mapping[Modality, Mapping[str, Tensor]]:
        """What the method sees of everyone trained on or validated with, by visit."""
        if self.kind.space == "voxel":
            people = (*self.subjects, *self.validation)
            return {m: Volumes(people, m, c.grid, self.work) for m, c in self.codecs.items()}
        wanted = {s.key for s in (*self.subjects, *self.validation)}
        return {
            m: {
                key: raw / found.codec.scale
                for key, raw in read_latents(self.work / "latents", m, found.identity).items()
                if key in wanted
            }
            for m, found in self.codecs.items()
        }

    def examples(self, target: Modality, subjects: Sequence[Subject]) -> Examples:
        """Training batches of some people."""
        told = self.recipe.conditioning
        dropout = Dropout(told.both, told.clinical_drop, Detail(told.detail), told.person)
        return Examples(target, subjects, self.images, self.encoder.encode, dropout=dropout)

    def arguments(self, target: Modality) -> dict[str, Any]:
        """Everything a generator is made with."""
        found = self.codecs[target]
        data: dict[str, Any] = {"latent_shape": list(found.codec.latent_shape)}
        if self.kind.space == "voxel":
            data = {"shape": [1, *found.grid.shape]}
        if self.kind.encoder != "none":
            data |= {"width_text_in": self.encoder.width, "embed": self.encoder.embed}
        return data | self.plan.arguments


def fit(
    target: Modality, bench: Bench, folder: Path, begun: Path | None = None
) -> tuple[Generator, dict[str, Any]]:
    """One generator, phase by phase, and what its record says of it.

    It ends with the averaged weights, rounded as they are stored.
    """
    arguments = bench.arguments(target)
    torch.manual_seed(bench.recipe.training.seed)
    generator = bench.kind(target, **arguments)
    examples = bench.examples(target, bench.subjects)
    generator.begin(_training(examples, bench))
    bench.fabric.to_device(generator)
    belongs = {"arguments": arguments, **_origin(examples, bench)}
    phases = list(zip(generator.phases(), bench.plan.phases, strict=True))
    if begun is not None:
        own = load_generator(begun, {m: c.identity for m, c in bench.codecs.items()}, GENERATORS)
        phases = phases[inherit(generator, own.generator) :]
        belongs["begun"] = own.identity
    for phase, numbers in phases:
        fit_phase(generator, phase, numbers, examples, folder, belongs, bench)
        generator.after("-".join(phase), *_both(examples, numbers.batch, bench))
    generator.load_state_dict({k: v.float() for k, v in half(generator.state_dict()).items()})
    encoder = bench.encoder
    told = {
        "key": bench.kind.encoder or bench.recipe.conditioning.encoder,
        "name": encoder.name,
        "identity": encoder.identity,
        "settings": encoder.settings(),
    }
    return generator.cpu(), {
        "arguments": arguments,
        "encoder": None if told["key"] == "none" else told,
        "diffusion": arguments.get("diffusion"),
        "begun": belongs.get("begun"),
    }


def _training(examples: Examples, bench: Bench) -> Training:
    """All that a generator may look at before its first step."""
    images, count = bench.images[examples.target], len(examples.subjects)
    return Training(
        (images[s.key] for s in bench.subjects if s.key in images),
        examples.text,
        lambda: examples.every(count, _AT_ONCE),
        lambda: examples.every(count, _AT_ONCE, silent=True),
    )


def _both(
    seen: Examples, size: int, bench: Bench
) -> tuple[Callable[[], Iterator[Example]], Callable[[], Iterator[Example]]]:
    """Examples of as many training as validation people, each under all source patterns."""
    count = len(bench.validation) or _SPREAD_FROM

    def of(examples: Examples) -> Iterator[Example]:
        return (to_device(e, bench.fabric) for e in examples.every(count, size))

    def unseen() -> Iterator[Example]:
        return of(bench.examples(seen.target, bench.validation)) if bench.validation else iter(())

    return lambda: of(seen), unseen


def _origin(examples: Examples, bench: Bench) -> dict[str, Any]:
    """All that the weights come from besides the network and its optimiser."""
    recipe = bench.recipe
    return {
        "subjects": fingerprint(s.key for s in examples.subjects),
        "codecs": {m.name: found.identity for m, found in bench.codecs.items()},
        "encoder": bench.encoder.identity,
        "conditioning": recipe.record()["conditioning"],
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


def _is_done(folder: Path, recipe: Recipe, method: str) -> bool:
    """Whether a generator made with these very numbers is there.

    Raises:
        CheckpointError: one made with others is.
    """
    if not (folder / "generator.json").is_file():
        return False
    record = read_record(folder / "generator.json", "generator")
    try:
        made_with = plan(Recipe.model_validate(record["recipe"]), method).decisive
    except ValidationError:  # of a version with other numbers
        made_with = {}
    if made_with != plan(recipe, method).decisive:
        raise CheckpointError(
            f"{folder}: holds a generator of another recipe; use another work folder"
        )
    return True
