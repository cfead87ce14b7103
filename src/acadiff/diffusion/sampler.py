"""From noise to a clean latent in a few steps: DDIM and DPM-Solver++(2M).

A sampler is a `step`; the base class owns the grid and the loop. Both are written in terms of the
predicted clean latent, so neither knows whether the network speaks ε or v.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from acadiff.diffusion.objective import Prediction
from acadiff.diffusion.schedule import Schedule, time_grid

Network = Callable[[Tensor, Tensor], Tensor]
"""`(z_t, t in [0, 1] as (b,)) → output`, conditions already bound."""


class Sampler(ABC):
    """Walks a consistent time grid from noise to the clean end."""

    def __init__(
        self,
        *,
        schedule: Schedule,
        prediction: Prediction,
        steps: int,
        bound: float | None = None,
    ) -> None:
        """Make a sampler.

        Args:
            schedule: the process.
            prediction: what the network says.
            steps: network evaluations.
            bound: largest size of a clean value, to which what is predicted is clipped; with it,
                even a noise prediction can be asked at pure noise. None for latents.
        """
        self.schedule = schedule
        self.prediction = prediction
        self.bound = math.inf if bound is None else bound
        least = prediction.least_alpha_bar if bound is None else 0.0
        self.times = time_grid(schedule.last_usable(least), steps)

    @torch.no_grad()
    def sample(self, network: Network, noise: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        """Turn standard normal noise into clean latents; deterministic given the noise."""
        z, before = noise, None
        for index in range(len(self.times) - 1):
            z_0 = self._clean(network, z, self.times[index])
            z = self.step(z, z_0, before, index)
            before = z_0
        return z

    def draws(self, network: Network, noise: Float[Tensor, "b n ..."]) -> Float[Tensor, "b n ..."]:
        """Sample `n` draws of each of `b` people as one batch, person by person."""
        return self.sample(network, noise.flatten(0, 1)).reshape(noise.shape)

    def _clean(self, network: Network, z: Tensor, t: int) -> Tensor:
        """The network's clean latent at time `t`."""
        times = torch.full((len(z),), t, device=z.device)
        alpha, sigma = self.schedule.alpha_sigma(times)
        output = network(z, times / (self.schedule.timesteps - 1))
        clean = self.prediction.clean(output.float(), z, alpha, sigma)
        return clean.clamp(-self.bound, self.bound)

    def _levels(self, index: int) -> tuple[float, float]:
        """`(alpha, sigma)` of the grid's entry, in double precision."""
        bar = float(self.schedule.alpha_bar[self.times[index]])
        return bar**0.5, (1 - bar) ** 0.5

    @abstractmethod
    def step(self, z: Tensor, z_0: Tensor, before: Tensor | None, index: int) -> Tensor:
        """From time `times[index]` to `times[index + 1]`.

        Args:
            z: latent now.
            z_0: clean latent predicted now.
            before: clean latent predicted at the step before, None at the first.
            index: where in the grid.
        """


class DDIMSampler(Sampler):
    """Song et al. 2021, eta = 0: keep the implied noise, move the level."""

    def step(self, z: Tensor, z_0: Tensor, before: Tensor | None, index: int) -> Tensor:  # noqa: ARG002
        """`alpha_s · z_0 + sigma_s · (z - alpha_t · z_0) / sigma_t`."""
        alpha_t, sigma_t = self._levels(index)
        alpha_s, sigma_s = self._levels(index + 1)
        return alpha_s * z_0 + sigma_s * (z - alpha_t * z_0) / sigma_t


class DPMSolverSampler(Sampler):
    """DPM-Solver++(2M) of Lu et al. 2022: second order, one evaluation a step.

    `z_s = sigma_s/sigma_t · z - alpha_s · (exp(-h) - 1) · D` with `h = lambda_s - lambda_t`,
    `lambda = log(alpha/sigma)` and `D` the clean latent extrapolated from the last two. The first
    step has no history and the last one ends at `sigma = 0`, where `h` is infinite: both are first
    order, as in the authors' lower-order-final rule.
    """

    def step(self, z: Tensor, z_0: Tensor, before: Tensor | None, index: int) -> Tensor:
        """One multistep update; exactly `z_0` at the clean end."""
        alpha_t, sigma_t = self._levels(index)
        alpha_s, sigma_s = self._levels(index + 1)
        if sigma_s == 0:
            return z_0
        direction = z_0
        if before is not None:
            direction = z_0 + (z_0 - before) / (2 * self._ratio(index))
        shrink = (sigma_s * alpha_t) / (alpha_s * sigma_t)
        return sigma_s / sigma_t * z - alpha_s * (shrink - 1) * direction

    def _ratio(self, index: int) -> float:
        """`r`: the log-SNR step before, in units of the one now."""
        before, now, after = (
            torch.tensor(self._levels(i)).double().log() for i in (index - 1, index, index + 1)
        )
        lambdas = [float(x[0] - x[1]) for x in (before, now, after)]
        return (lambdas[1] - lambdas[0]) / (lambdas[2] - lambdas[1])


SAMPLERS: dict[str, type[Sampler]] = {"ddim": DDIMSampler, "dpm-solver": DPMSolverSampler}
