"""A Brownian bridge: from one image to another by noise that is nothing at both ends.

`z_s = (1 - s) · z_0 + s · z_1 + sigma · sqrt(s · (1 - s)) · eps` for `s` in [0, 1], after Liu et al.
2023 (I2SB, arXiv 2302.05872) and Li et al. 2023 (BBDM, arXiv 2205.07680). Going back, the bridge
between `z_s` and a known `z_0` is one again: at `r < s` it is normal with mean
`(1 - r/s) · z_0 + r/s · z_s` and variance `sigma² · r · (1 - r/s)`. The sampler draws from that, with
what the network predicts in place of `z_0`.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

Network = Callable[[Tensor, Tensor], Tensor]
"""`(z_s, s in [0, 1] as (b,)) → predicted z_0`, conditions already bound."""


def between(
    z_0: Float[Tensor, "b ..."],
    z_1: Float[Tensor, "b ..."],
    eps: Float[Tensor, "b ..."],
    s: Float[Tensor, " b"],
    sigma: Tensor | float,
) -> Float[Tensor, "b ..."]:
    """Draw `z_s` given both ends and the noise."""
    s = s.reshape(-1, *[1] * (z_0.ndim - 1))
    return (1 - s) * z_0 + s * z_1 + sigma * (s * (1 - s)).sqrt() * eps


class BridgeSampler:
    """Walks from `z_1` to `z_0`, with fresh noise at every step but the last."""

    def __init__(self, *, steps: int) -> None:
        """Make a sampler of `steps` network evaluations.

        Times lie closer towards `z_0`: the last step takes the prediction at its word, so that
        what it was still uncertain of there is lost from the spread of draws.
        """
        self.times = [float(s) for s in np.linspace(1, 0, steps + 1) ** 2]

    @torch.no_grad()
    def sample(
        self,
        network: Network,
        z_1: Float[Tensor, "b ..."],
        noises: Iterator[Tensor],
        sigma: Tensor | float,
    ) -> Float[Tensor, "b ..."]:
        """Go from `z_1` to `z_0`; deterministic given the noises, one a step.

        Args:
            network: predicts `z_0`.
            z_1: where to start.
            noises: standard normal, of the shape of `z_1`.
            sigma: scale of the bridge's noise, of everything or of each place.
        """
        z = z_1
        for s, r in pairwise(self.times):
            z_0 = network(z, torch.full((len(z),), s, device=z.device))
            z = z_0 + r / s * (z - z_0)
            if r > 0:
                z = z + sigma * (r * (1 - r / s)) ** 0.5 * next(noises)
        return z
