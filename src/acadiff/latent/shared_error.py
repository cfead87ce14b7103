"""What an imputed brain is wrong about as a whole, which its draws have to show.

Diffusion learns the texture of what the sources leave open, but from a few hundred people hardly
how much whole regions rise and fall together: along the first component of AV45 the draws' SD was
an eighth of the error they stand for [ours: measured, docs/results.md]. A draw would then be too
sure of every regional mean. So each draw is given what draws lack: a Gaussian along the leading
components of the target, with the covariance of the errors on people unseen less that of the
draws. It is odd in the noise, so that antithetic pairs leave the mean where it was.
"""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from einops import reduce
from jaxtyping import Float, Float64
from torch import Tensor, nn

from acadiff.diffusion.noise import generator
from acadiff.latent.batch import Batch
from acadiff.latent.start import Start

_LEAST = 1e-6


class Erred(NamedTuple):
    """People nobody was trained on, under one pattern of sources.

    Args:
        batch: their sources.
        error: the truth less its mean.
        draws: less that mean; antithetic pairs.
    """

    batch: Batch
    error: Float[Tensor, "b c i j k"]
    draws: Float[Tensor, "b n c i j k"]


class SharedError(nn.Module):
    """Standard normal noise → a smooth change of each draw; one covariance a pattern."""

    factors: Tensor
    signs: Tensor

    def __init__(self, patterns: int, *, components: int, size: int) -> None:
        """Make an unfitted one, which changes nothing.

        Args:
            patterns: of sources.
            components: along which errors are told.
            size: number of values of one noise tensor.
        """
        super().__init__()
        self.register_buffer("factors", torch.zeros(patterns, components, components))
        usable = size // components * components
        signs = torch.randint(2, (usable,), generator=generator("shared error")) * 2 - 1
        self.register_buffer("signs", signs.to(torch.int8), persistent=False)

    @torch.no_grad()
    def forward(
        self, start: Start, batch: Batch, noise: Float[Tensor, "b n c i j k"]
    ) -> Float[Tensor, "b n c i j k"]:
        """What is added to each draw.

        Args:
            start: whose components the covariance is told in.
            batch: the sources.
            noise: that the draws start from.
        """
        with torch.autocast(noise.device.type, enabled=False):
            normal = self._normal(noise.float())
            factors = self.factors[[start.pattern(row) for row in batch.available]]
            along = torch.einsum("bne,bef->bnf", normal, factors).flatten(0, 1)
            return start.change(along).reshape(noise.shape)

    def _normal(self, noise: Float[Tensor, "b n c i j k"]) -> Float[Tensor, "b n e"]:
        """Numbers from noise that are standard normal, too.

        Sums under random signs are next to independent of anything smooth made of the same noise.
        """
        count = self.factors.shape[-1]
        flat = noise.flatten(2)[..., : len(self.signs)] * self.signs
        summed = reduce(flat, "b n (j e) -> b n e", "sum", e=count)
        return torch.as_tensor(summed / (len(self.signs) / count) ** 0.5)

    @torch.no_grad()
    def fit(self, start: Start, people: Iterable[Erred]) -> None:
        """Learn what draws lack.

        Args:
            start: fitted; its components of the target tell errors.
            people: each batch of one pattern; patterns that fewer than two people
                show stay as they are, as one error has no covariance.
        """
        found: dict[int, list[tuple[Tensor, Tensor]]] = {}
        for batch, error, draws in people:
            each = start.coordinates(draws.flatten(0, 1)).reshape(*draws.shape[:2], -1)
            pair = (start.coordinates(error).double(), each.double())
            found.setdefault(start.pattern(batch.available[0]), []).append(pair)
        unit = torch.eye(self.factors.shape[-1], device=self.factors.device)
        # What is found again of a change that is put in: blocks do not average back exactly.
        carried = torch.linalg.pinv(start.coordinates(start.change(unit)).double())
        for which, pairs in found.items():
            errors, each = (torch.cat(parts) for parts in zip(*pairs, strict=True))
            if len(errors) > 1:
                self.factors[which] = (lacking(errors, each) @ carried).float()


def lacking(errors: Float64[Tensor, "p e"], draws: Float64[Tensor, "p n e"]) -> Tensor:
    """A square root `L` of what the draws' covariance lacks of the errors': `LᵀL`.

    Directions in which draws vary enough already are left alone.
    """
    middle = draws.mean(dim=1)
    rest = errors - middle
    unit = rest.square().mean(dim=0).sqrt().clamp(min=_LEAST)
    within = ((draws - middle[:, None]) / unit).flatten(0, 1)
    missing = _covariance(rest / unit) - within.T @ within / len(within)
    values, axes = torch.linalg.eigh(missing)
    return torch.as_tensor(values.clamp(min=0).sqrt()[:, None] * axes.T * unit)


def _covariance(rows: Float64[Tensor, "p e"]) -> Float64[Tensor, "e e"]:
    """Of few people and many coordinates: shrunk (Ledoit and Wolf 2004)."""
    from sklearn.covariance import ledoit_wolf

    return torch.from_numpy(ledoit_wolf(rows.cpu().numpy())[0]).to(rows.device)
