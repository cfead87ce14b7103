"""ACADiff itself [paper §2]: adaptive fusion, clinical prompt and time guide a latent denoiser.

One departure [ours: measured, docs/results.md]. The latent is split into what the sources and the
prompt determine and what they leave open: `z_0 = anchor + rest`. The *anchor* is the posterior
mean, learned by a U-Net like the denoiser that sees no noise (an L2 loss); diffusion then models
the rest. Learning the mean through the denoiser alone takes several times the training, because
most noise levels teach it little about the sources; and the anchor is computed once a subject, not
once a draw and step. Weather downscaling knows the same split (CorrDiff, Mardani et al. 2024).

The rest is diffused in units of its *spread*, the anchor's RMS error at each place of the latent,
so that uncertainty differs between places by construction. Training subjects give the spread that
the rest is divided by, validation subjects the one it is multiplied with: the anchor errs less on
people it has seen, and draws scaled by that error would be too sure of themselves. What whole
regions are wrong about together is added to each draw (latent/shared_error.py).
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from acadiff.clinical.encoder import Text
from acadiff.diffusion.noise import Noise
from acadiff.diffusion.objective import PREDICTIONS, diffusion_losses
from acadiff.diffusion.sampler import SAMPLERS
from acadiff.diffusion.schedule import CosineSchedule
from acadiff.generators.base import Example, Examples, Generator, Guidance, Training
from acadiff.latent.batch import Batch
from acadiff.latent.shared_error import Erred, SharedError
from acadiff.latent.start import Shown, Start
from acadiff.modality import Modality
from acadiff.nets.denoiser import Denoiser
from acadiff.nets.fusion import FUSIONS
from acadiff.nets.reader import Reader, Words
from acadiff.training.loop import Objective

_LEAST_SPREAD = 0.02
_DRAWS = 2
"""A pair of draws of each person shows how much they vary."""


class ACADiff(Generator):
    """Any → target by conditional latent diffusion."""

    name: ClassVar[str] = "acadiff"
    space: ClassVar[str] = "latent"
    stochastic: ClassVar[bool] = True
    encoder: ClassVar[str | None] = None
    undiffused: ClassVar[int] = 1
    spread_seen: Tensor
    spread: Tensor

    def __init__(
        self,
        target: Modality,
        *,
        latent_shape: Sequence[int],
        width_text_in: int,
        embed: int | None = None,
        start: Mapping[str, int] | None = None,
        anchor: Mapping[str, Any],
        denoiser: Mapping[str, Any],
        fusion: Mapping[str, Any],
        diffusion: Mapping[str, Any],
    ) -> None:
        """Make an untrained generator.

        Args:
            target: what it makes.
            latent_shape: `(c, i, j, k)`.
            width_text_in: width of the text encoder's tokens.
            embed: width of a learned embedding of them (ACADiff-emb [paper §3]); None reads them
                as they are, standardised.
            start: keyword arguments of `Start` that the data cannot say; no components, no start.
            anchor: keyword arguments of the mean's `Denoiser` that the data cannot say.
            denoiser: likewise of the denoiser proper.
            fusion: likewise of `AdaptiveFusion`, and its `kind`, if it is another of `FUSIONS`.
            diffusion: `timesteps`, `prediction`, `sampler`, `steps`, `consistency` (λ) and
                `early` (training times are drawn as `1 - u^early`, so above 1 favours noise).
        """
        super().__init__(target)
        channels, *grid = latent_shape
        self.channels = channels
        how = {"kind": "adaptive", **fusion}  # weights of when there was no choice name none
        made = FUSIONS[how.pop("kind")]
        self.fusion = made(modalities=len(target.others), channels=channels, **how)
        shared = {
            "channels": channels,
            "width_fused": fusion["width"],
            "grid": grid,
            "width_text_in": embed or width_text_in,
        }
        self.reader = Reader(width_text_in, embed)
        self.start: Start | None = None
        if start is not None and start["components"] > 0:
            self.start = Start(target, shape=latent_shape, width=width_text_in, **start)
            self.shared_error = SharedError(
                len(self.start.patterns),
                components=start["components"],
                size=math.prod(latent_shape),
            )
        self.anchor = Denoiser(**shared, **anchor)
        self.denoiser = Denoiser(**shared, **denoiser)
        self.register_buffer("spread_seen", torch.ones(latent_shape))
        self.register_buffer("spread", torch.ones(latent_shape))
        self.schedule = CosineSchedule(timesteps=diffusion["timesteps"])
        self.prediction = PREDICTIONS[diffusion["prediction"]]
        self.consistency, self.early = diffusion["consistency"], diffusion["early"]
        self.sampler = SAMPLERS[diffusion["sampler"]](
            schedule=self.schedule, prediction=self.prediction, steps=diffusion["steps"]
        )

    def begin(self, people: Training) -> None:
        """Store the statistics of the training prompts' tokens, and fit the start."""
        self.reader.fit(people.text.tokens[people.text.mask])
        if self.start is not None:
            self.start.fit(self._shown(people.told()), self._shown(people.untold()))

    def _shown(self, examples: Examples) -> Iterator[Shown]:
        return (Shown(e.batch, self.reader(*e.text).pooled, e.truth) for e in examples)

    @torch.no_grad()
    def after(
        self, phase: str, seen: Callable[[], Examples], unseen: Callable[[], Examples]
    ) -> None:
        """Store the anchor's RMS error per place once it is trained, and then what draws lack.

        Where there is nobody unseen, the error on those seen has to do for both spreads, and
        nothing is known of what draws lack.
        """
        if phase == "diffusion":
            self._fit_shared_error(unseen())
            return
        self.spread_seen.copy_(self._anchor_error(seen()))
        others = list(unseen())
        self.spread.copy_(self._anchor_error(others) if others else self.spread_seen)

    def _anchor_error(self, examples: Examples) -> Float[Tensor, "c i j k"]:
        total, count = torch.zeros_like(self.spread), 0
        for example in examples:
            anchor = self._anchor(
                example.batch, self._fused(example.batch), self.reader(*example.text)
            )
            total += (example.truth - anchor).square().sum(dim=0)
            count += len(anchor)
        # The floor keeps the empty background from being blown up to unit variance.
        return (total / count).sqrt().clamp(min=_LEAST_SPREAD)

    def _fit_shared_error(self, examples: Examples) -> None:
        """Compare errors with draws, pattern by pattern of the sources."""
        if self.start is None:
            return
        found: list[Erred] = []
        for example in examples:
            batch, text = example.batch, example.text
            noise = Noise(0).draws(batch.subjects, range(_DRAWS), self.spread.shape)
            error = example.truth - self.expected(batch, text)
            found.append(Erred(batch, error, self._rest(batch, text, noise.to(error.device))))
        self.shared_error.fit(self.start, found)

    def phases(self) -> Sequence[Mapping[str, Objective[Example]]]:
        """First the anchor; then, around a fixed one, `L = L_noise + λ · L_cons` [paper §2]."""
        names = dict(self.named_parameters())
        rest = {k: p for k, p in names.items() if k.startswith("denoiser.")}
        anchor = {k: p for k, p in names.items() if k not in rest}
        weights = {"noise": 1.0, "consistency": self.consistency}
        return (
            {"anchor": Objective(anchor, self._anchor_losses, {"anchor": 1.0})},
            {"diffusion": Objective(rest, self._diffusion_losses, weights)},
        )

    def _anchor_losses(self, example: Example) -> dict[str, Tensor]:
        fused = self._fused(example.batch)
        anchor = self._anchor(example.batch, fused, self.reader(*example.text))
        return {"anchor": (anchor - example.truth).square().mean()}

    def _diffusion_losses(self, example: Example) -> dict[str, Tensor]:
        z_0, device = example.truth, example.truth.device
        u = torch.rand(len(z_0), generator=example.random)
        t = ((1 - u**self.early) * self.schedule.timesteps).long()
        t = t.clamp(max=self.schedule.timesteps - 1).to(device)
        eps = torch.randn(z_0.shape, generator=example.random).to(device)
        words = self.reader(*example.text)
        with torch.no_grad():
            fused = self._fused(example.batch)
            rest = (z_0 - self._anchor(example.batch, fused, words)) / self.spread_seen
        z_t = self.schedule.add_noise(rest, eps, t)
        late = t / (self.schedule.timesteps - 1)
        output = self.denoiser(z_t, late, fused, words.tokens, words.mask)
        return diffusion_losses(
            output.float(), rest, eps, t, schedule=self.schedule, prediction=self.prediction
        )

    @torch.no_grad()
    def sample(
        self,
        batch: Batch,
        text: Text,
        noise: Float[Tensor, "b n c i j k"],
        guidance: Guidance | None = None,
    ) -> Float[Tensor, "b n c i j k"]:
        """Denoise all draws of all subjects as one batch.

        Sources, fusion, text and anchor are computed once per subject and shared by its draws.
        Guidance acts on the anchor as on the denoiser: both read the prompt.
        """
        anchor = self.expected(batch, text, guidance)
        rest = self._rest(batch, text, noise, guidance)
        return anchor[:, None] + rest + self._shared(batch, noise)

    def _rest(
        self,
        batch: Batch,
        text: Text,
        noise: Float[Tensor, "b n c i j k"],
        guidance: Guidance | None = None,
    ) -> Float[Tensor, "b n c i j k"]:
        """What diffusion makes of what the anchor leaves open."""
        draws = noise.shape[1]
        many = self._fused(batch).repeat_interleave(draws, dim=0)

        def network(z_t: Tensor, t: Tensor) -> Tensor:
            def answer(words: Words) -> Tensor:
                tokens, mask = (x.repeat_interleave(draws, dim=0) for x in words[:2])
                return torch.as_tensor(self.denoiser(z_t, t, many, tokens, mask))

            return self._guided(answer, text, guidance)

        return self.spread * self.sampler.draws(network, noise)

    def _shared(self, batch: Batch, noise: Float[Tensor, "b n c i j k"]) -> Tensor:
        """What whole regions may be wrong about together."""
        if self.start is None:
            return torch.zeros((), device=noise.device)
        return torch.as_tensor(self.shared_error(self.start, batch, noise))

    @torch.no_grad()
    def expected(
        self, batch: Batch, text: Text, guidance: Guidance | None = None
    ) -> Float[Tensor, "b c i j k"]:
        """What ever more draws would average to: the anchor, without any noise."""
        fused = self._fused(batch)
        return self._guided(lambda words: self._anchor(batch, fused, words), text, guidance)

    def _guided(
        self, answer: Callable[[Words], Tensor], text: Text, guidance: Guidance | None
    ) -> Tensor:
        """What is answered to the prompt, farther from what is answered without one.

        Classifier-free guidance, Ho and Salimans 2022 (arXiv 2207.12598), in the form in which a
        scale of 1 changes nothing.
        """
        told = answer(self.reader(*text))
        if guidance is None:
            return told
        untold = answer(self.reader(*guidance.null))
        return untold + guidance.scale * (told - untold)

    def _fused(self, batch: Batch) -> Float[Tensor, "b w i j k"]:
        """The sources' slots, without the target's, fused."""
        slots = [m.index for m in self.target.others]
        return torch.as_tensor(self.fusion(batch.images[:, slots], batch.available[:, slots]))

    def _anchor(
        self, batch: Batch, fused: Float[Tensor, "b w i j k"], words: Words
    ) -> Float[Tensor, "b c i j k"]:
        """The posterior mean: the start, and what a U-Net adds that sees it in place of noise."""
        b, _, *grid = fused.shape
        begun = torch.zeros(b, self.channels, *grid, device=fused.device)
        if self.start is not None:
            begun = self.start(batch, words.pooled)
        late = torch.ones(b, device=fused.device)
        added = self.anchor(begun, late, fused, words.tokens, words.mask)
        return begun + torch.as_tensor(added).float()


class ACADiffEmb(ACADiff):
    """The paper's own variant, told numbers instead of a sentence. [paper §3: ACADiff-emb]

    All of ACADiff but the language model: diagnosis and scores are read through learnable
    embeddings, so that what a sentence adds to the numbers it holds can be measured.
    """

    name: ClassVar[str] = "acadiff_emb"
    encoder: ClassVar[str | None] = "scores"
