"""Stacks of neighbouring slices: cut out of a volume, and blended to one again."""

from collections.abc import Sequence

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor


class Stacks:
    """Where stacks of axial slices lie in a volume; every slice is in one at least."""

    def __init__(self, *, depth: int, size: int, stride: int) -> None:
        """Lay them out.

        Args:
            depth: slices of a volume.
            size: slices of a stack; no more than there are.
            stride: slices from one stack to the next; no more than a stack has.
        """
        self.depth, self.size = depth, min(size, depth)
        last = depth - self.size
        self.starts = [*range(0, last, min(stride, self.size)), last]
        place = torch.arange(self.size)
        self._weights = 1.0 + torch.minimum(place, self.size - 1 - place)

    def all(self, volume: Float[Tensor, "b c i j k"]) -> Float[Tensor, "b n c s i j"]:
        """Every stack of a volume."""
        return torch.stack([self._cut(volume, start) for start in self.starts], dim=1)

    def some(
        self, volume: Float[Tensor, "b c i j k"], starts: Sequence[int]
    ) -> Float[Tensor, "b c s i j"]:
        """One stack of each row."""
        rows = zip(torch.split(volume, 1), starts, strict=True)
        return torch.cat([self._cut(row, start) for row, start in rows])

    def anywhere(self, count: int, random: torch.Generator) -> list[int]:
        """Where to cut in training: anywhere, not only where stacks are laid out."""
        starts = torch.randint(self.depth - self.size + 1, (count,), generator=random)
        return [int(start) for start in starts]

    def blend(self, stacks: Float[Tensor, "b n c s i j"]) -> Float[Tensor, "b c i j k"]:
        """Volumes, in which a slice counts for more the nearer it lies to its stack's middle."""
        b, _, c, _, i, j = stacks.shape
        total = stacks.new_zeros(b, c, i, j, self.depth)
        count = stacks.new_zeros(self.depth)
        weights = self._weights.to(stacks)
        for stack, start in zip(stacks.unbind(dim=1), self.starts, strict=True):
            here = slice(start, start + self.size)
            total[..., here] += weights * rearrange(stack, "b c s i j -> b c i j s")
            count[here] += weights
        return total / count

    def _cut(self, volume: Tensor, start: int) -> Tensor:
        return rearrange(volume[..., start : start + self.size], "b c i j s -> b c s i j")
