"""What the denoiser is asked for, and the loss `L_noise + lambda · L_cons` [paper §2].

The paper minimises the error of the predicted noise, and adds a consistency term on the clean
latent that the prediction implies. Two predictions are offered: `Epsilon`, the paper's, and
`Velocity` (`v = alpha·eps - sigma·z_0`, Salimans and Ho 2022), which stays informative at pure
noise.

**The explosion of L_cons.** From a noise prediction the implied clean latent is
`(z_t - sigma·eps) / alpha`, so its squared error is the noise error times
`(1 - alpha_bar) / alpha_bar`: up to 4e8 at the last steps of the cosine schedule, where 99.999 %
of the mean of the term would come from 1 % of the times. The term is therefore weighted by
`min(1, 1 / amplification)`: an error of the clean latent never counts more than the prediction
error that caused it. For `Velocity` the amplification is `1 - alpha_bar <= 1` and nothing is cut.
"""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from acadiff.diffusion.schedule import Schedule


@runtime_checkable
class Prediction(Protocol):
    """How a network's output relates to the clean latent and the noise."""

    least_alpha_bar: float

    def target(self, z_0: Tensor, eps: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """What the network should have said."""

    def clean(self, output: Tensor, z_t: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """The clean latent its output implies."""

    def amplification(self, alpha: Tensor, sigma: Tensor) -> Tensor:
        """Squared error of the clean latent per squared error of the output."""


class Epsilon:
    """The network predicts the noise. Sampling starts where a signal is left to divide by."""

    least_alpha_bar = 1e-3

    def target(self, z_0: Tensor, eps: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:  # noqa: ARG002
        """The noise itself."""
        return eps

    def clean(self, output: Tensor, z_t: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """`(z_t - sigma·eps) / alpha`."""
        return (z_t - sigma * output) / alpha

    def amplification(self, alpha: Tensor, sigma: Tensor) -> Tensor:
        """`(1 - alpha_bar) / alpha_bar`."""
        return sigma**2 / alpha**2


class Velocity:
    """The network predicts `v = alpha·eps - sigma·z_0`. Sampling starts at pure noise."""

    least_alpha_bar = 0.0

    def target(self, z_0: Tensor, eps: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """`alpha·eps - sigma·z_0`."""
        return alpha * eps - sigma * z_0

    def clean(self, output: Tensor, z_t: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """`alpha·z_t - sigma·v`."""
        return alpha * z_t - sigma * output

    def amplification(self, alpha: Tensor, sigma: Tensor) -> Tensor:
        """`1 - alpha_bar`."""
        return sigma**2 + 0 * alpha


class Clean:
    """The network predicts the clean image. Sampling starts at pure noise."""

    least_alpha_bar = 0.0

    def target(self, z_0: Tensor, eps: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:  # noqa: ARG002
        """The clean image itself."""
        return z_0

    def clean(self, output: Tensor, z_t: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:  # noqa: ARG002
        """What was said."""
        return output

    def amplification(self, alpha: Tensor, sigma: Tensor) -> Tensor:
        """One."""
        return alpha**2 + sigma**2


PREDICTIONS: dict[str, Prediction] = {
    "epsilon": Epsilon(),
    "velocity": Velocity(),
    "clean": Clean(),
}


def consistency(
    clean: Float[Tensor, "b ..."],
    z_0: Float[Tensor, "b ..."],
    weight: Tensor,
    distance: Callable[[Tensor], Tensor] = torch.square,
) -> Float[Tensor, ""]:
    """How far the clean image that a prediction implies lies from the true one.

    Args:
        clean: the implied one, clipped where it may explode and no weight keeps it small.
        z_0: the true one.
        weight: of each time, or of each place; its mean is the caller's affair.
        distance: of two values, from their difference.
    """
    return (weight * distance(clean - z_0)).mean()


def diffusion_losses(
    output: Float[Tensor, "b ..."],
    z_0: Float[Tensor, "b ..."],
    eps: Float[Tensor, "b ..."],
    t: Int[Tensor, " b"],
    *,
    schedule: Schedule,
    prediction: Prediction,
) -> dict[str, Tensor]:
    """The two terms, each a mean over the batch: `{"noise": L_noise, "consistency": L_cons}`."""
    alpha, sigma = schedule.alpha_sigma(t)
    z_t = alpha * z_0 + sigma * eps
    noise = (output - prediction.target(z_0, eps, alpha, sigma)).square().mean()
    weight = 1 / torch.clamp(prediction.amplification(alpha, sigma), min=1)
    clean = prediction.clean(output, z_t, alpha, sigma)
    return {"noise": noise, "consistency": consistency(clean, z_0, weight)}
