import pytest
import torch
from torch import nn

from acadiff.nets.twins import Arm

NET = {
    "channels": (8, 16),
    "num_res_blocks": 1,
    "attention_levels": (False, True),
    "num_head_channels": 8,
    "norm_num_groups": 4,
}


@pytest.fixture
def twins():
    """Two arms in which nothing is zero any more, as fresh ones are at their ends."""
    torch.manual_seed(0)
    arms = [Arm(channels_in=5, channels_out=4, **NET) for _ in range(2)]
    for parameter in (p for arm in arms for p in arm.parameters() if not p.any()):
        nn.init.normal_(parameter, std=0.1)
    return [arm.eval() for arm in arms]


def ways(twins, image, features=None, told=None, draws=1):
    """What the second makes of noise, led by what the first read."""
    reader, denoiser = twins
    _, said = reader.read(image)
    noisy = torch.randn(draws * len(image), 5, *image.shape[2:], generator=torch.manual_seed(1))
    told = torch.zeros(len(noisy), denoiser.width_time) if told is None else told
    return denoiser.denoise(noisy, torch.full((len(noisy),), 7), features or said, told)


def test_both_arms_have_as_many_hooks_and_answer_alike(twins):
    counts = [len(arm.blocks) for arm in twins]
    hooks = [sum(len(b.norm2._forward_hooks) for b in arm.blocks) for arm in twins]
    assert counts[0] == counts[1] == hooks[0] == hooks[1] > 5
    read = [arm.read(torch.randn(1, 5, 8, 12))[1] for arm in twins]
    assert [f.shape for f in read[0]] == [f.shape for f in read[1]]
    assert len(read[0]) == counts[0]


def test_what_is_read_reaches_what_is_made(twins):
    torch.manual_seed(2)
    one, other = torch.randn(2, 1, 5, 8, 12)
    assert not torch.allclose(ways(twins, one), ways(twins, other), atol=1e-4)


def test_every_block_is_led_by_its_twin(twins):
    image = torch.randn(1, 5, 8, 12, generator=torch.manual_seed(3))
    _, said = twins[0].read(image)
    usual = ways(twins, image)
    for index in range(len(said)):
        others = [f + 0.5 * (i == index) for i, f in enumerate(said)]
        assert not torch.allclose(ways(twins, image, others), usual, atol=1e-6), index


def test_features_of_zero_change_nothing(twins):
    image = torch.randn(1, 5, 8, 12)
    _, said = twins[0].read(image)
    noisy = torch.randn(1, 5, 8, 12)
    plain = twins[1].network(noisy, torch.tensor([7]))
    told = torch.zeros(1, twins[1].width_time)
    made = twins[1].denoise(noisy, torch.tensor([7]), [0 * f for f in said], told)
    torch.testing.assert_close(made, plain)


def test_what_it_is_told_reaches_what_is_made(twins):
    image = torch.randn(1, 5, 8, 12)
    told = torch.randn(1, twins[1].width_time)
    assert not torch.allclose(ways(twins, image), ways(twins, image, told=told), atol=1e-4)


def test_draws_share_what_was_read_row_by_row(twins):
    images = torch.randn(2, 5, 8, 12, generator=torch.manual_seed(4))
    together = ways(twins, images, draws=3)
    reader, denoiser = twins
    noisy = torch.randn(6, 5, 8, 12, generator=torch.manual_seed(1))
    for row in range(6):
        _, said = reader.read(images[row // 3][None])
        told = torch.zeros(1, denoiser.width_time)
        alone = denoiser.denoise(noisy[row][None], torch.tensor([7]), said, told)
        torch.testing.assert_close(alone[0], together[row], atol=1e-5, rtol=1e-5)


def test_gradients_flow_through_what_was_read(twins):
    ways(twins, torch.randn(1, 5, 8, 12)).square().mean().backward()
    assert all(p.grad.any() for p in twins[0].blocks[0].parameters())


def test_a_grid_that_does_not_halve_is_no_matter(twins):
    assert ways(twins, torch.randn(1, 5, 7, 9)).shape == (1, 4, 7, 9)
