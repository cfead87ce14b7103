"""The disease-specific network of Pan et al. 2019: a classifier whose maps are compared."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from monai.networks.blocks import Convolution
from torch import Tensor, nn


class DSNN(nn.Module):
    """Blocks of convolution, instance norm and ReLU, then a spatial cosine head."""

    def __init__(self, *, shape: Sequence[int], widths: Sequence[int], pools: int) -> None:
        """Make a classifier of two classes.

        Args:
            shape: `(i, j, k)` of the scans.
            widths: channels of each block.
            pools: after how many of the first blocks the grid is halved.
        """
        super().__init__()
        steps = zip((1, *widths[:-1]), widths, strict=True)
        self.blocks = nn.ModuleList(
            Convolution(
                3, a, b, adn_ordering="NA", norm=("INSTANCE", {"affine": True}), act="RELU",
                bias=False,
            )
            for a, b in steps
        )  # fmt: skip
        self.pools = pools
        for _ in range(pools):
            shape = [(side - 1) // 2 + 1 for side in shape]
        cells = math.prod((side - 3) // 2 + 1 for side in shape)
        self.head = nn.Linear(2 * widths[-1] * cells, 2)

    def features(self, image: Float[Tensor, "b 1 i j k"]) -> list[Tensor]:
        """The map of every block, before pooling."""
        maps, seen = [], image
        for level, block in enumerate(self.blocks):
            seen = block(seen)
            maps.append(seen)
            if level < self.pools:
                seen = F.max_pool3d(seen, 3, stride=2, padding=1)
        return maps

    def forward(self, image: Float[Tensor, "b 1 i j k"]) -> Float[Tensor, "b 2"]:
        """Logits.

        At each cell of a coarse grid f and f² - 1 are divided by their joint norm, so that the
        pattern decides and not its strength; then all cells together by theirs.
        """
        cells = F.avg_pool3d(self.features(image)[-1].float(), 3, stride=2)
        pattern = F.normalize(torch.cat([cells, cells**2 - 1], dim=1), dim=1)
        return torch.as_tensor(self.head(F.normalize(pattern.flatten(1), dim=1)))

    def distance(
        self, made: Float[Tensor, "b 1 i j k"], truth: Float[Tensor, "b 1 i j k"]
    ) -> Float[Tensor, ""]:
        """Sum over blocks of the mean absolute difference of their maps."""
        pairs = zip(self.features(made), self.features(truth), strict=True)
        return torch.stack([(a.float() - b.float()).abs().mean() for a, b in pairs]).sum()
