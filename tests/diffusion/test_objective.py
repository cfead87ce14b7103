import pytest
import torch

from acadiff.diffusion.objective import PREDICTIONS, Epsilon, Velocity, diffusion_losses
from acadiff.diffusion.schedule import CosineSchedule

SCHEDULE = CosineSchedule(timesteps=1000)
TIMES = torch.tensor([0, 1, 250, 500, 900, 980])
BOTH = pytest.mark.parametrize("prediction", PREDICTIONS.values(), ids=PREDICTIONS)


def draw(t):
    """Clean latents, noise, both levels and noisy latents at some times."""
    random = torch.Generator().manual_seed(0)
    z_0 = torch.randn(len(t), 2, 3, 3, 3, generator=random)
    eps = torch.randn(len(t), 2, 3, 3, 3, generator=random)
    alpha, sigma = SCHEDULE.alpha_sigma(t)
    return z_0, eps, alpha, sigma, alpha * z_0 + sigma * eps


def losses(output, z_0, eps, t, prediction):
    made = diffusion_losses(output, z_0, eps, t, schedule=SCHEDULE, prediction=prediction)
    return made["noise"], made["consistency"]


def test_the_targets_are_the_noise_and_the_velocity():
    z_0, eps, alpha, sigma, _ = draw(TIMES)
    assert torch.equal(Epsilon().target(z_0, eps, alpha, sigma), eps)
    torch.testing.assert_close(
        Velocity().target(z_0, eps, alpha, sigma), alpha * eps - sigma * z_0
    )


@BOTH
def test_the_right_answer_implies_the_clean_latent(prediction):
    z_0, eps, alpha, sigma, z_t = draw(TIMES)
    output = prediction.target(z_0, eps, alpha, sigma)
    torch.testing.assert_close(
        prediction.clean(output, z_t, alpha, sigma), z_0, atol=1e-4, rtol=1e-4
    )


@BOTH
def test_amplification_is_what_an_error_grows_by(prediction):
    _, _, alpha, sigma, z_t = draw(TIMES)
    alpha, sigma, z_t = alpha.double(), sigma.double(), z_t.double()
    error = torch.randn(z_t.shape, dtype=torch.double)
    gap = prediction.clean(error, z_t, alpha, sigma) - prediction.clean(
        torch.zeros_like(error), z_t, alpha, sigma
    )
    grown = gap.square().mean(dim=(1, 2, 3, 4)) / error.square().mean(dim=(1, 2, 3, 4))
    torch.testing.assert_close(grown, prediction.amplification(alpha, sigma).flatten())


@BOTH
def test_the_right_answer_costs_nothing(prediction):
    z_0, eps, alpha, sigma, _ = draw(TIMES)
    noise, consistency = losses(
        prediction.target(z_0, eps, alpha, sigma), z_0, eps, TIMES, prediction
    )
    assert noise == 0
    assert consistency < 1e-10


@BOTH
@pytest.mark.parametrize("t", range(0, 1000, 111))
def test_an_error_of_the_clean_latent_never_counts_more_than_its_cause(prediction, t):
    t = torch.full((4,), t)
    z_0, eps, *_ = draw(t)
    output = torch.randn(z_0.shape)
    noise, consistency = losses(output, z_0, eps, t, prediction)
    assert consistency <= 1.001 * noise


def test_the_consistency_of_the_noisiest_time_does_not_explode():
    """Unweighted, as first released, this one term is above 1e8."""
    t = torch.full((4,), 999)
    z_0, eps, alpha, sigma, z_t = draw(t)
    output = torch.zeros_like(z_0)
    bare = (Epsilon().clean(output, z_t, alpha, sigma) - z_0).square().mean()
    assert bare > 1e7
    _, consistency = losses(output, z_0, eps, t, Epsilon())
    assert 0.5 < consistency < 2


@BOTH
def test_at_low_noise_the_term_is_the_plain_error_of_the_clean_latent(prediction):
    t = torch.tensor([100, 300])
    z_0, eps, alpha, sigma, z_t = draw(t)
    output = torch.randn(z_0.shape)
    _, consistency = losses(output, z_0, eps, t, prediction)
    plain = (prediction.clean(output, z_t, alpha, sigma) - z_0).square().mean()
    torch.testing.assert_close(consistency, plain)


@BOTH
def test_gradients_are_finite_at_every_time(prediction):
    t = torch.arange(1000)
    z_0, eps, *_ = draw(t)
    output = torch.zeros_like(z_0, requires_grad=True)
    sum(losses(output, z_0, eps, t, prediction)).backward()
    assert output.grad.isfinite().all()
