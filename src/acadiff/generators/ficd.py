"""FICD: diffusion in voxel space, held to the target's own values inside the brain.

After Yu et al. (arXiv 2405.02504), of which only the abstract could be read: a noisy PET and its
paired MRI go into a network, which says the denoised PET, and a *functional imaging constraint*
aligns that with the acquired one, voxel by voxel. Every number is ours. Where a denoised scan
follows from predicted noise instead, whose error it multiplies by up to 2.5e4, it is clipped to
the range of scans first.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from einops import repeat
from jaxtyping import Float
from monai.networks.nets import DiffusionModelUNet
from torch import Tensor

from acadiff.clinical.encoder import Text
from acadiff.diffusion.objective import PREDICTIONS, consistency
from acadiff.diffusion.sampler import DDIMSampler
from acadiff.diffusion.schedule import LinearSchedule
from acadiff.generators.base import Example, Generator, Guidance
from acadiff.latent.batch import Batch, side_by_side
from acadiff.modality import Modality
from acadiff.nets.frame import Frame
from acadiff.nets.wavelet import Haar
from acadiff.training.loop import Objective

_BACKGROUND = -0.99
"""At or below this a scan is background; scans are skull-stripped, so the rest is brain."""


class FICD(Generator):
    """Any → target by diffusion on concatenated scans."""

    name: ClassVar[str] = "ficd"
    space: ClassVar[str] = "voxel"
    stochastic: ClassVar[bool] = True

    def __init__(
        self,
        target: Modality,
        *,
        shape: Sequence[int],
        fold: int,
        network: Mapping[str, Any],
        diffusion: Mapping[str, Any],
        constraint: float,
    ) -> None:
        """Make an untrained generator.

        Args:
            target: what it makes.
            shape: of a scan, `(1, i, j, k)`.
            fold: how often cells of 2 x 2 x 2 voxels become channels at the network's door: by
                Haar transforms, by which white noise stays white and an error as large as it is.
            network: keyword arguments of MONAI's `DiffusionModelUNet` that the data cannot say.
            diffusion: `timesteps`, `first`, `last` (of the linear schedule), `prediction`,
                `sampler`, `steps`.
            constraint: weight of the functional imaging constraint.
        """
        super().__init__(target)
        self.haar = Haar(levels=fold)
        cells, self.sources = 8**fold, len(target.others)
        self.network = DiffusionModelUNet(
            spatial_dims=3,
            in_channels=(1 + self.sources) * cells + self.sources,
            out_channels=cells,
            **network,
        )
        halvings = len(network["channels"]) - 1
        self.frame = Frame(shape[1:], self.haar.factor * 2**halvings)
        self.schedule = LinearSchedule(**{k: diffusion[k] for k in ("timesteps", "first", "last")})
        self.prediction = PREDICTIONS[diffusion["prediction"]]
        self.sampler = DDIMSampler(
            schedule=self.schedule, prediction=self.prediction, steps=diffusion["steps"], bound=1.0
        )
        self.weights = {"noise": 1.0, "constraint": constraint}

    def phases(self) -> Sequence[Mapping[str, Objective[Example]]]:
        """One: the error of what is predicted, and the constraint."""
        own = dict(self.named_parameters())
        return ({"diffusion": Objective(own, self._losses, self.weights)},)

    def _losses(self, example: Example) -> dict[str, Tensor]:
        x_0, device = example.truth, example.truth.device
        t = torch.randint(self.schedule.timesteps, (len(x_0),), generator=example.random)
        eps = torch.randn(x_0.shape, generator=example.random).to(device)
        alpha, sigma = self.schedule.alpha_sigma(t.to(device))
        x_t = alpha * x_0 + sigma * eps
        said = self._answer(x_t, t.to(device), side_by_side(example.batch))
        target = self.prediction.target(x_0, eps, alpha, sigma)
        clean = self.prediction.clean(said, x_t, alpha, sigma).clamp(-1, 1)
        brain = (x_0 > _BACKGROUND).float()
        share = brain / brain.mean().clamp(min=1e-6)
        return {
            "noise": (said - target).square().mean(),
            "constraint": consistency(clean, x_0, share, torch.abs),
        }

    def _answer(
        self, x_t: Float[Tensor, "b 1 i j k"], t: Tensor, seen: Float[Tensor, "b s i j k"]
    ) -> Float[Tensor, "b 1 i j k"]:
        """What the network says of noisy scans at integer times."""
        scans = torch.cat([x_t, seen[:, : self.sources]], dim=1)
        folded = self.haar(self.frame.put(scans))
        told = seen[:, self.sources :, :1, :1, :1].expand(-1, -1, *folded.shape[2:])
        said = self.network(torch.cat([folded, told], dim=1), t).float()
        return self.frame.cut(self.haar.inverse(said))

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
        seen = repeat(side_by_side(batch), "b ... -> (b n) ...", n=draws)

        def network(x_t: Tensor, t: Tensor) -> Tensor:
            return self._answer(x_t, (t * last).round().long(), seen)

        return self.sampler.draws(network, noise)
