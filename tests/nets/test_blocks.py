import pytest
import torch
import torch.nn.functional as F
from torch import nn

from acadiff.nets.blocks import (
    BLOCKS,
    Attention,
    FiLMBlock,
    VolumeAttention,
    time_features,
    zero_,
)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def awake(module):
    """The module with random weights where it starts at zero."""
    for parameter in module.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.3)
    return module


def film_block(wide_in=4, wide_out=4, **changes):
    arguments = {"width_time": 6, "groups": 2, "dropout": 0.0} | changes
    return FiLMBlock(width_in=wide_in, width_out=wide_out, **arguments)


def test_a_zero_layer_says_nothing():
    layer = zero_(nn.Conv3d(2, 3, 3, padding=1))
    assert not layer(torch.randn(1, 2, 4, 4, 4)).any()


def test_every_training_time_has_features_of_its_own():
    t = torch.arange(1000) / 999
    features = time_features(t, 64)
    assert features.shape == (1000, 64)
    assert features.abs().max() <= 1
    assert (features[1:] - features[:-1]).norm(dim=1).min() > 0.1
    torch.testing.assert_close(time_features(t[:3], 64), features[:3], rtol=0, atol=0)


@pytest.mark.parametrize("wide_out", [4, 6])
def test_a_block_starts_as_its_skip_whatever_the_time(wide_out):
    block, x = film_block(wide_out=wide_out), torch.randn(2, 4, 4, 6, 4)
    torch.testing.assert_close(block(x, torch.randn(2, 6)), block.skip(x), rtol=0, atol=0)
    assert wide_out != 4 or torch.equal(block(x, torch.randn(2, 6)), x)


def test_film_starts_as_the_identity():
    assert not film_block().film(torch.randn(3, 6)).any()


def test_film_is_one_plus_gamma_times_the_normalised_features_plus_beta():
    block, x, time = film_block(), torch.randn(2, 4, 4, 4, 4), torch.randn(2, 6)
    nn.init.normal_(block.film.weight)
    nn.init.normal_(block.film.bias)
    seen = []
    block.conv_out.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    block(x, time)
    gamma, beta = block.film(time)[..., None, None, None].chunk(2, dim=1)
    h = block.conv_in(F.silu(F.group_norm(x, 2)))
    grouped = h.reshape(2, 2, -1)
    sd = (grouped.var(dim=2, unbiased=False, keepdim=True) + 1e-5).sqrt()
    normal = ((grouped - grouped.mean(dim=2, keepdim=True)) / sd).reshape(h.shape)
    torch.testing.assert_close(seen[0], F.silu((1 + gamma) * normal + beta))


def test_without_film_time_is_added_and_scales_nothing():
    block = awake(BLOCKS["shift"](width_in=4, width_out=4, width_time=6, groups=2, dropout=0.0))
    time, h = torch.randn(1, 6), torch.randn(2, 1, 4, 4, 4, 4)
    one, two = (block.modulated(x, time) for x in h)
    torch.testing.assert_close(two - one, h[1] - h[0])
    assert not torch.allclose(one, h[0])


def test_the_norm_does_not_divide_the_modulation_away():
    block, x = awake(film_block()), torch.randn(1, 4, 4, 4, 4)
    assert not torch.allclose(block(x, torch.zeros(1, 6)), block(x, torch.ones(1, 6)), atol=1e-3)


def test_dropout_acts_in_training_alone():
    block, x, time = awake(film_block(dropout=0.5)), torch.randn(1, 4, 4, 4, 4), torch.ones(1, 6)
    assert not torch.equal(block(x, time), block(x, time))
    block.eval()
    assert torch.equal(block(x, time), block(x, time))


@pytest.fixture
def attention():
    return awake(Attention(width=8, width_context=6, heads=2))


def test_attention_starts_silent():
    fresh = Attention(width=8, width_context=6, heads=2)
    assert not fresh(torch.randn(2, 3, 8), torch.randn(2, 5, 6)).any()


def test_what_is_found_depends_on_who_asks(attention):
    tokens, context = torch.randn(1, 4, 8), torch.randn(1, 5, 6)
    found = attention(tokens, context)[0]
    gaps = torch.cdist(found, found) + torch.eye(4)
    assert gaps.min() > 1e-3


def test_with_a_single_answerer_nobody_could_ask_anything(attention):
    """Softmax over one key is 1: why sources are pooled to many tokens, not to one."""
    found = attention(torch.randn(1, 4, 8), torch.randn(1, 1, 6))[0]
    torch.testing.assert_close(found, found[:1].expand(4, 8))


def test_masked_context_changes_no_bit(attention):
    tokens, context = torch.randn(2, 4, 8), torch.randn(2, 5, 6)
    mask = torch.tensor([[1, 1, 0, 1, 0], [0, 0, 0, 0, 1]]).bool()
    found = attention(tokens, context, mask)
    other = torch.where(mask[..., None], context, 1e3 * torch.randn(2, 5, 6))
    assert torch.equal(attention(tokens, other, mask), found)
    torch.testing.assert_close(found[:1], attention(tokens[:1], context[:1, [0, 1, 3]]))


def test_the_order_of_the_answerers_does_not_matter_that_of_the_askers_is_kept(attention):
    tokens, context = torch.randn(1, 4, 8), torch.randn(1, 5, 6)
    found = attention(tokens, context)
    torch.testing.assert_close(attention(tokens, context.flip(1)), found)
    torch.testing.assert_close(attention(tokens.flip(1), context), found.flip(1))


def test_every_weight_of_attention_is_used(attention):
    attention(torch.randn(1, 4, 8), torch.randn(1, 5, 6)).square().sum().backward()
    assert all(p.grad.isfinite().all() and p.grad.any() for p in attention.parameters())


def test_attention_on_a_volume_starts_as_the_identity():
    x = torch.randn(2, 8, 4, 3, 2)
    assert torch.equal(VolumeAttention(width=8, width_context=8, heads=2)(x), x)


def test_each_voxel_gets_its_own_answer():
    volume = awake(VolumeAttention(width=8, width_context=6, heads=2))
    x, context = torch.randn(1, 8, 4, 3, 2), torch.randn(1, 5, 6)
    other = x.clone()
    other[0, :, 2, 1, 0] += torch.randn(8)
    changed = (volume(other, context) - volume(x, context)).abs().amax(dim=1)[0] > 1e-5
    assert changed.nonzero().tolist() == [[2, 1, 0]]


def test_without_a_context_the_voxels_ask_each_other():
    volume = awake(VolumeAttention(width=8, width_context=8, heads=2))
    x = torch.randn(1, 8, 4, 3, 2)
    other = x.clone()
    other[0, :, 2, 1, 0] += torch.randn(8)
    assert ((volume(other) - volume(x)).abs().amax(dim=1) > 1e-6).all()
