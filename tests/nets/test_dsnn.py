import pytest
import torch

from acadiff.nets.dsnn import DSNN

WIDTHS = (16, 32, 64, 64, 64)


@pytest.mark.parametrize(
    ("shape", "pools"), [((144, 176, 144), 4), ((160, 192, 160), 4), ((40, 48, 40), 2)]
)
def test_the_head_sees_the_cells_of_the_original(shape, pools):
    assert DSNN(shape=shape, widths=WIDTHS, pools=pools).head.in_features == 2 * 64 * 4 * 5 * 4


def test_maps_of_every_level_are_compared_before_they_are_pooled():
    network = DSNN(shape=(12, 16, 12), widths=(2, 3, 4, 5, 6), pools=2)
    one, other = torch.randn(2, 1, 12, 16, 12), torch.randn(2, 1, 12, 16, 12)
    maps = [network.features(image) for image in (one, other)]
    assert [tuple(m.shape[1:]) for m in maps[0]] == [
        (2, 12, 16, 12), (3, 6, 8, 6), (4, 3, 4, 3), (5, 3, 4, 3), (6, 3, 4, 3)
    ]  # fmt: skip
    expected = sum((a - b).abs().mean() for a, b in zip(*maps, strict=True))
    torch.testing.assert_close(network.distance(one, other), expected)
    assert float(network.distance(one, one).detach()) == 0


def test_the_pattern_decides_and_not_how_many_cells_there_are():
    """What enters the last layer has a norm of one."""
    network = DSNN(shape=(12, 16, 12), widths=(2, 3, 4), pools=1)
    entered = []
    network.head.register_forward_pre_hook(lambda _, given: entered.append(given[0]))
    assert network(torch.randn(3, 1, 12, 16, 12)).shape == (3, 2)
    torch.testing.assert_close(entered[0].norm(dim=1), torch.ones(3))
