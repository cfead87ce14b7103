"""A trained generator on disk: weights in half precision, and a record of what it is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acadiff.commit import remove, write_json
from acadiff.errors import CheckpointError
from acadiff.evaluation.trust import FILE as TRUST
from acadiff.evaluation.trust import Trust, load_trust
from acadiff.generators.base import Generator
from acadiff.latent.codec_folder import FORMAT, half, load_state, read_record
from acadiff.modality import Modality
from acadiff.nets.layout import channels_last
from acadiff.training.checkpoint import load_tensors, save_tensors


@dataclass(frozen=True, eq=False)
class GeneratorFolder:
    """A generator with what it depends on.

    Args:
        generator: in evaluation mode.
        record: `name`, `target`, `arguments`, `codecs` (identity by modality), `encoder` (key,
            name and identity, or None), `trained_on` and `validated_on` (hashes of
            people), and `simulated`, whether these were simulated people.
        identity: SHA-256 of its weights.
        trust: how far it errs; None if it was not calibrated.
    """

    generator: Generator
    record: dict[str, Any]
    identity: str
    trust: Trust | None = None


VARIANT = "@"
"""Between a method and what a variant of it is called: `acadiff@no-prompt`."""


def folder_name(name: str, target: Modality) -> str:
    """Where a generator lives below `work/generators`; `name` is a method's or a variant's."""
    return f"{name}-{target.name}"


def method_of(name: str) -> str:
    """The method that a variant is one of; a method itself otherwise."""
    return name.partition(VARIANT)[0]


def save_generator(folder: Path, generator: Generator, record: dict[str, Any]) -> None:
    """Write `generator.safetensors`, then `generator.json`, which makes it count.

    What was calibrated of other weights is no promise any more and goes.
    """
    path = folder / "generator.safetensors"
    remove(folder / TRUST)
    digest = save_tensors(path, half(generator.state_dict()))
    write_json(folder / "generator.json", {**record, "format": FORMAT, "sha256": digest})


def load_generator(
    folder: Path, codecs: dict[Modality, str], registry: dict[str, type[Generator]]
) -> GeneratorFolder:
    """Read a generator back.

    Args:
        folder: `work/generators/<name>-<TARGET>`.
        codecs: identity of each codec it will be used with.
        registry: the known generators.

    Raises:
        MissingInputError: there is none.
        CheckpointError: it is damaged, of a kind we do not know, or of other codecs.
    """
    record = read_record(folder / "generator.json", "generator")
    if record["name"] not in registry:
        known = ", ".join(registry)
        raise CheckpointError(f"{folder}: a generator {record['name']!r}; known are {known}")
    used = {Modality[name]: identity for name, identity in record["codecs"].items()}
    if used != {m: codecs.get(m) for m in used}:
        raise CheckpointError(
            f"{folder}: was trained with other codecs than those beside it; train it again or "
            "copy the folder as a whole"
        )
    target = Modality[record["target"]]
    generator = registry[record["name"]](target, **record["arguments"])
    load_state(generator, load_tensors(folder / "generator.safetensors", record["sha256"]), folder)
    generator.eval().requires_grad_(False)
    channels_last(generator)
    trust = load_trust(folder, record["sha256"])
    return GeneratorFolder(generator, record, record["sha256"], trust)
