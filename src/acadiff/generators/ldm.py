"""Latent diffusion with concatenation: ACADiff minus its three contributions.

Rombach et al. 2022, as the paper adapts it [paper §3]: the same latents, noise, sampler and number
of draws, but the sources are concatenated with the noisy latent, nothing clinical is told, and the
objective is the error of the prediction alone. The network is MONAI's.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from einops import repeat
from jaxtyping import Float
from monai.networks.nets import DiffusionModelUNet
from torch import Tensor

from acadiff.clinical.encoder import Text
from acadiff.diffusion.objective import PREDICTIONS, diffusion_losses
from acadiff.diffusion.sampler import SAMPLERS
from acadiff.diffusion.schedule import CosineSchedule
from acadiff.generators.base import Example, Generator, Guidance
from acadiff.latent.batch import Batch, side_by_side
from acadiff.modality import Modality
from acadiff.training.loop import Objective


class LDM(Generator):
    """Any → target by diffusion on concatenated latents."""

    name: ClassVar[str] = "ldm"
    space: ClassVar[str] = "latent"
    stochastic: ClassVar[bool] = True

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
            diffusion: `timesteps`, `prediction`, `sampler` and `steps`.
        """
        super().__init__(target)
        channels, sources = latent_shape[0], len(target.others)
        self.network = DiffusionModelUNet(
            spatial_dims=3,
            in_channels=channels + sources * (channels + 1),
            out_channels=channels,
            **network,
        )
        self.schedule = CosineSchedule(timesteps=diffusion["timesteps"])
        self.prediction = PREDICTIONS[diffusion["prediction"]]
        self.sampler = SAMPLERS[diffusion["sampler"]](
            schedule=self.schedule, prediction=self.prediction, steps=diffusion["steps"]
        )

    def phases(self) -> Sequence[Mapping[str, Objective[Example]]]:
        """One: the error of the prediction."""
        own = dict(self.named_parameters())
        return ({"diffusion": Objective(own, self._losses, {"noise": 1.0})},)

    def _losses(self, example: Example) -> dict[str, Tensor]:
        z_0 = example.truth
        t = torch.randint(self.schedule.timesteps, (len(z_0),), generator=example.random)
        eps = torch.randn(z_0.shape, generator=example.random).to(z_0.device)
        t = t.to(z_0.device)
        z_t = self.schedule.add_noise(z_0, eps, t)
        output = self._answer(z_t, t, side_by_side(example.batch))
        return diffusion_losses(
            output, z_0, eps, t, schedule=self.schedule, prediction=self.prediction
        )

    def _answer(
        self, z_t: Float[Tensor, "b c i j k"], t: Tensor, sources: Float[Tensor, "b s i j k"]
    ) -> Float[Tensor, "b c i j k"]:
        """What the network says of latents at integer times."""
        return torch.as_tensor(self.network(torch.cat([z_t, sources], dim=1), t)).float()

    @torch.no_grad()
    def sample(
        self,
        batch: Batch,
        text: Text,  # noqa: ARG002
        noise: Float[Tensor, "b n c i j k"],
        guidance: Guidance | None = None,  # noqa: ARG002
    ) -> Float[Tensor, "b n c i j k"]:
        """Denoise all draws of all subjects as one batch."""
        draws, last = noise.shape[1], self.schedule.timesteps - 1
        sources = repeat(side_by_side(batch), "b ... -> (b n) ...", n=draws)

        def network(z_t: Tensor, t: Tensor) -> Tensor:
            return self._answer(z_t, (t * last).round().long(), sources)

        return self.sampler.draws(network, noise)
