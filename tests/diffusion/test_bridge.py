import pytest
import torch

from acadiff.diffusion.bridge import BridgeSampler, between

MEAN = torch.tensor([0.5, -1.0])
COVARIANCE = torch.tensor([[1.0, 0.6], [0.6, 2.0]])
START, SIGMA = torch.tensor([0.2, 0.3]), 1.2


def oracle(z_s, s):
    """The exact `E[z_0 | z_s]` for `z_0 ~ N(MEAN, COVARIANCE)`, which has a closed form."""
    s = float(s[0])
    gain = COVARIANCE @ torch.linalg.inv((1 - s) * COVARIANCE + SIGMA**2 * s * torch.eye(2))
    return MEAN + (z_s - (1 - s) * MEAN - s * START) @ gain.T


def affine(steps):
    """A linear denoiser makes the sampler affine in its noise: mean and covariance."""
    noise = torch.cat([torch.zeros(1, 2), torch.eye(2)])
    ends = BridgeSampler(steps=steps).sample(oracle, START.expand(3, 2), noise, SIGMA)
    slopes = ends[1:] - ends[0]
    return ends[0], slopes.T @ slopes


def test_it_reproduces_mean_and_covariance_of_a_gaussian_and_more_steps_come_nearer():
    errors = []
    for steps in (10, 40, 160):
        mean, covariance = affine(steps)
        torch.testing.assert_close(mean, MEAN, atol=1e-4, rtol=0)
        errors.append(float((covariance - COVARIANCE).abs().max()))
    assert errors[0] < 0.25
    assert errors[1] < 0.3 * errors[0]
    assert errors[2] < 0.3 * errors[1]
    assert errors[2] < 0.01


def test_both_ends_are_free_of_noise_and_the_middle_is_not():
    z_0, z_1, eps = torch.randn(3, 3, 2, 4, 4, 4)
    z_s = between(z_0, z_1, eps, torch.tensor([0.0, 1.0, 0.25]), 2.0)
    assert torch.equal(z_s[0], z_0[0])
    assert torch.equal(z_s[1], z_1[1])
    expected = 0.75 * z_0[2] + 0.25 * z_1[2] + 2 * (3 / 16) ** 0.5 * eps[2]
    torch.testing.assert_close(z_s[2], expected)


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_a_network_that_is_sure_is_taken_at_its_word(steps):
    clean, asked = torch.randn(2, 3), []

    def network(_, s):
        asked.append(float(s[0]))
        return clean

    made = BridgeSampler(steps=steps).sample(network, torch.zeros(2, 3), torch.ones(2, 3), 1.0)
    torch.testing.assert_close(made, clean)
    assert asked[0] == 1
    assert asked == sorted(asked, reverse=True)
    assert len(asked) == steps
