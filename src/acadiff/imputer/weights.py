"""Everything a trained model consists of, from a folder or the Hugging Face hub."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from huggingface_hub import ModelHubMixin, snapshot_download

from acadiff.clinical import CachedEncoder, TextEncoder, make_encoder
from acadiff.commit import write_text
from acadiff.errors import CheckpointError, MissingInputError
from acadiff.generators import GENERATORS
from acadiff.generators.folder import GeneratorFolder, folder_name, load_generator
from acadiff.latent.codec_folder import CodecFolder, load_codec
from acadiff.modality import Modality
from acadiff.training.arithmetic import Precision

W = TypeVar("W", bound="Weights")

_LOGGED = 10
"""One step in so many is kept in the log that travels with weights."""


class Weights(ModelHubMixin):
    """Codecs, generators of one method, and the text encoder that they were trained with."""

    def __init__(
        self,
        folder: Path,
        codecs: Mapping[Modality, CodecFolder],
        generators: Mapping[Modality, GeneratorFolder],
        encoder: TextEncoder | None,
        precision: Precision | None = None,
    ) -> None:
        """Put the parts together; `from_pretrained` is the usual way.

        Raises:
            CheckpointError: a generator was trained with another text encoder.
        """
        self.folder, self.codecs, self.generators = folder, codecs, generators
        self.encoder, self.precision = encoder, precision
        self.grid = codecs[Modality.MRI].grid
        for found in generators.values():
            wanted = found.record["encoder"]
            if wanted and (encoder is None or wanted["identity"] != encoder.identity):
                raise CheckpointError(
                    f"{folder}: was trained with the text encoder {wanted['name']} of another "
                    "hash; install that one"
                )

    @classmethod
    def load(
        cls: type[W],
        folder: Path,
        method: str = "acadiff",
        *,
        share: bool = False,
        targets: Sequence[Modality] = tuple(Modality),
        precision: Precision | None = None,
    ) -> W:
        """Read the model `method` from a work folder or a pretrained folder.

        Args:
            folder: where it lies.
            method: a name in `GENERATORS`, or a variant's that was trained here.
            share: prompts may be given to the service of a remote text encoder.
            targets: what it is to make, as far as there is a generator for it.
            precision: that generators compute in; None is what each was trained in. In single
                precision every processor comes to the same numbers, but for roundings.

        Raises:
            MissingInputError: the folder holds no such model.
            CheckpointError: its files are damaged or do not belong together.
            EncoderError: its text encoder is not installed.
        """
        if not folder.is_dir():
            raise MissingInputError(f"{folder}: no such model folder")
        codecs = {m: load_codec(folder / "codecs" / m.name) for m in Modality}
        identities = {m: c.identity for m, c in codecs.items()}
        generators = {}
        for target in targets:
            path = folder / "generators" / folder_name(method, target)
            if path.is_dir():
                generators[target] = load_generator(path, identities, GENERATORS)
        if not generators:
            raise MissingInputError(f"{folder}: holds no trained {method}; run `acadiff train`")
        told = [g.record["encoder"] for g in generators.values() if g.record["encoder"]]
        encoder = _encoder(told[0], folder, share) if told else None
        return cls(folder, codecs, generators, encoder, precision)

    @classmethod
    def _from_pretrained(
        cls: type[W],
        *,
        model_id: str,
        revision: str | None,
        cache_dir: str | Path | None,
        force_download: bool,
        local_files_only: bool,
        token: str | bool | None,
        method: str = "acadiff",
        **_: Any,
    ) -> W:
        """Called by `from_pretrained`: a local folder, or a snapshot of a hub repository."""
        folder = Path(model_id)
        if not folder.is_dir():
            folder = Path(
                snapshot_download(
                    model_id,
                    revision=revision,
                    cache_dir=cache_dir,
                    force_download=force_download,
                    local_files_only=local_files_only,
                    token=token,
                )
            )
        return cls.load(folder, method)

    def _save_pretrained(self, save_directory: Path) -> None:
        """Called by `save_pretrained`: copy the parts, without training state, logs thinned."""
        for part in ("codecs", "generators"):
            shutil.copytree(
                self.folder / part,
                save_directory / part,
                dirs_exist_ok=True,
                ignore=shutil.ignore_patterns("checkpoint"),
            )
        for log in save_directory.rglob("steps.jsonl"):
            write_text(log, "".join(log.read_text().splitlines(keepends=True)[::_LOGGED]))


def _encoder(told: Mapping[str, Any], folder: Path, share: bool) -> TextEncoder:
    """The text encoder of a record; what a service answered in training is not asked again."""
    encoder = make_encoder(told["key"], told["settings"], share=share)
    return CachedEncoder(encoder, folder / "prompts.safetensors") if encoder.remote else encoder
