"""Dropout as an answer's only source of randomness: masks come from generators handed in."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn


class HandedDropout(nn.Module):
    """Drops values by masks of one random generator a row; without any it drops nothing.

    PyTorch's own draws from a state that the whole process shares, so that an answer would depend
    on what was asked before it, and on its neighbours in a batch.
    """

    def __init__(self, rate: float) -> None:
        """Drop a share `rate` of all values."""
        super().__init__()
        self.rate = rate
        self.randoms: Sequence[torch.Generator] = ()

    def forward(self, x: Float[Tensor, "b c i j k"]) -> Float[Tensor, "b c i j k"]:
        """Drop, and scale up what is kept."""
        if not self.randoms:
            return x
        drawn = [torch.rand(x.shape[1:], generator=random) for random in self.randoms]
        kept = (torch.stack(drawn) >= self.rate).to(x.device)
        return x * kept / (1 - self.rate)


@contextmanager
def dropping(network: nn.Module, randoms: Sequence[torch.Generator]) -> Iterator[None]:
    """Within, every `HandedDropout` of a network drops.

    Args:
        network: what holds them.
        randoms: one a row of what it will be given; on the CPU.
    """
    places = [m for m in network.modules() if isinstance(m, HandedDropout)]
    for place in places:
        place.randoms = randoms
    try:
        yield
    finally:
        for place in places:
            place.randoms = ()
