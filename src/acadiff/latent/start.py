"""Where the posterior mean starts from: a ridge regression, for which few people suffice.

What sources and prompt say of the whole brain, such as how much amyloid there is, is a faint
signal in many voxels, and a network that learns from 480 people does not find it: from MRI it
explained nothing of the cortical AV45 composite, and this regression what there is to explain
[ours: measured, docs/results.md]. So the principal components of the target's latent are regressed
on those of the sources and on the mean of the prompt's vectors, in closed form, and the network
learns what is left.

Each pattern of sources has two regressions: with the prompt, and without, for prompts that tell
nothing of the patient. Penalties are chosen by leave-one-out, and in training everybody's start is
the one predicted by all others, so that the network meets it as it will be on people unseen.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Float64
from torch import Tensor, nn
from torch.nn import functional

from acadiff.latent.batch import Batch, pattern_of, source_patterns
from acadiff.latent.components import Components
from acadiff.modality import Modality

_PENALTIES = torch.logspace(-4, 4, 33, dtype=torch.float64)
_TEXT_WEIGHTS = (0.3, 1.0, 3.0)  # of the prompt against the sources, chosen by leave-one-out
_LEAST_PEOPLE = 8  # in a regression; of fewer the mean is the answer
_TOLD = 1e-2  # a prompt farther than this from the silent one tells something


class Shown(NamedTuple):
    """Some people under one pattern of sources.

    Args:
        batch: their sources.
        pooled: the mean of the vectors of each prompt.
        truth: their targets.
    """

    batch: Batch
    pooled: Float[Tensor, "b e"]
    truth: Float[Tensor, "b c i j k"]


class Answer(NamedTuple):
    """A regression on some people.

    Args:
        slopes: features → components, both less their means.
        crossed: what all others predict for each of these people.
        error: mean square of that prediction's error.
    """

    slopes: Float[Tensor, "p k"]
    crossed: Float[Tensor, "n k"]
    error: float


@dataclass
class _Rows:
    """Training people under one pattern, told or not."""

    keys: list[str]
    images: Float[Tensor, "n s d"]
    pooled: Float[Tensor, "n e"]
    truth: Float[Tensor, "n d"]


class Start(nn.Module):
    """Sources and prompt → a first, smooth answer, `(b c i j k)`."""

    weights: Tensor
    silent: Tensor

    def __init__(
        self, target: Modality, *, shape: Sequence[int], width: int, components: int, pool: int
    ) -> None:
        """Make an unfitted one, whose answer is zero.

        Args:
            target: what is made.
            shape: of its latent, `(c, i, j, k)`.
            width: of the prompt's vectors.
            components: of the target and of each source.
            pool: voxels of the latent a side that are averaged before.
        """
        super().__init__()
        self.slots = [m.index for m in target.others]
        self.patterns = source_patterns(target)
        channels, *grid = shape
        self.grid = torch.Size(grid)
        self.pool = pool
        self.coarse = (channels, *(-(-side // pool) for side in grid))
        size = torch.Size(self.coarse).numel()
        self.target = Components(components, size)
        self.sources = nn.ModuleList(Components(components, size) for _ in self.slots)
        features = len(self.slots) * components + width + 1
        self.register_buffer("weights", torch.zeros(len(self.patterns), 2, features, components))
        self.register_buffer("silent", torch.zeros(len(self.patterns), width))
        self._crossed: dict[tuple[str, int, bool], Tensor] = {}

    @torch.no_grad()
    def forward(self, batch: Batch, pooled: Float[Tensor, "b e"]) -> Float[Tensor, "b c i j k"]:
        """Predict; for people it was fitted on, from all others.

        Args:
            batch: the sources.
            pooled: mean of the vectors of each prompt.
        """
        # Half precision would round what tells a silent prompt from another, and the regression.
        with torch.autocast(pooled.device.type, enabled=False):
            return self._predicted(batch, pooled)

    def _predicted(self, batch: Batch, pooled: Float[Tensor, "b e"]) -> Float[Tensor, "b c i j k"]:
        rows = [self._row(batch, pooled, row) for row in range(len(batch.subjects))]
        return self._fine(self.target.image(torch.stack(rows)))

    def _row(self, batch: Batch, pooled: Float[Tensor, "b e"], row: int) -> Float[Tensor, " k"]:
        which = self.pattern(batch.available[row])
        said = pooled[row].float()
        told = bool((said - self.silent[which]).abs().amax() > _TOLD) if said.numel() else False
        known = self._crossed.get((batch.subjects[row], which, told))
        if known is not None:
            return known.to(said.device)
        available = batch.available[row : row + 1, self.slots]
        images = self._flat(batch.images[row : row + 1, self.slots])
        features = self._features(images, available, pooled[row : row + 1].float())
        return (features @ self.weights[which, int(told)])[0]

    def pattern(self, available: Bool[Tensor, " m"]) -> int:
        """Which pattern of sources this is."""
        return self.patterns.index(pattern_of(available))

    def coordinates(self, change: Float[Tensor, "b c i j k"]) -> Float[Tensor, "b e"]:
        """How far a change of the target goes along each of its components."""
        return self.target.scores(self._flat(change[:, None])[:, 0] + self.target.mean)

    def change(self, coordinates: Float[Tensor, "b e"]) -> Float[Tensor, "b c i j k"]:
        """The change of the target that goes so far along its components."""
        return self._fine(self.target.image(coordinates) - self.target.mean)

    def _fine(self, flat: Float[Tensor, "b d"]) -> Float[Tensor, "b c i j k"]:
        """Flattened images of blocks, on the latent's grid."""
        image = flat.reshape(-1, *self.coarse)
        wide = functional.interpolate(image, scale_factor=float(self.pool), mode="trilinear")
        i, j, k = self.grid
        return wide[..., :i, :j, :k]

    def forget(self) -> None:
        """Predict those it was fitted on like anybody else."""
        self._crossed.clear()

    def _flat(self, images: Float[Tensor, "b s c i j k"]) -> Float[Tensor, "b s d"]:
        """Averaged over blocks and flattened."""
        flat = rearrange(images.float(), "b s c i j k -> (b s) c i j k")
        small = functional.avg_pool3d(flat, self.pool, ceil_mode=True)
        return rearrange(small, "(b s) c i j k -> b s (c i j k)", b=len(images))

    def _features(
        self,
        images: Float[Tensor, "n s d"],
        available: Bool[Tensor, "n s"],
        pooled: Float[Tensor, "n e"],
    ) -> Float[Tensor, "n p"]:
        """Components of what is there, zero for what is not, the prompt, and a constant."""
        blocks = [
            torch.where(available[:, slot, None], self._part(slot).scores(images[:, slot]), 0.0)
            for slot in range(len(self.slots))
        ]
        return torch.cat([*blocks, pooled, torch.ones(len(images), 1, device=images.device)], 1)

    @torch.no_grad()
    def fit(
        self,
        told: Iterable[Shown],
        untold: Iterable[Shown],
    ) -> None:
        """Fit all regressions.

        Args:
            told: training people under every pattern.
            untold: the same, their prompts telling nothing of them.
        """
        rows = {(w, True): r for w, r in self._gathered(told).items()}
        rows |= {(w, False): r for w, r in self._gathered(untold).items()}
        self._fit_components({w: r for (w, said), r in rows.items() if not said})
        for (which, said), people in rows.items():
            if not said and people.pooled.shape[1]:
                self.silent[which] = people.pooled[0]
            self._fit_one(which, people, said=said)

    def _gathered(self, examples: Iterable[Shown]) -> dict[int, _Rows]:
        """The examples by pattern."""
        parts: dict[int, list[_Rows]] = {}
        for batch, pooled, truth in examples:
            which = self.pattern(batch.available[0])
            images = self._flat(batch.images[:, self.slots])
            wanted = self._flat(truth[:, None])[:, 0]
            found = _Rows(list(batch.subjects), images, pooled.float(), wanted)
            parts.setdefault(which, []).append(found)
        return {
            which: _Rows(
                [key for part in several for key in part.keys],
                torch.cat([part.images for part in several]),
                torch.cat([part.pooled for part in several]),
                torch.cat([part.truth for part in several]),
            )
            for which, several in parts.items()
        }

    def _fit_components(self, rows: Mapping[int, _Rows]) -> None:
        """Each modality's components, from everybody who has it."""
        truths = {k: t for r in rows.values() for k, t in zip(r.keys, r.truth, strict=True)}
        self.target.fit(torch.stack(list(truths.values())))
        for slot in range(len(self.slots)):
            shown = [r for w, r in rows.items() if self._has(w, slot)]
            images = {k: i for r in shown for k, i in zip(r.keys, r.images[:, slot], strict=True)}
            if images:
                self._part(slot).fit(torch.stack(list(images.values())))

    def _part(self, slot: int) -> Components:
        part = self.sources[slot]
        assert isinstance(part, Components)
        return part

    def _has(self, which: int, slot: int) -> bool:
        return self.slots[slot] in {m.index for m in self.patterns[which]}

    def _fit_one(self, which: int, people: _Rows, *, said: bool) -> None:
        """The regression of one pattern; how much a prompt weighs is chosen by leave-one-out."""
        count, width = len(people.keys), people.pooled.shape[1]
        there = torch.tensor([[self._has(which, s) for s in range(len(self.slots))]] * count)
        features = self._features(people.images, there.to(people.images.device), people.pooled)
        features, wanted = features[:, :-1].double(), self.target.scores(people.truth).double()
        answers = []
        for weight in _TEXT_WEIGHTS if said and width else (0.0,):
            factors = torch.ones_like(features[0])
            factors[features.shape[1] - width :] = weight / _length(people.pooled)
            answer = ridge(features * factors, wanted)
            answers.append(answer._replace(slopes=answer.slopes * factors[:, None]))
        best = min(answers, key=lambda answer: answer.error)
        constant = wanted.mean(dim=0) - features.mean(dim=0) @ best.slopes
        self.weights[which, int(said)] = torch.cat([best.slopes, constant[None]]).float()
        for key, row in zip(people.keys, best.crossed.float().cpu(), strict=True):
            self._crossed[key, which, said] = row


