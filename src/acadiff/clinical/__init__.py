"""From a patient's record to the vectors that guide generation: prompt, encoder, cache."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from acadiff.clinical.cache import CachedEncoder
from acadiff.clinical.encoder import Text, TextEncoder
from acadiff.clinical.folder import FolderEncoder
from acadiff.clinical.local import LocalEncoder
from acadiff.clinical.none import NoEncoder
from acadiff.clinical.prompt import Detail, Person, Prompt
from acadiff.clinical.remote import RemoteEncoder
from acadiff.clinical.scores import ScoresEncoder
from acadiff.errors import EncoderError


def local_encoder(model: str = "") -> TextEncoder:
    """The language model in a folder or in the local cache; all-MiniLM-L6-v2 if none is named."""
    return FolderEncoder(model) if model else LocalEncoder()


ENCODERS: dict[str, Callable[..., TextEncoder]] = {
    "local": local_encoder,
    "openai": RemoteEncoder,
    "scores": ScoresEncoder,
    "none": NoEncoder,
}


def make_encoder(key: str, settings: Mapping[str, Any], *, share: bool = False) -> TextEncoder:
    """The encoder of a name.

    Args:
        key: one of `ENCODERS`.
        settings: as the encoder's `settings()` gave them.
        share: somebody said that prompts may be given to a remote encoder's service.

    Raises:
        EncoderError: there is none of that name, or it cannot be had here.
    """
    if key not in ENCODERS:
        raise EncoderError(f"the text encoder is {key!r}; known are {', '.join(ENCODERS)}")
    arguments = {**settings, "share": share} if key == "openai" else settings
    try:
        inspect.signature(ENCODERS[key]).bind(**arguments)
    except TypeError as error:
        raise EncoderError(
            f"the text encoder {key!r} is recorded with settings that it does not have ({error})",
            code="E_TEXT_ENCODER",
            value=sorted(settings),
            hint="the record is damaged, or of another version: train again",
        ) from error
    return ENCODERS[key](**arguments)


__all__ = [
    "ENCODERS",
    "CachedEncoder",
    "Detail",
    "FolderEncoder",
    "LocalEncoder",
    "NoEncoder",
    "Person",
    "Prompt",
    "RemoteEncoder",
    "ScoresEncoder",
    "Text",
    "TextEncoder",
    "make_encoder",
]
