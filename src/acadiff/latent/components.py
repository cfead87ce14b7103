"""Mean and principal axes of images."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Components(nn.Module):
    """Mean and principal axes of flattened images, in units of the greatest SD."""

    mean: Tensor
    axes: Tensor
    scale: Tensor

    def __init__(self, count: int, size: int) -> None:
        """Make room for `count` axes of images of `size` values; all zero until fitted."""
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("axes", torch.zeros(count, size))
        self.register_buffer("scale", torch.ones(()))

    @torch.no_grad()
    def fit(self, images: Float[Tensor, "n d"]) -> None:
        """Take the leading components of some images."""
        mean = images.mean(dim=0)
        _, spread, axes = torch.linalg.svd(images - mean, full_matrices=False)
        count = min(len(self.axes), len(axes), len(images) - 1)
        self.mean.copy_(mean)
        self.axes.zero_()
        self.axes[:count] = axes[:count]
        self.scale.copy_((spread[0] / max(1, len(images) - 1) ** 0.5).clamp(min=1e-6))

    def scores(self, images: Float[Tensor, "n d"]) -> Float[Tensor, "n k"]:
        """Coordinates along the axes."""
        return (images - self.mean) @ self.axes.T / self.scale

    def image(self, scores: Float[Tensor, "n k"]) -> Float[Tensor, "n d"]:
        """The images of these coordinates."""
        return self.mean + self.scale * scores @ self.axes
