"""The parts that the denoiser and the fusion share."""

from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn


def zero_(module: nn.Conv3d | nn.Linear) -> nn.Conv3d | nn.Linear:
    """Set a layer to zero, so that the residual branch it ends starts as the identity."""
    nn.init.zeros_(module.weight)
    if module.bias is not None:
        nn.init.zeros_(module.bias)
    return module


def time_features(t: Float[Tensor, " b"], width: int) -> Float[Tensor, "b width"]:
    """Sines and cosines of `t` in [0, 1] at `width / 2` geometric frequencies (1 to 1000)."""
    frequencies = torch.logspace(0, 3, width // 2, device=t.device)
    angles = t[:, None] * frequencies[None] * torch.pi / 2
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class FiLMBlock(nn.Module):
    """Residual block whose second half is modulated by time [paper §2 (3)].

    `h = conv(silu(norm(x)))`, then `(1 + gamma(t)) · norm(h) + beta(t)`, then the second
    convolution. The modulation comes *after* GroupNorm, which would divide it away again, and is
    written `1 + gamma` so that it starts as the identity.
    """

    def __init__(
        self, *, width_in: int, width_out: int, width_time: int, groups: int, dropout: float
    ) -> None:
        """Make a block from `width_in` to `width_out` channels."""
        super().__init__()
        self.norm_in = nn.GroupNorm(groups, width_in)
        self.conv_in = nn.Conv3d(width_in, width_out, 3, padding=1)
        self.film = zero_(nn.Linear(width_time, 2 * width_out))
        self.norm_out = nn.GroupNorm(groups, width_out)
        self.dropout = nn.Dropout(dropout)
        self.conv_out = zero_(nn.Conv3d(width_out, width_out, 3, padding=1))
        same = width_in == width_out
        self.skip = nn.Identity() if same else nn.Conv3d(width_in, width_out, 1)

    def forward(
        self, x: Float[Tensor, "b c i j k"], time: Float[Tensor, "b d"]
    ) -> Float[Tensor, "b o i j k"]:
        """Transform `x` under the modulation of the time embedding."""
        h = self.conv_in(F.silu(self.norm_in(x)))
        h = self.modulated(self.norm_out(h), time)
        h = self.conv_out(self.dropout(F.silu(h)))
        return torch.as_tensor(self.skip(x) + h)

    def modulated(
        self, h: Float[Tensor, "b o i j k"], time: Float[Tensor, "b d"]
    ) -> Float[Tensor, "b o i j k"]:
        """Normalised features, as the time would have them."""
        gamma, beta = self.film(time)[:, :, None, None, None].chunk(2, dim=1)
        return torch.as_tensor((1 + gamma) * h + beta)


class ShiftBlock(FiLMBlock):
    """The same block without FiLM: time is added and scales nothing. For ablations."""

    def __init__(self, *, width_out: int, width_time: int, **others: Any) -> None:
        """Make a block; the arguments are those of `FiLMBlock`."""
        super().__init__(width_out=width_out, width_time=width_time, **others)
        self.film = zero_(nn.Linear(width_time, width_out))

    def modulated(
        self, h: Float[Tensor, "b o i j k"], time: Float[Tensor, "b d"]
    ) -> Float[Tensor, "b o i j k"]:
        """Normalised features and what the time adds."""
        return torch.as_tensor(h + self.film(time)[:, :, None, None, None])


BLOCKS: dict[str, type[FiLMBlock]] = {"film": FiLMBlock, "shift": ShiftBlock}
"""How time acts in a residual block."""


class Attention(nn.Module):
    """Multi-head attention from tokens to a context, with PyTorch's fused kernel.

    Self-attention when the context is the tokens themselves. `width_context` may differ from
    `width`. Ends in a zero layer, for use on a residual branch.
    """

    def __init__(self, *, width: int, width_context: int, heads: int) -> None:
        """Make the four projections."""
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, width, bias=False)
        self.key_value = nn.Linear(width_context, 2 * width, bias=False)
        self.out = zero_(nn.Linear(width, width))

    def forward(
        self,
        tokens: Float[Tensor, "b n d"],
        context: Float[Tensor, "b m e"] | None = None,
        mask: Bool[Tensor, "b m"] | None = None,
    ) -> Float[Tensor, "b n d"]:
        """What each token gathers from the context (from the tokens themselves if None).

        Args:
            tokens: the askers.
            context: the answerers.
            mask: True where a context token may be read.
        """
        tokens = self.norm(tokens)
        context = tokens if context is None else context
        split = "b n (h d) -> b h n d"
        query = rearrange(self.query(tokens), split, h=self.heads)
        key, value = self.key_value(context).chunk(2, dim=-1)
        key, value = (rearrange(x, split, h=self.heads) for x in (key, value))
        allowed = None if mask is None else mask[:, None, None, :]
        found = F.scaled_dot_product_attention(query, key, value, attn_mask=allowed)
        return torch.as_tensor(self.out(rearrange(found, "b h n d -> b n (h d)")))


class VolumeAttention(nn.Module):
    """`Attention` over the voxels of a feature map, added to it."""

    def __init__(self, *, width: int, width_context: int, heads: int) -> None:
        """Make the attention; `width_context` is the width of what is attended to."""
        super().__init__()
        self.attention = Attention(width=width, width_context=width_context, heads=heads)

    def forward(
        self,
        x: Float[Tensor, "b c i j k"],
        context: Float[Tensor, "b m e"] | None = None,
        mask: Bool[Tensor, "b m"] | None = None,
    ) -> Float[Tensor, "b c i j k"]:
        """Attend from every voxel to the context (to all voxels if None)."""
        tokens = self.attention(rearrange(x, "b c i j k -> b (i j k) c"), context, mask)
        return torch.as_tensor(x + tokens.transpose(1, 2).reshape(x.shape))
