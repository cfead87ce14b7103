"""ACADiff itself [paper §2]: adaptive fusion, clinical prompt and time guide a latent denoiser."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor

from acadiff.clinical.encoder import Text
from acadiff.diffusion.objective import PREDICTIONS, diffusion_losses
from acadiff.diffusion.sampler import SAMPLERS
from acadiff.diffusion.schedule import CosineSchedule
from acadiff.generators.base import Example, Generator
from acadiff.latent.batch import Batch
from acadiff.modality import Modality
from acadiff.nets.denoiser import Denoiser
from acadiff.nets.fusion import AdaptiveFusion
from acadiff.training.loop import Objective


class ACADiff(Generator):
    """Any → target by conditional latent diffusion.

    Before training, `fit_text` stores the mean and SD of the training prompts' tokens: prompts lie
    so close together in a language model's space (cosine above 0.94) that a network sees a
    constant unless each dimension is standardised.
    """

    name: ClassVar[str] = "acadiff"
    space: ClassVar[str] = "latent"
    stochastic: ClassVar[bool] = True
    text_mean: Tensor
    text_sd: Tensor

    def __init__(
        self,
        target: Modality,
        *,
        latent_shape: tuple[int, int, int, int],
        width_text_in: int,
        denoiser: Mapping[str, Any],
        fusion: Mapping[str, Any],
        diffusion: Mapping[str, Any],
    ) -> None:
        """Make an untrained generator.

        Args:
            target: what it makes.
            latent_shape: `(c, i, j, k)`.
            width_text_in: width of the text encoder's tokens.
            denoiser: keyword arguments of `Denoiser` that the data cannot say.
            fusion: likewise of `AdaptiveFusion`.
            diffusion: `timesteps`, `prediction`, `sampler`, `steps`, `consistency` (λ) and
                `early` (training times are drawn as `1 - u^early`, so above 1 favours noise).
        """
        super().__init__(target)
        channels, *grid = latent_shape
        self.fusion = AdaptiveFusion(modalities=len(Modality), channels=channels, **fusion)
        self.denoiser = Denoiser(
            channels=channels,
            width_fused=fusion["width"],
            grid=grid,
            width_text_in=width_text_in,
            **denoiser,
        )
        self.register_buffer("text_mean", torch.zeros(width_text_in))
        self.register_buffer("text_sd", torch.ones(width_text_in))
        self.schedule = CosineSchedule(timesteps=diffusion["timesteps"])
        self.prediction = PREDICTIONS[diffusion["prediction"]]
        self.consistency, self.early = diffusion["consistency"], diffusion["early"]
        self.sampler = SAMPLERS[diffusion["sampler"]](
            schedule=self.schedule, prediction=self.prediction, steps=diffusion["steps"]
        )

    def fit_text(self, text: Text) -> None:
        """Store the statistics of the training prompts' tokens."""
        tokens = text.tokens[text.mask]
        self.text_mean.copy_(tokens.mean(dim=0))
        self.text_sd.copy_(tokens.std(dim=0).clamp(min=1e-4))

    def objectives(self) -> Mapping[str, Objective[Example]]:
        """`L = L_noise + λ · L_cons` [paper §2]."""
        weights = {"noise": 1.0, "consistency": self.consistency}
        return {"diffusion": Objective(dict(self.named_parameters()), self._losses, weights)}

    def _losses(self, example: Example) -> dict[str, Tensor]:
        z_0, device = example.truth, example.truth.device
        u = torch.rand(len(z_0), generator=example.random)
        t = ((1 - u**self.early) * self.schedule.timesteps).long()
        t = t.clamp(max=self.schedule.timesteps - 1).to(device)
        eps = torch.randn(z_0.shape, generator=example.random).to(device)
        fused = self.fusion(example.batch.images, example.batch.available)
        output = self._denoise(
            self.schedule.add_noise(z_0, eps, t),
            t / (self.schedule.timesteps - 1),
            fused,
            *self._standardised(example.text),
        )
        return diffusion_losses(
            output.float(), z_0, eps, t, schedule=self.schedule, prediction=self.prediction
        )

    @torch.no_grad()
    def sample(
        self, batch: Batch, text: Text, noise: Float[Tensor, "b n c i j k"]
    ) -> Float[Tensor, "b n c i j k"]:
        """Denoise all draws of all subjects as one batch.

        Sources, fusion and text are computed once per subject and shared by its draws and steps.
        """
        draws = noise.shape[1]
        fused = self.fusion(batch.images, batch.available)
        tokens, mask = self._standardised(text)
        fused, tokens, mask = (x.repeat_interleave(draws, dim=0) for x in (fused, tokens, mask))
        clean = self.sampler.sample(
            lambda z_t, t: self._denoise(z_t, t, fused, tokens, mask),
            rearrange(noise, "b n c i j k -> (b n) c i j k"),
        )
        return rearrange(clean, "(b n) c i j k -> b n c i j k", n=draws)

    def _standardised(self, text: Text) -> tuple[Tensor, Tensor]:
        """Prompt tokens on this device with zero mean and unit SD over the training prompts."""
        tokens = text.tokens.to(self.text_mean.device)
        return (tokens - self.text_mean) / self.text_sd, text.mask.to(tokens.device)

    def _denoise(
        self,
        z_t: Tensor,
        t: Float[Tensor, " b"],
        fused: Tensor,
        tokens: Float[Tensor, "b n d"],
        mask: Bool[Tensor, "b n"],
    ) -> Tensor:
        return torch.as_tensor(self.denoiser(z_t, t, fused, tokens, mask))
