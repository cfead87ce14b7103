"""Room around a grid, for networks that halve it several times; exact in both directions."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

BACKGROUND = -1.0
"""Of scans scaled to [-1, 1]."""


class Frame:
    """A grid, and the smallest one around it that divides."""

    def __init__(self, shape: Sequence[int], divisor: int) -> None:
        """Measure the room.

        Args:
            shape: `(i, j, k)` of the scans.
            divisor: what every side of the larger grid is a multiple of.
        """
        self.shape = tuple(shape)
        self.grid = tuple(-(-side // divisor) * divisor for side in shape)
        self._before = [(g - s) // 2 for g, s in zip(self.grid, self.shape, strict=True)]

    def put(
        self, images: Float[Tensor, "b c i j k"], told: Float[Tensor, "b f"] | None = None
    ) -> Float[Tensor, "b cf u v w"]:
        """Scans in the larger grid, background around them; what else is told, as constants.

        Args:
            images: scans as channels.
            told: numbers, each of which becomes a channel that is the same everywhere.
        """
        sides = zip(self._before, self.shape, self.grid, strict=True)
        room = [(before, grid - shape - before) for before, shape, grid in sides]
        last_first = [width for pair in reversed(room) for width in pair]
        framed = F.pad(images, last_first, value=BACKGROUND)
        if told is None:
            return framed
        constants = told[:, :, None, None, None].to(framed.dtype).expand(-1, -1, *self.grid)
        return torch.cat([framed, constants], dim=1)

    def cut(self, images: Float[Tensor, "b c u v w"]) -> Float[Tensor, "b c i j k"]:
        """The scans again, without the room."""
        for axis, (start, size) in enumerate(zip(self._before, self.shape, strict=True)):
            images = images.narrow(2 + axis, start, size)
        return images


def shifted(
    images: Float[Tensor, "b c i j k"], most: int, random: torch.Generator
) -> Float[Tensor, "b c i j k"]:
    """Each row moved by up to `most` voxels along each axis, all its channels alike.

    Background comes in from outside. There are no flips: disease is lateralised.
    """
    offsets = torch.randint(0, 2 * most + 1, (len(images), 3), generator=random).tolist()
    room = F.pad(images, [most] * 6, value=BACKGROUND)
    i, j, k = images.shape[2:]
    rows = zip(room, offsets, strict=True)
    return torch.stack([row[:, a : a + i, b : b + j, c : c + k] for row, (a, b, c) in rows])
