"""Every random tensor, as a pure function of what it belongs to.

Draw 7 of subject 12 is the same tensor whatever the batch size, the device count or the order, and
training step 300 sees the same noise whether or not the run was interrupted before it.
"""

import hashlib
from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def generator(*keys: int | str) -> torch.Generator:
    """A CPU random generator that depends on the keys alone, on every machine."""
    digest = hashlib.sha256(repr(keys).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little", signed=True))


class Noise:
    """Standard normal noise for sampling, in antithetic pairs.

    Draw `2k + 1` is the negative of draw `2k`. Each draw alone is still standard normal, but the
    part of a sampler's answer that is odd in its noise cancels exactly in the mean of a pair, so
    that the mean of ten draws is as close to the posterior mean as that of many more independent
    ones [ours: variance reduction; the paper averages ten independent draws].
    """

    def __init__(self, seed: int) -> None:
        """Noise of one run."""
        self.seed = seed

    def draw(self, subject: str, draw: int, shape: Sequence[int]) -> Float[Tensor, "..."]:
        """The starting noise of one draw of one subject."""
        pair, sign = draw // 2, 1 - 2 * (draw % 2)
        return sign * torch.randn(*shape, generator=generator(self.seed, subject, pair))

    def draws(
        self, subjects: Sequence[str], numbers: Iterable[int], shape: Sequence[int]
    ) -> Float[Tensor, "b n ..."]:
        """Draws of these numbers of everybody."""
        wanted = list(numbers)
        rows = [torch.stack([self.draw(who, n, shape) for n in wanted]) for who in subjects]
        return torch.stack(rows)


def generators_of(noise: Float[Tensor, "b ..."]) -> list[torch.Generator]:
    """A random generator for each row of starting noise, which depends on that row's bits alone.

    For methods whose randomness is not noise that is denoised: dropout masks, say.
    """
    rows = noise.detach().cpu().float().contiguous()
    return [generator(hashlib.sha256(row.numpy().tobytes()).hexdigest()) for row in rows]
