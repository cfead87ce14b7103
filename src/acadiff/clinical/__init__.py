"""From a patient's record to the vectors that guide generation: prompt, encoder, cache."""

from collections.abc import Callable

from acadiff.clinical.cache import CachedEncoder
from acadiff.clinical.encoder import Text, TextEncoder
from acadiff.clinical.local import LocalEncoder
from acadiff.clinical.prompt import Prompt

ENCODERS: dict[str, Callable[..., TextEncoder]] = {
    "minilm": LocalEncoder,
}

__all__ = ["ENCODERS", "CachedEncoder", "LocalEncoder", "Prompt", "Text", "TextEncoder"]
