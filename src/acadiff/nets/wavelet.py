"""The orthonormal 3D Haar transform: half the grid, eight times the channels, no loss.

It is the codec's stem. Every convolution behind one level sees an eighth of the voxels, which
makes the full-resolution layers of an autoencoder eight times cheaper; being orthonormal it also
keeps energies, so an error in coefficients is the same error in voxels.
"""

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn


def _haar_matrix() -> Tensor:
    """The 8 x 8 orthonormal matrix over the corners of a 2 x 2 x 2 cell; it is symmetric."""
    pair = torch.tensor([[1.0, 1.0], [1.0, -1.0]]) / 2**0.5
    return torch.kron(torch.kron(pair, pair), pair)


class Haar(nn.Module):
    """`levels` Haar transforms of a volume and exactly back."""

    matrix: Tensor

    def __init__(self, *, levels: int) -> None:
        """Make the transform that divides each side by `2**levels`."""
        super().__init__()
        self.levels = levels
        self.register_buffer("matrix", _haar_matrix(), persistent=False)

    @property
    def factor(self) -> int:
        """How many voxels along one side go into one cell."""
        return int(2**self.levels)

    def forward(self, x: Float[Tensor, "b c i j k"]) -> Float[Tensor, "b C I J K"]:
        """Analyse: `(b, c, i, j, k)` to `(b, c·8^levels, i/2^levels, …)`."""
        for _ in range(self.levels):
            x = rearrange(x, "b c (i p) (j q) (k r) -> b c (p q r) i j k", p=2, q=2, r=2)
            x = torch.einsum("op,bcpijk->bcoijk", self.matrix, x).flatten(1, 2)
        return x

    def inverse(self, x: Float[Tensor, "b C I J K"]) -> Float[Tensor, "b c i j k"]:
        """Synthesise: the transpose, which is the inverse."""
        for _ in range(self.levels):
            x = rearrange(x, "b (c o) i j k -> b c o i j k", o=8)
            x = torch.einsum("op,bcoijk->bcpijk", self.matrix, x)
            x = rearrange(x, "b c (p q r) i j k -> b c (i p) (j q) (k r)", p=2, q=2, r=2)
        return x
