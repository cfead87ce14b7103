"""A yardstick [ours]: a plain 3D U-Net that is told how far it is off, and nothing else.

Volumes in, volume out, squared error, no draws, no prompt. It says how far the target lies from
the training mean, and sees how far each source lies from its own: that is what differs between
people. In squared error no draw of any method can beat what it strives for, the posterior mean.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from jaxtyping import Float
from monai.networks.nets import UNet
from torch import Tensor, nn

from acadiff.clinical.encoder import Text
from acadiff.generators.base import Example, Generator, Guidance, Training
from acadiff.latent.batch import Batch, side_by_side
from acadiff.modality import Modality
from acadiff.nets.frame import Frame
from acadiff.training.loop import Objective

_START = 0.02
"""What a fresh network's answer is multiplied with, so that it starts from the training mean."""


class Regressor(Generator):
    """Any → target in one pass, the same for every draw."""

    name: ClassVar[str] = "regressor"
    space: ClassVar[str] = "voxel"
    stochastic: ClassVar[bool] = False
    means: Tensor

    def __init__(
        self,
        target: Modality,
        *,
        shape: Sequence[int],
        channels: Sequence[int],
        blocks: int,
        weight: float,
    ) -> None:
        """Make an untrained generator.

        Args:
            target: what it makes.
            shape: of a scan, `(1, i, j, k)`.
            channels: of MONAI's `UNet`, a number per resolution.
            blocks: convolutions in each of its residual units.
            weight: of the squared error, which is small where gradients are clipped at one.
        """
        super().__init__(target)
        self.network = UNet(
            spatial_dims=3,
            in_channels=2 * len(target.others),
            out_channels=1,
            channels=tuple(channels),
            strides=(2,) * (len(channels) - 1),
            num_res_units=blocks,
            norm="INSTANCE",
        )
        self.scale = nn.Parameter(torch.tensor(_START))
        self.frame = Frame(shape[1:], 2 ** (len(channels) - 1))
        self.weights = {"error": weight}
        self.register_buffer("means", torch.zeros(len(Modality), *shape))

    def begin(self, people: Training) -> None:
        """Average the target and each source over who has them; everybody counts once."""
        total = torch.zeros(self.means.shape, dtype=torch.float64)
        count = torch.zeros(len(Modality))
        for volume in people.truths:
            total[self.target.index] += volume
            count[self.target.index] += 1
        for example in people.told():
            # Whoever has a source is shown once with it alone.
            alone = example.batch.available & (example.batch.available.sum(1, keepdim=True) == 1)
            for m in self.target.others:
                total[m.index] += example.batch.images[alone[:, m.index], m.index].double().sum(0)
            count += alone.sum(dim=0)
        self.means.copy_(total / count.clamp(min=1)[:, None, None, None, None])

    def phases(self) -> Sequence[Mapping[str, Objective[Example]]]:
        """One: the squared error."""
        own = dict(self.named_parameters())
        return ({"regression": Objective(own, self._losses, self.weights)},)

    def _losses(self, example: Example) -> dict[str, Tensor]:
        made = self._answer(example.batch)
        return {"error": (made - example.truth).square().mean()}

    def _answer(self, batch: Batch) -> Float[Tensor, "b 1 i j k"]:
        """The training mean, and what the network adds to it."""
        slots = [m.index for m in self.target.others]
        seen, sources = side_by_side(batch), len(slots)
        there = seen[:, sources:, :1, :1, :1]
        usual = self.means[slots, 0][None]
        shown = self.frame.put(seen[:, :sources]) - self.frame.put(usual)
        told = there.expand(-1, -1, *shown.shape[2:])
        more = self.network(torch.cat([shown * there, told], dim=1)).float()
        return self.means[self.target.index] + self.scale * self.frame.cut(more)

    @torch.no_grad()
    def sample(
        self,
        batch: Batch,
        text: Text,  # noqa: ARG002
        noise: Float[Tensor, "b n c i j k"],
        guidance: Guidance | None = None,  # noqa: ARG002
    ) -> Float[Tensor, "b n c i j k"]:
        """One answer, as often as there are draws."""
        return self._answer(batch)[:, None].expand(-1, noise.shape[1], -1, -1, -1, -1)
