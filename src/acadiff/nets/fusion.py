"""Adaptive image conditioning [paper §2 (1)]: one source is projected, two also talk.

Each sample of a batch has its own availability. A sample with one source gets a 3D convolutional
projection of it; a sample with two gets, on top of the two projections, multi-head cross-attention
between their spatially pooled token grids, in both directions.

Departures from the paper, each because the released reading cannot work: the pooled grids keep
many tokens (with a single one, softmax over one key is 1 and no query matters), the exchange is
symmetric in the sources up to a per-modality affine embedding, and the choice is made per sample,
not per batch. Nothing is normalised per sample on the way, since the level of a source is itself
information (a PET is in SUVR).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from acadiff.nets.blocks import Attention


class Fusion(nn.Module, ABC):
    """Whichever sources a sample has → one feature map."""

    @abstractmethod
    def forward(
        self, images: Float[Tensor, "b m c i j k"], available: Bool[Tensor, "b m"]
    ) -> Float[Tensor, "b w i j k"]:
        """Fuse the available slots; whatever the other slots hold is never read.

        Args:
            images: latents of every modality.
            available: which of them are sources; one or two per row.
        """


class AdaptiveFusion(Fusion):
    """Fuse whichever sources a sample has into one feature map.

    A source's latent first goes through its modality's 1 x 1 x 1 affine embedding, since every
    modality has a latent space of its own; everything behind it is shared by the modalities.
    """

    def __init__(
        self, *, modalities: int, channels: int, width: int, tokens: Sequence[int], heads: int
    ) -> None:
        """Make the fusion.

        Args:
            modalities: number of slots in the batch.
            channels: latent channels of one scan.
            width: channels of the fused map.
            tokens: token grid that a source is pooled to, e.g. `(5, 6, 5)`.
            heads: attention heads.
        """
        super().__init__()
        i, j, k = tokens
        self.tokens = (i, j, k)
        self.embed = nn.ModuleList(nn.Conv3d(channels, width, 1) for _ in range(modalities))
        self.project = nn.Conv3d(width, width, 3, padding=1)
        count = self.tokens[0] * self.tokens[1] * self.tokens[2]
        self.position = nn.Parameter(torch.randn(count, width) * 0.02)
        self.attention = Attention(width=width, width_context=width, heads=heads)

    def forward(
        self, images: Float[Tensor, "b m c i j k"], available: Bool[Tensor, "b m"]
    ) -> Float[Tensor, "b w i j k"]:
        """Fuse the available slots; whatever the other slots hold is never read.

        Args:
            images: latents of every modality.
            available: which of them are sources; one or two per row.
        """
        b, m = available.shape
        keep = available[:, :, None, None, None, None]
        images = torch.where(keep, images, 0)
        embedded = torch.cat([f(images[:, k]) for k, f in enumerate(self.embed)])
        features = rearrange(
            embedded + self.project(F.silu(embedded)), "(m b) ... -> b m ...", b=b
        )
        total = torch.where(keep, features, 0).sum(dim=1) + self._exchange(features, available)
        return total / available.sum(dim=1)[:, None, None, None, None]

    def _exchange(
        self, features: Float[Tensor, "b m w i j k"], available: Bool[Tensor, "b m"]
    ) -> Float[Tensor, "b w i j k"]:
        """What the sources of a row learn from *each other*, summed; zero for a single source."""
        b, m, _, *grid = features.shape
        pooled = F.adaptive_avg_pool3d(features.flatten(0, 1), self.tokens)
        tokens = rearrange(pooled, "(b m) w i j k -> b m (i j k) w", b=b) + self.position
        context = rearrange(tokens, "b m n w -> b (m n) w").repeat_interleave(m, dim=0)
        others = available[:, None, :] & ~torch.eye(m, dtype=torch.bool, device=available.device)
        talks = available & others.any(dim=-1)
        # Softmax needs a key: who has no other source reads anything, and the answer is discarded.
        mask = (others | ~talks[..., None]).repeat_interleave(tokens.shape[2], dim=-1)
        found = self.attention(tokens.flatten(0, 1), context, mask.flatten(0, 1))
        found = rearrange(found, "(b m) n w -> b m n w", b=b)
        found = torch.where(talks[..., None, None], found, 0).sum(dim=1)
        i, j, k = self.tokens
        found = rearrange(found, "b (i j k) w -> b w i j k", i=i, j=j, k=k)
        return F.interpolate(found.float(), size=tuple(grid), mode="trilinear")


class ConcatFusion(Fusion):
    """Sources side by side, as channels, with a constant one each that says whether it is there.

    What every other method does; for the ablation of adaptive fusion.
    """

    def __init__(
        self,
        *,
        modalities: int,
        channels: int,
        width: int,
        tokens: Sequence[int],  # noqa: ARG002 - of adaptive fusion
        heads: int,  # noqa: ARG002 - likewise
    ) -> None:
        """Make the fusion; tokens and heads are `AdaptiveFusion`'s and without effect here."""
        super().__init__()
        self.enter = nn.Conv3d(modalities * (channels + 1), width, 3, padding=1)
        self.project = nn.Conv3d(width, width, 3, padding=1)

    def forward(
        self, images: Float[Tensor, "b m c i j k"], available: Bool[Tensor, "b m"]
    ) -> Float[Tensor, "b w i j k"]:
        """Concatenate the available slots; whatever the others hold is never read."""
        keep = available[:, :, None, None, None, None]
        told = keep.to(images.dtype).expand(-1, -1, 1, *images.shape[3:])
        shown = torch.cat([torch.where(keep, images, 0), told], dim=2)
        h = self.enter(shown.flatten(1, 2))
        return torch.as_tensor(h + self.project(F.silu(h)))


FUSIONS: dict[str, type[AdaptiveFusion] | type[ConcatFusion]] = {
    "adaptive": AdaptiveFusion,
    "concat": ConcatFusion,
}
"""How sources are brought together."""
