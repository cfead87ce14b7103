"""A diffusion bridge from sources to target, in latent space [ours].

In the spirit of SiM2P (2025), I2SB (Liu et al. 2023) and BBDM (Li et al. 2023): where diffusion
starts at noise, a bridge starts at what is known. Source latents cannot be its end as they are,
since every modality has a codec, and so a space, of its own. They are carried over by the cheapest
map that can: at each place the target's training mean, plus a linear map of how far the sources'
channels lie from theirs, one map for each pattern of sources, the same everywhere, in closed form.

The bridge's noise is scaled, place by place, by the *spread*, which is how far that estimate is
off on training people. If the error were normal with that spread and the scale were one, the best
guess of the target would be `z_s` itself, with an error of `sqrt(s) · spread`. The network says
what is better than that, in units of that error, so that it is asked for numbers of size one at
all times. At `s = 1` there is no noise yet, and what it says is the posterior mean.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from einops import rearrange
from jaxtyping import Float, Int
from monai.networks.nets import DiffusionModelUNet
from torch import Tensor

from acadiff.clinical.encoder import Text
from acadiff.diffusion.bridge import BridgeSampler, between
from acadiff.generators.base import Example, Generator, Guidance, Training
from acadiff.latent.batch import Batch, side_by_side
from acadiff.modality import Modality
from acadiff.training.loop import Objective

_LEAST_SPREAD = 0.02
_LEAST_TIME = 1e-3
_PATTERNS = 3
_TIMES = 1000
"""What the network's embedding of times is made for."""


class _Known(NamedTuple):
    """What of an answer is known before any noise.

    Args:
        estimate: where the bridge starts.
        seen: what the network sees all along: sources, what is there, the estimate.
    """

    estimate: Float[Tensor, "b c i j k"]
    seen: Float[Tensor, "b s i j k"]


