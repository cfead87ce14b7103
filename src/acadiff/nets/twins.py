"""An arm of PASTA: a 2D U-Net that reads an image for its twin, or denoises one, led by its twin.

After Li et al. (MICCAI 2024), on MONAI's U-Net. Two arms are built alike, so that their residual
blocks answer in the same order and with the same shapes. Reading, an arm keeps what each of its
blocks says; denoising, each of its blocks multiplies its hidden layer by `1 + F`, where F is what
its twin's block of the same depth said, behind the block's second norm. Forward hooks do both.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, Int
from monai.networks.nets import DiffusionModelUNet
from monai.networks.nets.diffusion_model_unet import DiffusionUNetResnetBlock
from torch import Tensor, nn

Features = Sequence[Float[Tensor, "b _ _ _"]]


class Arm(nn.Module):
    """One of two twins."""

    def __init__(self, *, channels_in: int, channels_out: int, **network: Any) -> None:
        """Make an arm.

        Args:
            channels_in: of an image that is read, or denoised together with what it is told.
            channels_out: of an answer.
            **network: other keyword arguments of MONAI's `DiffusionModelUNet`.
        """
        super().__init__()
        self.network = DiffusionModelUNet(
            spatial_dims=2,
            in_channels=channels_in,
            out_channels=channels_out,
            resblock_updown=True,
            **network,
        )
        self.width_time = self.network.time_embed[-1].out_features
        self._divisor = 2 ** (len(network["channels"]) - 1)
        self._says: list[Tensor] | None = None
        self._led: Iterator[Tensor] | None = None
        self._told: Tensor | None = None
        self.blocks = _blocks(self.network)
        for block in self.blocks:
            block.register_forward_hook(self._keep)
            block.norm2.register_forward_hook(self._follow)
        self.network.time_embed.register_forward_hook(self._hear)

    def read(self, image: Float[Tensor, "b c i j"]) -> tuple[Float[Tensor, "b o i j"], Features]:
        """What it makes of an image, and what its blocks say of it."""
        features: list[Tensor] = []
        with self._being(says=features):
            answer = self._run(image, torch.zeros(len(image), device=image.device))
        return answer, features

    def denoise(
        self,
        image: Float[Tensor, "r c i j"],
        t: Int[Tensor, " r"],
        features: Features,
        told: Float[Tensor, "r w"],
    ) -> Float[Tensor, "r o i j"]:
        """What it makes of noisy images.

        Args:
            image: noisy; as many rows for each that was read as there are draws.
            t: integer times.
            features: what its twin's blocks said.
            told: added to the embedding of the time.
        """
        with self._being(led=iter(features), told=told):
            return self._run(image, t)

    def _run(self, image: Tensor, t: Tensor) -> Tensor:
        """The U-Net, on a grid that halves."""
        i, j = image.shape[2:]
        room = (0, -j % self._divisor, 0, -i % self._divisor)
        answer = self.network(F.pad(image, room, value=-1.0), t)
        return torch.as_tensor(answer).float()[:, :, :i, :j]

    @contextmanager
    def _being(self, **role: Any) -> Iterator[None]:
        """Within, hooks do what a role asks for."""
        self._says, self._led, self._told = (role.get(k) for k in ("says", "led", "told"))
        try:
            yield
        finally:
            self._says = self._led = self._told = None

    def _keep(self, block: nn.Module, given: Any, said: Tensor) -> None:  # noqa: ARG002
        if self._says is not None:
            self._says.append(said)

    def _follow(self, norm: nn.Module, given: Any, hidden: Tensor) -> Tensor | None:  # noqa: ARG002
        """`h · (1 + F)`, for all draws that share what was read."""
        if self._led is None:
            return None
        feature = next(self._led)
        rows = rearrange(hidden, "(b n) c i j -> b n c i j", b=len(feature))
        return (rows * (1 + feature[:, None])).flatten(0, 1)

    def _hear(self, embed: nn.Module, given: Any, time: Tensor) -> Tensor | None:  # noqa: ARG002
        return None if self._told is None else time + self._told.to(time.dtype)


def _blocks(network: nn.Module) -> Sequence[DiffusionUNetResnetBlock]:
    """Residual blocks in the order in which they are asked."""
    return [m for m in network.modules() if isinstance(m, DiffusionUNetResnetBlock)]


def facts(width_in: int, width_out: int) -> nn.Sequential:
    """Two layers that make of numbers what a denoising arm is told."""
    return nn.Sequential(
        nn.Linear(width_in, width_out), nn.SiLU(), nn.Linear(width_out, width_out)
    )
