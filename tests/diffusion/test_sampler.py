import pytest
import torch

from acadiff.diffusion.objective import PREDICTIONS, Epsilon, Velocity
from acadiff.diffusion.sampler import SAMPLERS, DDIMSampler, DPMSolverSampler
from acadiff.diffusion.schedule import CosineSchedule, LinearSchedule

SCHEDULE = CosineSchedule(timesteps=1000)
EVERY = pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)
BOTH = pytest.mark.parametrize("prediction", PREDICTIONS.values(), ids=PREDICTIONS)
MU = torch.tensor([0.0, 1.0, -2.0, 0.5])[None, :, None, None, None]
SD = torch.tensor([1.0, 0.5, 2.0, 0.1])[None, :, None, None, None]


def said(prediction, z_0, z_t, alpha, sigma):
    """What a network says that believes in the clean latent `z_0`."""
    return prediction.target(z_0, (z_t - alpha * z_0) / sigma, alpha, sigma)


def gaussian(prediction):
    """The exact denoiser of N(MU, SD²), which has a closed form."""

    def network(z_t, t):
        alpha, sigma = SCHEDULE.alpha_sigma((t * 999).round().long())
        gain = alpha * SD**2 / (alpha**2 * SD**2 + sigma**2)
        return said(prediction, MU + gain * (z_t - alpha * MU), z_t, alpha, sigma)

    return network


def some_network(z_t, t):
    """Any nonlinear function of its arguments."""
    return torch.tanh(0.7 * z_t + t[:, None, None, None, None]) + 0.3 * z_t.roll(1, dims=1)


def affine(sampler, prediction, steps):
    """A linear denoiser makes the sampler an affine map of its noise: offset and slope."""
    made = sampler(schedule=SCHEDULE, prediction=prediction, steps=steps)
    noise = torch.tensor([0.0, 1.0])[:, None, None, None, None].expand(2, 4, 1, 1, 1)
    zero, one = made.sample(gaussian(prediction), noise).flatten(1).double()
    return zero, one - zero, made.times[0]


def flow(start):
    """Offset and slope of the exact probability flow from time `start` to the clean end."""
    bar = float(SCHEDULE.alpha_bar[start])
    spread = (bar * SD**2 + 1 - bar).sqrt()
    return (MU * (1 - SD * bar**0.5 / spread)).flatten(), (SD / spread).flatten()


@EVERY
@BOTH
def test_it_reproduces_mean_and_sd_of_a_gaussian_and_more_steps_come_nearer(sampler, prediction):
    errors = []
    for steps in (10, 40, 160):
        offset, slope, start = affine(sampler, prediction, steps)
        mean, sd = flow(start)
        errors.append(max((offset - mean).abs().max(), (slope - sd).abs().max()))
    assert errors[0] < 0.35
    assert errors[1] < 0.6 * errors[0]
    assert errors[2] < 0.6 * errors[1]
    assert errors[2] < 0.02


@EVERY
@BOTH
def test_the_flow_it_approximates_is_the_gaussian_itself(sampler, prediction):
    # Where a signal is left at the start, noise without it is off by `alpha · SD · MU`.
    offset, slope, _ = affine(sampler, prediction, 160)
    torch.testing.assert_close(offset, MU.flatten().double(), atol=0.15, rtol=0)
    torch.testing.assert_close(slope, SD.flatten().double(), atol=0.03, rtol=0)


@BOTH
def test_the_second_order_sampler_is_nearer_at_equal_steps(prediction):
    gaps = {}
    for sampler in (DDIMSampler, DPMSolverSampler):
        offset, slope, start = affine(sampler, prediction, 20)
        mean, sd = flow(start)
        gaps[sampler] = max((offset - mean).abs().max(), (slope - sd).abs().max())
    assert gaps[DPMSolverSampler] < 0.5 * gaps[DDIMSampler]


@EVERY
@BOTH
@pytest.mark.parametrize("steps", [1, 2, 10])
def test_no_noise_is_left_at_the_end(sampler, prediction, steps):
    """A network that is sure of the clean latent is taken at its word."""
    clean = torch.linspace(-1, 1, 24).reshape(1, 4, 1, 2, 3)

    def network(z_t, t):
        alpha, sigma = SCHEDULE.alpha_sigma((t * 999).round().long())
        return said(prediction, clean, z_t, alpha, sigma)

    made = sampler(schedule=SCHEDULE, prediction=prediction, steps=steps)
    found = made.sample(network, torch.randn(1, 4, 1, 2, 3))
    torch.testing.assert_close(found, clean, atol=1e-4, rtol=0)


