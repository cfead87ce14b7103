"""What a text encoder is: prompts in, one vector per word piece out. [paper §2]"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

if TYPE_CHECKING:  # torch takes a second to import, and prompts alone do not need it
    from collections.abc import Sequence

    from jaxtyping import Bool, Float
    from torch import Tensor

    from acadiff.clinical.prompt import Prompt


class Text(NamedTuple):
    """Encoded prompts, padded at the end to the longest of them.

    Args:
        tokens: one vector per word piece, float32 on the CPU; zero where padded.
        mask: True where a word piece is, False where padded.
    """

    tokens: Float[Tensor, "b n d"]
    mask: Bool[Tensor, "b n"]

    @classmethod
    def stack(cls, rows: Sequence[Float[Tensor, "_ d"]], width: int) -> Text:
        """Pad prompts of several lengths to one; no prompt at all gives shape (0, 0, width)."""
        import torch

        longest = max((len(row) for row in rows), default=0)
        tokens = torch.zeros(len(rows), longest, width)
        mask = torch.zeros(len(rows), longest, dtype=torch.bool)
        for index, row in enumerate(rows):
            tokens[index, : len(row)] = row
            mask[index, : len(row)] = True
        return cls(tokens, mask)

    def rows(self) -> list[Float[Tensor, "_ d"]]:
        """Return each prompt without its padding."""
        return [tokens[mask] for tokens, mask in zip(self.tokens, self.mask, strict=True)]


class TextEncoder(ABC):
    """Makes vectors of prompts, once and for all: nothing in it is trained. [paper §2: `c_text`]

    A prompt's vectors are the same bits whatever prompts it is encoded together with.

    Attributes:
        name: what reports and sidecars call it.
        width: d, the length of each vector.
        identity: SHA-256 of the weights; two encoders with one identity give the same vectors.
        embed: width of the embedding that a generator learns of the vectors; None if it reads
            them as they are, standardised.
        remote: whether prompts leave this machine.
    """

    name: str
    width: int
    identity: str
    embed: int | None = None
    remote: ClassVar[bool] = False

    @abstractmethod
    def encode(self, prompts: Sequence[Prompt]) -> Text:
        """Encode prompts to `Text` of shape (b n d) and (b n), in the order given.

        Raises:
            EncoderError: the model cannot be loaded or reached, or a prompt is too long for it.
        """

    def settings(self) -> dict[str, Any]:
        """Plain values from which the same encoder is made again; never a secret."""
        return {}
