"""Networks that turn channels into one scan: the U-Net of Pix2Pix, the residual one of DS-GAN.

Both answer in [-1, 1], and want every side of their input to be a multiple of `divisor`.

What is told by a channel that is the same everywhere (a label, availability) a convolution turns
into a constant, and an instance norm right after it subtracts that again, to the last bit. So
whoever is told something must have a first convolution without norm.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from monai.networks.blocks import Convolution
from monai.networks.nets import UNet
from torch import Tensor, nn

from acadiff.nets.dropout import HandedDropout

_NORM = ("INSTANCE", {"affine": True})
_INNER = "2.adn.D"
"""How MONAI calls the dropout of a decoder block; the outermost has none."""
_NARROW = 0.02


class UNetTranslator(nn.Module):
    """Isola et al. 2017 in 3D: dropout in the inner decoder blocks is the only randomness."""

    def __init__(self, *, channels_in: int, widths: Sequence[int], dropout: float) -> None:
        """Make a U-Net.

        Args:
            channels_in: of its input.
            widths: channels per resolution, each half of the one before.
            dropout: share of values dropped in every decoder block but the outermost.
        """
        super().__init__()
        self.divisor = 2 ** (len(widths) - 1)
        self.network = UNet(
            spatial_dims=3,
            in_channels=channels_in,
            out_channels=1,
            channels=widths,
            strides=[2] * (len(widths) - 1),
            num_res_units=0,
            act=("LeakyReLU", {"negative_slope": 0.2}),
            norm=_NORM,
            dropout=dropout,
            bias=False,
        )
        self.network.get_submodule("model.0.adn").N = nn.Identity()  # as in the original, too
        self.shade = nn.Parameter(torch.zeros(1))
        for name, module in list(self.network.named_modules()):
            if isinstance(module, nn.Dropout):
                place = HandedDropout(dropout) if name.endswith(_INNER) else nn.Identity()
                self.network.get_submodule(name.rpartition(".")[0]).D = place
            if isinstance(module, nn.Conv3d | nn.ConvTranspose3d):
                nn.init.normal_(module.weight, std=_NARROW)

    def forward(self, x: Float[Tensor, "b c i j k"]) -> Float[Tensor, "b 1 i j k"]:
        """Translate; drops only within `dropping`."""
        return torch.tanh(self.network(x).float() + self.shade)


class Residual(nn.Module):
    """Two convolutions around which the input passes."""

    def __init__(self, width: int) -> None:
        """Keep `width` channels."""
        super().__init__()
        self.first = Convolution(3, width, width, **_usual())
        self.second = Convolution(3, width, width, **_usual(act=None))

    def forward(self, x: Float[Tensor, "b w i j k"]) -> Float[Tensor, "b w i j k"]:
        """Add, then rectify."""
        return torch.relu(x + self.second(self.first(x)))


class ResidualTranslator(nn.Module):
    """Pan et al. 2019: in at full resolution, two halvings, residual blocks, and out again."""

    divisor = 4

    def __init__(
        self, *, channels_in: int, width: int, blocks: int, kernel: int, told: bool
    ) -> None:
        """Make the network.

        Args:
            channels_in: of its input.
            told: whether some of them are constants that matter; the first norm goes then.
            width: channels at full resolution; twice and four times as many below.
            blocks: residual blocks at a quarter of it.
            kernel: side of the first and the last convolution; odd.
        """
        super().__init__()
        wide, wider = 2 * width, 4 * width
        outer: dict[str, Any] = {"kernel_size": kernel, "padding": 0}
        free = {"norm": None, "bias": True} if told else {}
        self.network = nn.Sequential(
            nn.ReflectionPad3d(kernel // 2),
            Convolution(3, channels_in, width, **_usual(**outer, **free)),
            Convolution(3, width, wide, **_usual(strides=2)),
            Convolution(3, wide, wider, **_usual(strides=2)),
            *(Residual(wider) for _ in range(blocks)),
            Convolution(3, wider, wide, **_usual(strides=2, is_transposed=True)),
            Convolution(3, wide, width, **_usual(strides=2, is_transposed=True)),
            nn.ReflectionPad3d(kernel // 2),
            Convolution(3, width, 1, conv_only=True, **outer),
        )

    def forward(self, x: Float[Tensor, "b c i j k"]) -> Float[Tensor, "b 1 i j k"]:
        """Translate."""
        return torch.tanh(self.network(x).float())


def _usual(**changes: Any) -> dict[str, Any]:
    """A block of DS-GAN: convolution, instance norm (which makes a bias idle), ReLU."""
    usual = {"kernel_size": 3, "adn_ordering": "NA", "norm": _NORM, "act": "RELU", "bias": False}
    return {**usual, **changes}
