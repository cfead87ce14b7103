import pytest
import torch
from torch import nn

from acadiff.nets.dropout import HandedDropout
from acadiff.nets.translator import ResidualTranslator, UNetTranslator


def test_dropout_is_in_the_inner_decoder_alone():
    """With the five levels of the original these are three blocks."""
    network = UNetTranslator(channels_in=4, widths=(2, 2, 2, 2, 2), dropout=0.5)
    dropped = [n for n, m in network.named_modules() if isinstance(m, HandedDropout)]
    inside = "submodule."
    assert sorted(name.count(inside) for name in dropped) == [1, 2, 3]
    assert all(name.endswith("2.adn.D") for name in dropped)
    assert not [m for m in network.modules() if isinstance(m, torch.nn.Dropout)]


def test_each_answers_in_the_range_of_scans_on_the_grid_it_is_given():
    for network in (
        UNetTranslator(channels_in=3, widths=(2, 4, 4), dropout=0.5),
        ResidualTranslator(channels_in=3, width=2, blocks=1, kernel=5, told=True),
    ):
        made = network(9 * torch.randn(2, 3, 8, 4 * network.divisor, 8))
        assert made.shape == (2, 1, 8, 4 * network.divisor, 8)
        assert made.abs().max() <= 1


def test_sizes_of_the_originals():
    """0.81 M parameters for one source at 1 mm, as measured of the authors' network."""
    network = ResidualTranslator(channels_in=1, width=16, blocks=3, kernel=7, told=False)
    assert abs(sum(p.numel() for p in network.parameters()) / 0.81e6 - 1) < 0.02


@pytest.mark.parametrize("told", [True, False])
def test_what_is_the_same_everywhere_gets_past_the_first_layer_only_without_a_norm(told):
    network = ResidualTranslator(channels_in=2, width=4, blocks=1, kernel=3, told=told)
    image = torch.randn(1, 1, 8, 8, 8)
    one, other = (torch.cat([image, torch.full_like(image, v)], dim=1) for v in (0.0, 1.0))
    assert torch.allclose(network(one), network(other), atol=1e-4) != told


def test_the_unet_is_told_by_constants_as_well():
    network = UNetTranslator(channels_in=2, widths=(4, 8, 8), dropout=0.5)
    nn.init.normal_(network.network.get_submodule("model.0.conv").weight)
    image = torch.randn(1, 1, 8, 8, 8)
    inside = [network.network.model[0](torch.cat([image, torch.full_like(image, v)], dim=1))
              for v in (0.0, 1.0)]  # fmt: skip
    middle = [made[..., 1:-1, 1:-1, 1:-1] for made in inside]
    assert not torch.allclose(*middle, atol=1e-2)
