import math

import pytest
import torch
from monai.networks.schedulers import DDPMScheduler

from acadiff.diffusion.schedule import CosineSchedule, LinearSchedule, time_grid
from acadiff.errors import RecipeError


@pytest.mark.parametrize("timesteps", [50, 1000])
def test_the_table_is_that_of_diffusers(timesteps):
    ddim = pytest.importorskip("diffusers.schedulers.scheduling_ddim")
    oracle = ddim.DDIMScheduler(timesteps, beta_schedule="squaredcos_cap_v2")
    ours = CosineSchedule(timesteps=timesteps).alpha_bar[:-1]
    # They multiply in single precision, which is off by a factor at the very end.
    torch.testing.assert_close(ours.float(), oracle.alphas_cumprod, rtol=2e-3, atol=1e-7)


def test_it_is_the_closed_form_of_the_paper_until_the_clip():
    bar = CosineSchedule(timesteps=1000).alpha_bar

    def f(t):
        return math.cos((t / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2

    for t in (0, 10, 500, 990):
        assert float(bar[t]) == pytest.approx(f(t + 1) / f(0), rel=1e-9)
    assert float(bar[999]) == pytest.approx(float(bar[998]) * 1e-3)


def test_noise_only_grows_and_index_minus_one_is_clean():
    bar = CosineSchedule(timesteps=1000).alpha_bar
    assert (bar[1:-1] < bar[:-2]).all()
    assert 0 < bar[-2] < 1e-8
    assert bar[-1] == 1
    assert bar[0] < 1


def test_levels_preserve_variance_and_have_the_shape_of_a_batch():
    schedule = CosineSchedule(timesteps=1000)
    alpha, sigma = schedule.alpha_sigma(torch.tensor([-1, 0, 500, 999]))
    assert alpha.shape == sigma.shape == (4, 1, 1, 1, 1)
    torch.testing.assert_close(alpha**2 + sigma**2, torch.ones_like(alpha))
    assert (alpha[0], sigma[0]) == (1, 0)
    assert (alpha > 0).all()


def test_noise_is_added_by_the_levels():
    schedule = CosineSchedule(timesteps=1000)
    z_0, eps = torch.randn(3, 2, 2, 2, 2), torch.randn(3, 2, 2, 2, 2)
    t = torch.tensor([-1, 300, 999])
    z_t = schedule.add_noise(z_0, eps, t)
    assert torch.equal(z_t[0], z_0[0])
    alpha, sigma = schedule.alpha_sigma(t)
    torch.testing.assert_close(z_t, alpha * z_0 + sigma * eps)
    torch.testing.assert_close(z_t[2], eps[2], atol=1e-3, rtol=0)


def test_the_last_usable_time_still_has_that_much_signal():
    schedule = CosineSchedule(timesteps=1000)
    last = schedule.last_usable(1e-3)
    assert schedule.alpha_bar[last] >= 1e-3 > schedule.alpha_bar[last + 1]
    assert schedule.last_usable(0.0) == 999


@pytest.mark.parametrize("start", [0, 1, 9, 979, 999])
def test_a_grid_falls_strictly_from_its_start_to_the_clean_end(start):
    for steps in {1, 2, 3, 7, 10, 50, 333, start, start + 1} - {0}:
        if steps <= start + 1:
            grid = time_grid(start, steps)
            assert len(grid) == steps + 1
            assert (grid[0], grid[-1]) == (start, -1)
            assert all(a > b for a, b in zip(grid, grid[1:], strict=False))
            assert max(a - b for a, b in zip(grid, grid[1:], strict=False)) <= (
                math.ceil((start + 1) / steps) + 1
            )


@pytest.mark.parametrize("steps", [0, -1, 1001])
def test_more_steps_than_times_are_refused(steps):
    with pytest.raises(RecipeError, match=f"{steps} sampling steps"):
        time_grid(999, steps)


@pytest.mark.parametrize("timesteps", [50, 1000])
def test_the_linear_table_is_that_of_diffusers_and_of_monai(timesteps):
    ours = LinearSchedule(timesteps=timesteps, first=1e-4, last=0.02).alpha_bar
    ddim = pytest.importorskip("diffusers.schedulers.scheduling_ddim")
    oracle = ddim.DDIMScheduler(timesteps, beta_start=1e-4, beta_end=0.02, beta_schedule="linear")
    torch.testing.assert_close(ours[:-1].float(), oracle.alphas_cumprod, rtol=1e-3, atol=1e-7)
    monai = DDPMScheduler(timesteps, "linear_beta", beta_start=1e-4, beta_end=0.02)
    torch.testing.assert_close(ours[:-1].float(), monai.alphas_cumprod, rtol=1e-3, atol=1e-7)
    assert ours[-1] == 1
