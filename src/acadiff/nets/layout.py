"""How weights lie in memory: channels last, as convolutions of oneDNN and cuDNN read them.

Values laid out otherwise are turned round before and after every convolution. With weights laid
out so, what a convolution returns is so, too, and one turn at a network's door is all there is.
"""

from torch import channels_last_3d, nn

_VOLUMES = 5
"""Dimensions of a 3D convolution's weight."""


def channels_last(module: nn.Module) -> None:
    """Lay the weights of 3D convolutions out channels last, in place; their values stay.

    Those of 2D convolutions stay as they are: it did not pay (docs/benchmark.md).
    """
    for weight in module.parameters():
        if weight.ndim == _VOLUMES:
            weight.data = weight.data.contiguous(memory_format=channels_last_3d)
