"""The first baseline: the voxelwise mean of the training scans, whoever is asked about."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from acadiff.clinical.encoder import Text
from acadiff.generators.base import Example, Generator, Guidance, Training
from acadiff.latent.batch import Batch
from acadiff.modality import Modality
from acadiff.training.loop import Objective


class Mean(Generator):
    """Answers with the training mean; class-agnostic, since class means would leak the label."""

    name: ClassVar[str] = "mean"
    space: ClassVar[str] = "voxel"
    stochastic: ClassVar[bool] = False
    image: Tensor

    def __init__(self, target: Modality, *, shape: Sequence[int]) -> None:
        """Make the generator for volumes of one `shape`, `(1, i, j, k)`."""
        super().__init__(target)
        self.register_buffer("image", torch.zeros(*shape))

    def begin(self, people: Training) -> None:
        """Average the training volumes in one pass."""
        total, count = torch.zeros(self.image.shape, dtype=torch.float64), 0
        for volume in people.truths:
            total += volume
            count += 1
        self.image.copy_(total / count)

    def phases(self) -> Sequence[Mapping[str, Objective[Example]]]:
        """None: the mean is found in closed form."""
        return ()

    def sample(
        self,
        batch: Batch,  # noqa: ARG002
        text: Text,  # noqa: ARG002
        noise: Float[Tensor, "b n c i j k"],
        guidance: Guidance | None = None,  # noqa: ARG002
    ) -> Float[Tensor, "b n c i j k"]:
        """The mean, once per noise."""
        return self.image.expand(*noise.shape[:2], *self.image.shape)
