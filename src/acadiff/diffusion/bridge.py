"""A Brownian bridge: from one image to another by noise that is nothing at both ends.

`z_s = (1 - s) · z_0 + s · z_1 + sigma · sqrt(s · (1 - s)) · eps` for `s` in [0, 1], after Liu et
al. 2023 (I2SB, arXiv 2302.05872) and Li et al. 2023 (BBDM, arXiv 2205.07680). For a known `z_1`
the part `z_s - s · z_1` is diffusion as usual, with `alpha = 1 - s` and noise that fades at both
ends. So it is sampled as diffusion is: one noise decides the way off `z_1`, from where on it is
deterministic (Zheng et al. 2024, DBIM, arXiv 2405.15885, whose eta is 0), in steps of second order
(Lu et al. 2022). Fresh noise at each step would take many times the steps for the same spread of
draws.
"""

import math
from collections.abc import Callable
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
    """Walks from `z_1` to `z_0`.

    The state is what is left of `z_s` without its end, in units of its noise:
    `g = (z_s - s · z_1) / (sigma · sqrt(s · (1 - s)))`. It starts as the noise itself and grows by
    `rho · z_0`, where `rho` is the ratio of signal to noise.
    """

    def __init__(self, *, steps: int) -> None:
        """Make a sampler of `steps` network evaluations, at even angles of signal and noise."""
        angles = np.linspace(0, math.pi / 2, steps + 1)
        self.times = [*(float(math.cos(a) ** 2) for a in angles[:-1]), 0.0]
        self._ratios = [*(math.tan(a) for a in angles[:-1]), math.inf]

    @torch.no_grad()
    def sample(
        self,
        network: Network,
        z_1: Float[Tensor, "b ..."],
        noise: Float[Tensor, "b ..."],
        sigma: Tensor | float,
    ) -> Float[Tensor, "b ..."]:
        """Go from `z_1` to `z_0`; deterministic given the noise.

        Args:
            network: predicts `z_0`.
            z_1: where to start.
            noise: standard normal.
            sigma: scale of the bridge's noise, of everything or of each place.
        """
        g, before = noise, None
        for index, s in enumerate(self.times[:-1]):
            z_s = s * z_1 + sigma * (s * (1 - s)) ** 0.5 * g
            z_0 = network(z_s, torch.full((len(z_s),), s, device=z_s.device))
            if index + 2 == len(self.times):
                return z_0
            gain = (self._ratios[index + 1] - self._ratios[index]) / sigma
            g = g + gain * self._ahead(z_0, before, index)
            before = z_0
        return z_1

    def _ahead(self, z_0: Tensor, before: Tensor | None, index: int) -> Tensor:
        """The prediction, extrapolated to the middle of the step from the two last."""
        if before is None or index < 2:  # the first step is of infinite length on this scale
            return z_0
        lengths = [math.log(b / a) for a, b in pairwise(self._ratios[index - 1 : index + 2])]
        return z_0 + (z_0 - before) * lengths[1] / (2 * lengths[0])
