"""How networks read an encoded prompt."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

_LEAST_SD = 1e-4


class Words(NamedTuple):
    """Prompts, ready to be read.

    Args:
        tokens: their vectors, standardised or embedded.
        mask: where there is one.
        pooled: their mean, not embedded.
    """

    tokens: Float[Tensor, "b n e"]
    mask: Bool[Tensor, "b n"]
    pooled: Float[Tensor, "b d"]


class Reader(nn.Module):
    """Standardises the tokens of a language model, or embeds numbers.

    Prompts lie so close together in a language model's space (cosine above 0.94) that a network
    sees a constant unless each dimension is standardised.
    """

    mean: Tensor
    sd: Tensor

    def __init__(self, width: int, embed: int | None) -> None:
        """Make one that has read nothing.

        Args:
            width: of the text encoder's tokens.
            embed: width of a learned embedding of them (ACADiff-emb [paper §3]); None reads them
                as they are, standardised.
        """
        super().__init__()
        self.embedding = nn.Linear(width, embed, bias=False) if embed else None
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("sd", torch.ones(width))

    def fit(self, tokens: Float[Tensor, "n d"]) -> None:
        """Store mean and SD of the tokens of all training prompts."""
        if self.embedding is None and len(tokens):
            self.mean.copy_(tokens.mean(dim=0))
            self.sd.copy_(tokens.std(dim=0).clamp(min=_LEAST_SD))

    def forward(self, tokens: Float[Tensor, "b n d"], mask: Bool[Tensor, "b n"]) -> Words:
        """Read prompts, on the device where this lies."""
        tokens, mask = tokens.to(self.mean.device), mask.to(self.mean.device)
        tokens = (tokens - self.mean) / self.sd
        share = mask / mask.sum(dim=1, keepdim=True).clamp(min=1)
        pooled = (share[..., None] * tokens).sum(dim=1)
        return Words(tokens if self.embedding is None else self.embedding(tokens), mask, pooled)