@EVERY
@BOTH
def test_a_sample_does_not_depend_on_its_batch(sampler, prediction):
    made = sampler(schedule=SCHEDULE, prediction=prediction, steps=5)
    noise = torch.randn(3, 4, 2, 2, 2)
    together = made.sample(some_network, noise)
    alone = torch.cat([made.sample(some_network, row[None]) for row in noise])
    torch.testing.assert_close(together, alone)
    assert torch.equal(made.sample(some_network, noise), together)


@EVERY
@BOTH
def test_the_network_is_asked_once_a_step_from_noisy_to_clean(sampler, prediction):
    asked = []

    def network(z_t, t):
        asked.append(float(t[0]))
        assert (t == t[0]).all()
        return some_network(z_t, t)

    made = sampler(schedule=SCHEDULE, prediction=prediction, steps=7)
    made.sample(network, torch.randn(2, 4, 1, 1, 1))
    assert asked == pytest.approx([t / 999 for t in made.times[:-1]])
    assert asked == sorted(asked, reverse=True)
    assert 0 <= asked[-1] < asked[0] <= 1


def test_only_velocity_starts_at_pure_noise():
    for prediction, least in ((Velocity(), 0), (Epsilon(), 1e-3)):
        start = DDIMSampler(schedule=SCHEDULE, prediction=prediction, steps=10).times[0]
        assert SCHEDULE.alpha_bar[start] >= least
        assert (start == 999) == (least == 0)


@pytest.mark.parametrize(
    ("prediction", "kind", "steps"), [(Velocity(), "v_prediction", 10), (Epsilon(), "epsilon", 89)]
)
def test_ddim_equals_diffusers_step_by_step(prediction, kind, steps):
    scheduling = pytest.importorskip("diffusers.schedulers.scheduling_ddim")
    made = DDIMSampler(schedule=SCHEDULE, prediction=prediction, steps=steps)
    gap = made.times[0] - made.times[1]
    oracle = scheduling.DDIMScheduler(1000, prediction_type=kind, clip_sample=False)
    oracle.set_timesteps(1000 // gap)
    assert 1000 // oracle.num_inference_steps == gap
    oracle.alphas_cumprod, oracle.final_alpha_cumprod = SCHEDULE.alpha_bar[:-1], torch.ones(())
    z = torch.randn(2, 4, 2, 2, 2, generator=torch.Generator().manual_seed(0))
    for index, t in enumerate(made.times[:-1]):
        z_0 = made._clean(some_network, z, t)
        ours = made.step(z, z_0, None, index)
        output = some_network(z, torch.full((2,), t / 999))
        theirs = oracle.step(output, t, z).prev_sample
        torch.testing.assert_close(ours, theirs.float(), atol=1e-4, rtol=1e-4)
        z = ours


@pytest.mark.filterwarnings("ignore:__array__ implementation")
@pytest.mark.parametrize("steps", [5, 10, 20])
@pytest.mark.parametrize(
    ("prediction", "kind"), [(Velocity(), "v_prediction"), (Epsilon(), "epsilon")]
)
def test_dpm_solver_equals_diffusers_step_by_step(prediction, kind, steps):
    scheduling = pytest.importorskip("diffusers.schedulers.scheduling_dpmsolver_multistep")
    made = DPMSolverSampler(schedule=SCHEDULE, prediction=prediction, steps=steps)
    oracle = scheduling.DPMSolverMultistepScheduler(1000, prediction_type=kind)
    oracle.set_timesteps(timesteps=made.times[:-1])
    bar = SCHEDULE.alpha_bar[made.times]
    oracle.sigmas = ((1 - bar) / bar).sqrt()
    z = torch.randn(2, 4, 2, 2, 2, generator=torch.Generator().manual_seed(0))
    before = None
    for index, t in enumerate(made.times[:-1]):
        z_0 = made._clean(some_network, z, t)
        ours = made.step(z, z_0, before, index)
        output = some_network(z, torch.full((2,), t / 999))
        theirs = oracle.step(output, t, z).prev_sample
        torch.testing.assert_close(ours, theirs.float(), atol=1e-3, rtol=1e-3)
        z, before = ours, z_0
    assert index == steps - 1


@pytest.mark.parametrize("steps", [1, 3, 10])
def test_with_a_bound_it_starts_at_pure_noise_and_stays_within(steps):
    """Far off as an untrained network is, what it implies is clipped."""
    schedule = LinearSchedule(timesteps=1000, first=1e-4, last=0.02)
    made = DDIMSampler(schedule=schedule, prediction=Epsilon(), steps=steps, bound=1.0)
    assert made.times[0] == 999
    found = made.sample(some_network, torch.randn(2, 4, 2, 2, 2))
    assert found.abs().max() <= 1
    free = DDIMSampler(schedule=schedule, prediction=Epsilon(), steps=steps)
    assert free.times[0] < 999
