"""A 3D DenseNet on the three scans of a person [paper §3]: a thin coat on MONAI's."""

import torch
from jaxtyping import Float
from monai.networks.nets.densenet import DenseNet
from torch import Tensor, nn


class Classifier(nn.Module):
    """Completed volumes, as channels → one number a class, before the softmax."""

    def __init__(
        self,
        *,
        modalities: int,
        classes: int,
        features: int,
        growth: int,
        blocks: tuple[int, ...],
        dropout: float,
    ) -> None:
        """Make an untrained network.

        Args:
            modalities: channels that come in.
            classes: numbers that come out.
            features: channels of the stem.
            growth: channels that a layer adds.
            blocks: layers of each block; each block after the first halves the grid.
            dropout: in every layer.
        """
        super().__init__()
        self.net = DenseNet(
            spatial_dims=3,
            in_channels=modalities,
            out_channels=classes,
            init_features=features,
            growth_rate=growth,
            block_config=blocks,
            dropout_prob=dropout,
        )
        self.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]

    def forward(self, x: Float[Tensor, "b m i j k"]) -> Float[Tensor, "b c"]:
        """Logits; no scan is marked as imputed."""
        return torch.as_tensor(self.net(x.to(memory_format=torch.channels_last_3d)).float())
