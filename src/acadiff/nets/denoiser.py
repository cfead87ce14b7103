"""The volumetric U-Net denoiser [paper §2, Implementation details].

It reads `concat(z_t, z_fused)`, is modulated by time in every block, and attends to the prompt's
tokens in the decoder. Skip connections join encoder and decoder: without them the noise of the
whole latent would have to pass the bottleneck, and the noise-prediction loss would have a floor.
A learned position map is added at the entrance, because every brain stands at the same place of
template space.
"""

from collections.abc import Sequence
from typing import Any, cast

import torch
from einops import repeat
from jaxtyping import Bool, Float
from torch import Tensor, nn

from acadiff.errors import RecipeError
from acadiff.nets.blocks import BLOCKS, VolumeAttention, time_features, zero_


class Level(nn.Module):
    """One block of the U-Net: a residual block, then the attentions it holds."""

    def __init__(
        self,
        *,
        width_in: int,
        width: int,
        width_time: int,
        width_text: int | None,
        groups: int,
        heads: int,
        coarsest: bool,
        dropout: float,
        modulation: str,
    ) -> None:
        """Make the block; the coarsest attend to themselves, those with `width_text` to text."""
        super().__init__()
        self.block = BLOCKS[modulation](
            width_in=width_in,
            width_out=width,
            width_time=width_time,
            groups=groups,
            dropout=dropout,
        )
        self.self_attention = (
            VolumeAttention(width=width, width_context=width, heads=heads) if coarsest else None
        )
        self.text_attention = (
            VolumeAttention(width=width, width_context=width_text, heads=heads)
            if width_text
            else None
        )

    def forward(
        self,
        x: Float[Tensor, "b c i j k"],
        time: Float[Tensor, "b d"],
        text: Float[Tensor, "b n e"],
        mask: Bool[Tensor, "b n"],
    ) -> Float[Tensor, "b w i j k"]:
        """Transform `x` under time and, in the decoder, the prompt."""
        x = self.block(x, time)
        if self.self_attention is not None:
            x = self.self_attention(x)
        if self.text_attention is not None:
            x = self.text_attention(x, text, mask)
        return x


