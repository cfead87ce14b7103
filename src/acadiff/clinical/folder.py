"""Any text encoder of the Hugging Face formats, from a folder or the local cache, offline."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acadiff.clinical.encoder import Text, TextEncoder
from acadiff.commit import sha256
from acadiff.errors import EncoderError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jaxtyping import Float
    from torch import Tensor

    from acadiff.clinical.prompt import Prompt

_CONFIG = "config.json"
_PARTS = (_CONFIG, "tokenizer.json", "tokenizer_config.json", "vocab.txt", "spiece.model")


class FolderEncoder(TextEncoder):
    """A transformers model of the user's own choice: its last hidden state, one row a word piece.

    Only safetensors are read and no code that a model brings along is run. Of a model with an
    encoder and a decoder the encoder is used.

    Raises:
        EncoderError: it is not on this machine, or cannot be loaded.
    """

    def __init__(self, model: str) -> None:
        """Find the files and hash them; load nothing yet.

        Args:
            model: a folder, or a name such as `FacebookAI/roberta-base` in the local cache.
        """
        self._model_name = model
        self._folder = _locate(model)
        self.name = Path(model).name
        self.identity = _identity(self._folder)
        self.width = self._width()

    def encode(self, prompts: Sequence[Prompt]) -> Text:
        """Encode each prompt alone, so that its bits do not depend on its neighbours."""
        return Text.stack([self._vectors(str(p)) for p in prompts], self.width)

    def settings(self) -> dict[str, Any]:
        """The folder or name it was given."""
        return {"model": self._model_name}

    def _width(self) -> int:
        from transformers import AutoConfig

        try:
            config = AutoConfig.from_pretrained(self._folder, local_files_only=True)
            return int(config.hidden_size)
        except Exception as error:  # noqa: BLE001 - the library raises anything on bad files
            raise self._refused(error) from error

    @cached_property
    def _model(self) -> tuple[Any, Any]:
        from transformers import AutoModel, AutoTokenizer

        safe = {"local_files_only": True, "trust_remote_code": False}
        try:
            tokenizer = AutoTokenizer.from_pretrained(self._folder, **safe)
            network = AutoModel.from_pretrained(self._folder, use_safetensors=True, **safe)
        except Exception as error:  # noqa: BLE001 - the library raises anything on bad files
            raise self._refused(error) from error
        if network.config.is_encoder_decoder:
            network = network.get_encoder()
        return tokenizer, network.float().eval().requires_grad_(requires_grad=False)

    def _vectors(self, prompt: str) -> Float[Tensor, "n d"]:
        import torch

        tokenizer, network = self._model
        pieces = tokenizer(prompt, return_tensors="pt")
        longest = min(tokenizer.model_max_length, _positions(network))
        count = pieces["input_ids"].shape[1]
        if count > longest:
            raise EncoderError(
                f"a prompt has {count} word pieces, {self.name} reads at most {longest}: "
                "shorten it"
            )
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            hidden: Tensor = network(**pieces).last_hidden_state[0]
        return hidden

    def _refused(self, error: Exception) -> EncoderError:
        why = next(iter(str(error).splitlines()), type(error).__name__)
        return EncoderError(
            f"the text encoder in {self._folder} cannot be loaded ({why}); it needs {_CONFIG}, a "
            "tokenizer and weights as safetensors",
            code="E_TEXT_ENCODER",
            value=self.name,
        )


def _positions(network: Any) -> int:
    """How many word pieces a model knows places for."""
    return int(getattr(network.config, "max_position_embeddings", 0) or 10**9)


def _locate(model: str) -> Path:
    """The folder of a model; asks no server."""
    from huggingface_hub import try_to_load_from_cache

    folder = Path(model)
    if (folder / _CONFIG).is_file():
        return folder
    if not folder.is_dir() and model.count("/") <= 1 and not folder.is_absolute():
        found = try_to_load_from_cache(model, _CONFIG)
        if isinstance(found, str):
            return Path(found).parent
    raise EncoderError(
        f"the text encoder {model} is not on this machine: there is no {folder / _CONFIG}, and "
        "none of that name in the local cache",
        code="E_TEXT_ENCODER",
        value=model,
        hint=f"put it there with `hf download {model}`, name its folder, or leave "
        "conditioning.model empty for the encoder that comes along",
    )


def _identity(folder: Path) -> str:
    """SHA-256 over the hashes of all files that the vectors depend on."""
    lines = [f"{path.name} {sha256(path)}" for path in _files(folder)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.glob("*.safetensors"))
    yield from (folder / name for name in _PARTS if (folder / name).is_file())
