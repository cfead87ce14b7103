"""PatchGAN: says of every patch whether it is acquired, and how well somebody passes for that.

Discriminator and losses are MONAI's. Its `PatchAdversarialLoss` has an activation of its own (bce:
sigmoid; hinge: tanh, by which the hinge never opens fully), and wants the last element of what its
`PatchDiscriminator` answers.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from monai.losses import PatchAdversarialLoss
from monai.networks.nets import PatchDiscriminator
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

_Loss = Callable[[Tensor, bool, bool], Tensor]


def _absolute(said: Tensor, target_is_real: bool, for_discriminator: bool) -> Tensor:  # noqa: ARG001, FBT001
    """Pan et al. 2019: how far from 1 (acquired) or 0 it is said to be."""
    return (said - float(target_is_real)).abs().mean()


CRITERIA: dict[str, Callable[[], _Loss]] = {
    "bce": lambda: PatchAdversarialLoss(criterion="bce"),
    "hinge": lambda: PatchAdversarialLoss(criterion="hinge"),
    "absolute": lambda: _absolute,
}


class PatchCritic(nn.Module):
    """A discriminator of patches with its criterion."""

    def __init__(
        self,
        *,
        channels_in: int,
        channels: int,
        layers: int,
        kernel: int,
        criterion: str,
        spectral: bool,
    ) -> None:
        """Make a discriminator.

        Args:
            channels_in: of what it judges.
            channels: of its first convolution; doubled by each that follows.
            layers: convolutions between the first and the last; all but the last of them halve.
            kernel: side of every convolution.
            criterion: a name in `CRITERIA`.
            spectral: spectral norm on every convolution, in place of instance norm.
        """
        super().__init__()
        self.network = PatchDiscriminator(
            spatial_dims=3,
            channels=channels,
            in_channels=channels_in,
            num_layers_d=layers,
            kernel_size=kernel,
            norm=None if spectral else "INSTANCE",
            bias=spectral,
        )
        if spectral:
            for module in list(self.network.modules()):
                if isinstance(module, nn.Conv3d):
                    spectral_norm(module)
        self._criterion = CRITERIA[criterion]()

    def teach(
        self, real: Float[Tensor, "b c i j k"], fake: Float[Tensor, "b c i j k"]
    ) -> Float[Tensor, ""]:
        """Half of how badly it tells one from the other."""
        acquired, made = self.network(torch.cat([real, fake]))[-1].chunk(2)
        return 0.5 * (self._judged(acquired, True, True) + self._judged(made, False, True))

    def fool(self, fake: Float[Tensor, "b c i j k"]) -> Float[Tensor, ""]:
        """How far `fake` is from passing; the critic itself is not changed by it."""
        with frozen(self):
            return self._judged(self.network(fake)[-1], True, False)

    def _judged(self, said: Tensor, real: bool, teaching: bool) -> Tensor:
        with torch.autocast(said.device.type, enabled=False):
            return self._criterion(said.float(), real, teaching)


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Within, gradients pass through a module but do not reach its parameters.

    It is in evaluation mode, too, so that no estimate is updated (of spectral norms, say).
    """
    learnt, was = [p for p in module.parameters() if p.requires_grad], module.training
    module.eval()
    for parameter in learnt:
        parameter.requires_grad = False
    try:
        yield
    finally:
        module.train(was)
        for parameter in learnt:
            parameter.requires_grad = True