class Bridge(Generator):
    """Any → target, from an estimate that sources give."""

    name: ClassVar[str] = "bridge"
    space: ClassVar[str] = "latent"
    stochastic: ClassVar[bool] = True
    means: Tensor
    maps: Tensor
    spread: Tensor

    def __init__(
        self,
        target: Modality,
        *,
        latent_shape: Sequence[int],
        network: Mapping[str, Any],
        diffusion: Mapping[str, Any],
    ) -> None:
        """Make an untrained generator.

        Args:
            target: what it makes.
            latent_shape: `(c, i, j, k)`.
            network: keyword arguments of MONAI's `DiffusionModelUNet` that the data cannot say.
            diffusion: `noise` (scale of the bridge's, in units of the spread), `sampler` and
                `steps`.
        """
        super().__init__(target)
        channels, sources = latent_shape[0], len(target.others)
        self.network = DiffusionModelUNet(
            spatial_dims=3,
            in_channels=2 * channels + sources * (channels + 1),
            out_channels=channels,
            **network,
        )
        self.register_buffer("means", torch.zeros(len(Modality), *latent_shape))
        self.register_buffer("maps", torch.zeros(_PATTERNS, sources * channels, channels))
        self.register_buffer("spread", torch.ones(latent_shape))
        self.noise = diffusion["noise"]
        self.sampler = BridgeSampler(steps=diffusion["steps"])

    @torch.no_grad()
    def begin(self, people: Training) -> None:
        """Find means, then the map of each pattern of sources, then how far all that is off."""
        self._fit_means(people)
        self._fit_maps(people)
        total, count = torch.zeros_like(self.spread), 0
        for example in people.told():
            error = example.truth - self._known(example.batch).estimate
            total += error.square().sum(dim=0)
            count += len(error)
        self.spread.copy_((total / max(1, count)).sqrt().clamp(min=_LEAST_SPREAD))

    def _fit_means(self, people: Training) -> None:
        total, count = torch.zeros_like(self.means), torch.zeros(len(Modality))
        for example in people.told():
            slots = example.batch.available[..., None, None, None, None]
            total += torch.where(slots, example.batch.images, 0).sum(dim=0)
            total[self.target.index] += example.truth.sum(dim=0)
            count += example.batch.available.sum(dim=0)
            count[self.target.index] += len(example.truth)
        self.means.copy_(total / count.clamp(min=1)[:, None, None, None, None])

    def _fit_maps(self, people: Training) -> None:
        """Least squares over all people and places, where a map has few numbers to learn."""
        size = self.maps.shape[1]
        within = torch.zeros(_PATTERNS, size, size, dtype=torch.float64)
        across = torch.zeros(self.maps.shape, dtype=torch.float64)
        for example in people.told():
            x = self._deviations(example.batch).flatten(2).double()
            y = (example.truth - self.means[self.target.index]).flatten(2).double()
            pattern = self._pattern(example.batch)
            within.index_add_(0, pattern, x @ x.mT)
            across.index_add_(0, pattern, x @ y.mT)
        # The channels of absent sources are all zero; the pseudo-inverse leaves them out.
        self.maps.copy_(torch.linalg.pinv(within, hermitian=True) @ across)

    def _pattern(self, batch: Batch) -> Int[Tensor, " b"]:
        """Which sources are there, as a number."""
        first, second = (batch.available[:, m.index].long() for m in self.target.others)
        return first + 2 * second - 1

    def _deviations(self, batch: Batch) -> Float[Tensor, "b s i j k"]:
        """How far the sources lie from their means; zero where one is absent."""
        slots = [m.index for m in self.target.others]
        there = batch.available[:, slots, None, None, None, None]
        return torch.where(there, batch.images[:, slots] - self.means[slots], 0).flatten(1, 2)

    def _known(self, batch: Batch) -> _Known:
        with torch.autocast(batch.images.device.type, enabled=False):
            maps = self.maps[self._pattern(batch)]
            carried = torch.einsum("bsc,bsijk->bcijk", maps, self._deviations(batch))
            estimate = self.means[self.target.index] + carried
        return _Known(estimate, torch.cat([side_by_side(batch), estimate], dim=1))

    def phases(self) -> Sequence[Mapping[str, Objective[Example]]]:
        """One: the error of the predicted latent, in units of what it should be."""
        own = dict(self.named_parameters())
        return ({"bridge": Objective(own, self._losses, {"clean": 1.0})},)

    def _losses(self, example: Example) -> dict[str, Tensor]:
        z_0, device = example.truth, example.truth.device
        s = torch.rand(len(z_0), generator=example.random).clamp(min=_LEAST_TIME).to(device)
        eps = torch.randn(z_0.shape, generator=example.random).to(device)
        known = self._known(example.batch)
        z_s = between(z_0, known.estimate, eps, s, self.noise * self.spread)
        guess, unit = self._guess(z_s, s, known)
        return {"clean": (self._answer(z_s, s, known) - (z_0 - guess) / unit).square().mean()}

    def _guess(
        self, z_s: Float[Tensor, "b c i j k"], s: Float[Tensor, " b"], known: _Known
    ) -> tuple[Tensor, Tensor]:
        """The best linear guess of `z_0` under a prior `N(estimate, spread²)`, and its error."""
        s = s[:, None, None, None, None]
        gain = 1 / (1 - s + self.noise**2 * s)
        guess = known.estimate + gain * (z_s - known.estimate)
        return guess, self.noise * (s * gain).sqrt() * self.spread

    def _answer(
        self, z_s: Float[Tensor, "b c i j k"], s: Float[Tensor, " b"], known: _Known
    ) -> Float[Tensor, "b c i j k"]:
        """What the network adds to the guess, in units of its error."""
        gone = (z_s - known.estimate) / self.spread
        return torch.as_tensor(
            self.network(torch.cat([gone, known.seen], dim=1), s * _TIMES)
        ).float()

    @torch.no_grad()
    def sample(
        self,
        batch: Batch,
        text: Text,  # noqa: ARG002
        noise: Float[Tensor, "b n c i j k"],
        guidance: Guidance | None = None,  # noqa: ARG002
    ) -> Float[Tensor, "b n c i j k"]:
        """Walk all draws of all subjects as one batch."""
        draws = noise.shape[1]
        many = _Known(*(x.repeat_interleave(draws, dim=0) for x in self._known(batch)))

        def network(z_s: Tensor, s: Tensor) -> Tensor:
            guess, unit = self._guess(z_s, s, many)
            return guess + unit * self._answer(z_s, s, many)

        start = rearrange(noise, "b n ... -> (b n) ...")
        made = self.sampler.sample(network, many.estimate, start, self.noise * self.spread)
        return rearrange(made, "(b n) c i j k -> b n c i j k", n=draws)