def _length(block: Float[Tensor, "n e"]) -> float:
    """Root mean square distance from the mean; one if there is none."""
    around = (block - block.mean(dim=0)).square().sum(dim=1).mean().sqrt() if len(block) else 0
    return float(around) or 1.0


def ridge(features: Float64[Tensor, "n p"], wanted: Float64[Tensor, "n k"]) -> Answer:
    """Ridge regression, each column of `wanted` with the penalty that leave-one-out prefers.

    Leaving one out needs no refitting: the error grows by 1 / (1 - h), h being what a person's own
    value counts for in its own prediction.
    """
    n, middle = len(features), wanted.mean(dim=0)
    slopes = features.new_zeros(features.shape[1], wanted.shape[1])
    if n < _LEAST_PEOPLE:
        return Answer(slopes, middle.expand(n, -1), float((wanted - middle).square().mean()))
    u, s, v = torch.linalg.svd(features - features.mean(dim=0), full_matrices=False)
    inside = u.T @ (wanted - middle)
    least, crossed = wanted.new_full((wanted.shape[1],), torch.inf), wanted.clone()
    for penalty in _PENALTIES:
        kept = s.square() / (s.square() + penalty)
        own = u.square() @ kept + 1 / n
        error = (wanted - middle - u @ (kept[:, None] * inside)) / (1 - own)[:, None]
        better = error.square().mean(dim=0) < least
        least = torch.where(better, error.square().mean(dim=0), least)
        crossed[:, better] = (wanted - error)[:, better]
        weights = v.T @ ((s / (s.square() + penalty))[:, None] * inside)
        slopes[:, better] = weights[:, better]
    return Answer(slopes, crossed, float(least.mean()))
