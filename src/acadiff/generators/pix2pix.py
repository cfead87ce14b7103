"""Pix2Pix in 3D: a U-Net that a PatchGAN teaches, and dropout that stays on.

Isola et al. 2017, as the paper adapts it [paper §3]: sources are channels, the critic sees them
beside the scan it judges, L1 keeps what is coarse in place, and nothing clinical is told. Draws
differ by the dropout masks of the inner decoder, which are a function of each draw's noise.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from einops import rearrange, repeat
from jaxtyping import Float
from torch import Tensor

from acadiff.clinical.encoder import Text
from acadiff.diffusion.noise import generators_of
from acadiff.generators.base import Example, Generator, Guidance
from acadiff.latent.batch import Batch, side_by_side
from acadiff.modality import Modality
from acadiff.nets.critic import PatchCritic
from acadiff.nets.dropout import dropping
from acadiff.nets.frame import Frame, shifted
from acadiff.nets.translator import UNetTranslator
from acadiff.training.loop import Objective


class Pix2Pix(Generator):
    """Any → target by one pass of a U-Net."""

    name: ClassVar[str] = "pix2pix"
    space: ClassVar[str] = "voxel"
    stochastic: ClassVar[bool] = True

    def __init__(
        self,
        target: Modality,
        *,
        shape: Sequence[int],
        translator: Mapping[str, Any],
        critic: Mapping[str, Any],
        adam: Mapping[str, Any],
        l1: float,
        shift: int,
    ) -> None:
        """Make an untrained generator.

        Args:
            target: what it makes.
            shape: of a scan, `(1, i, j, k)`.
            translator: keyword arguments of `UNetTranslator` that the data cannot say.
            critic: likewise of `PatchCritic`, but for its criterion.
            adam: `betas` and `constant` of both objectives.
            l1: weight of the voxelwise error.
            shift: most voxels that a training example is moved by along an axis.
        """
        super().__init__(target)
        self.sources = len(target.others)
        told = 2 * self.sources
        self.translator = UNetTranslator(channels_in=told, **translator)
        self.critic = PatchCritic(channels_in=told + 1, criterion="bce", spectral=False, **critic)
        self.frame = Frame(shape[1:], self.translator.divisor)
        self.adam = {"betas": tuple(adam["betas"]), "constant": adam["constant"]}
        self.weights, self.shift = {"fool": 1.0, "l1": l1}, shift

    def phases(self) -> Sequence[Mapping[str, Objective[Example]]]:
        """One: critic and translator in turn."""
        own = dict(self.named_parameters())
        critic = {k: p for k, p in own.items() if k.startswith("critic.")}
        rest = {k: p for k, p in own.items() if k not in critic}
        return (
            {
                "critic": Objective(critic, self._critic_losses, {"critic": 1.0}, **self.adam),
                "translator": Objective(rest, self._losses, self.weights, **self.adam),
            },
        )

    def _critic_losses(self, example: Example) -> dict[str, Tensor]:
        seen, truth = self._pair(example)
        with torch.no_grad():
            made = self._translated(seen, example)
        real, fake = (torch.cat([seen, image], dim=1) for image in (truth, made))
        return {"critic": self.critic.teach(real, fake)}

    def _losses(self, example: Example) -> dict[str, Tensor]:
        seen, truth = self._pair(example)
        made = self._translated(seen, example)
        fool = self.critic.fool(torch.cat([seen, made], dim=1))
        return {"fool": fool, "l1": (made - truth).abs().mean()}

    def _pair(self, example: Example) -> tuple[Tensor, Tensor]:
        """What is seen and what is true, moved alike and framed."""
        seen = side_by_side(example.batch)
        images = torch.cat([seen[:, : self.sources], example.truth], dim=1)
        moved = shifted(images, self.shift, example.random)
        told = seen[:, self.sources :, 0, 0, 0]
        shown, truth = moved[:, : self.sources], moved[:, self.sources :]
        return self.frame.put(shown, told), self.frame.put(truth)

    def _translated(self, seen: Tensor, example: Example) -> Tensor:
        with dropping(self.translator, [example.random] * len(seen)):
            return torch.as_tensor(self.translator(seen))

    @torch.no_grad()
    def sample(
        self,
        batch: Batch,
        text: Text,  # noqa: ARG002
        noise: Float[Tensor, "b n c i j k"],
        guidance: Guidance | None = None,  # noqa: ARG002
    ) -> Float[Tensor, "b n c i j k"]:
        """Translate once a draw, under masks that its noise decides."""
        draws, seen = noise.shape[1], side_by_side(batch)
        framed = self.frame.put(seen[:, : self.sources], seen[:, self.sources :, 0, 0, 0])
        randoms = generators_of(rearrange(noise, "b n ... -> (b n) ..."))
        with dropping(self.translator, randoms):
            made = self.translator(repeat(framed, "b ... -> (b n) ...", n=draws))
        return rearrange(self.frame.cut(made), "(b n) c i j k -> b n c i j k", n=draws)