class Denoiser(nn.Module):
    """U-Net `f(z_t, t, fused, text)` → what the objective asks for (ε or v), shaped like `z_t`."""

    def __init__(
        self,
        *,
        channels: int,
        width_fused: int,
        widths: Sequence[int],
        blocks: Sequence[int],
        grid: Sequence[int],
        width_text_in: int,
        width_text: int,
        groups: int,
        heads: int,
        dropout: float,
        modulation: str = "film",
    ) -> None:
        """Make the network.

        Args:
            channels: latent channels.
            width_fused: channels of the fused sources.
            widths: channels per resolution, finest first; each further one halves the grid.
            blocks: residual blocks per resolution in the encoder; the decoder has as many, and
                one more at the finest, where it meets the entrance.
            grid: the latent's `(i, j, k)`, for the position map.
            width_text_in: width of the encoder's tokens.
            width_text: width they are projected to.
            groups: groups of every GroupNorm.
            heads: attention heads.
            dropout: dropout rate inside residual blocks.
            modulation: how time acts in them, a name in `BLOCKS`; FiLM where nothing is said, as
                there was no choice at first.

        Raises:
            RecipeError: the grid cannot be halved so often, or `blocks` does not fit `widths`.
        """
        super().__init__()
        if len(blocks) != len(widths) or any(side % 2 ** (len(widths) - 1) for side in grid):
            raise RecipeError(
                f"a U-Net of widths {tuple(widths)} and blocks {tuple(blocks)} does not fit a "
                f"latent of {tuple(grid)}: one entry of each per resolution, and every side must "
                f"be divisible by {2 ** (len(widths) - 1)}; use fewer widths"
            )
        self.width_time = 4 * widths[0]
        shared: dict[str, Any] = {
            "width_time": self.width_time,
            "groups": groups,
            "heads": heads,
            "dropout": dropout,
            "modulation": modulation,
        }
        self.time = nn.Sequential(
            nn.Linear(64, self.width_time),
            nn.SiLU(),
            nn.Linear(self.width_time, self.width_time),
            nn.SiLU(),
        )
        self.text = nn.Linear(width_text_in, width_text)
        self.text_norm = nn.LayerNorm(width_text)
        # Always readable, so that a row without a prompt has something to attend to.
        self.null = nn.Parameter(torch.randn(width_text) * 0.02)
        self.enter = nn.Conv3d(channels + width_fused, widths[0], 3, padding=1)
        self.position = nn.Parameter(torch.zeros(1, widths[0], *grid))

        self.encoder, self.down, skips, width = (
            nn.ModuleList(),
            nn.ModuleList(),
            [widths[0]],
            widths[0],
        )
        for depth, wide in enumerate(widths):
            coarsest = depth == len(widths) - 1
            stack = nn.ModuleList()
            for _ in range(blocks[depth]):
                stack.append(
                    Level(width_in=width, width=wide, width_text=None, coarsest=coarsest, **shared)
                )
                width = wide
                skips.append(width)
            self.encoder.append(stack)
            self.down.append(
                nn.Identity() if coarsest else nn.Conv3d(width, width, 3, stride=2, padding=1)
            )
        self.middle = Level(
            width_in=width, width=width, width_text=width_text, coarsest=True, **shared
        )

        self.decoder, self.up = nn.ModuleList(), nn.ModuleList()
        for depth, wide in reversed(list(enumerate(widths))):
            coarsest = depth == len(widths) - 1
            stack = nn.ModuleList()
            for _ in range(blocks[depth] + (depth == 0)):
                stack.append(
                    Level(
                        width_in=width + skips.pop(),
                        width=wide,
                        width_text=width_text if depth > 0 else None,
                        coarsest=coarsest,
                        **shared,
                    )
                )
                width = wide
            self.decoder.append(stack)
            self.up.append(
                nn.Identity() if depth == 0 else nn.ConvTranspose3d(width, widths[depth - 1], 2, 2)
            )
            width = width if depth == 0 else widths[depth - 1]
        self.leave = nn.Sequential(
            nn.GroupNorm(groups, width), nn.SiLU(), zero_(nn.Conv3d(width, channels, 3, padding=1))
        )

    def forward(
        self,
        z_t: Float[Tensor, "b c i j k"],
        t: Float[Tensor, " b"],
        fused: Float[Tensor, "b w i j k"],
        text: Float[Tensor, "b n e"],
        mask: Bool[Tensor, "b n"],
    ) -> Float[Tensor, "b c i j k"]:
        """Denoise.

        Args:
            z_t: noisy target latent.
            t: time in [0, 1], 0 is clean.
            fused: fused sources.
            text: the prompt's tokens.
            mask: True where a token is real; an all-False row has no clinical guidance.
        """
        time = self.time(time_features(t, 64))
        null = repeat(self.null, "e -> b 1 e", b=len(t)).to(text.dtype)
        text = torch.cat([null, self.text_norm(self.text(text)).to(text.dtype)], dim=1)
        mask = torch.cat([mask.new_ones(len(mask), 1), mask], dim=1)
        x = self.enter(torch.cat([z_t, fused], dim=1)) + self.position
        skips = [x]
        for stack, down in zip(self.encoder, self.down, strict=True):
            for level in cast(nn.ModuleList, stack):
                x = level(x, time, text, mask)
                skips.append(x)
            x = down(x)
        x = self.middle(x, time, text, mask)
        for stack, up in zip(self.decoder, self.up, strict=True):
            for level in cast(nn.ModuleList, stack):
                x = level(torch.cat([x, skips.pop()], dim=1), time, text, mask)
            x = up(x)
        return torch.as_tensor(self.leave(x))
