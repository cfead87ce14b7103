import pytest
import torch
from torch import nn

from acadiff.training.ema import EMA


@pytest.fixture
def module():
    torch.manual_seed(0)
    return nn.Linear(3, 2)


def moved(module):
    """The module after a step of some training."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter))
    return module


def values(module):
    return {name: p.detach().clone() for name, p in module.named_parameters()}


def test_it_starts_as_a_copy_that_does_not_follow(module):
    ema, start = EMA(module, decay=0.9), values(module)
    moved(module)
    assert ema.state().keys() == start.keys()
    assert all(torch.equal(ema.state()[k], start[k]) for k in start)


@pytest.mark.parametrize(("step", "decay"), [(0, 0.1), (5, 0.4), (10_000, 0.9)])
def test_it_moves_by_its_decay_and_early_on_faster(module, step, decay):
    ema, start = EMA(module, decay=0.9), values(module)
    ema.update(moved(module), step)
    for name, now in values(module).items():
        expected = decay * start[name] + (1 - decay) * now
        torch.testing.assert_close(ema.state()[name], expected)


def test_what_does_not_change_keeps_its_bits(module):
    ema = EMA(module, decay=0.99)
    for step in range(50):
        ema.update(module, step)
    assert all(torch.equal(ema.state()[k], v) for k, v in values(module).items())


def test_without_decay_it_is_the_weights(module):
    ema = EMA(module, decay=0.0)
    ema.update(moved(module), 3)
    assert all(torch.equal(ema.state()[k], v) for k, v in values(module).items())


def test_the_averages_can_take_the_place_of_the_weights(module):
    ema, start = EMA(module, decay=0.9), values(module)
    ema.copy_to(moved(module))
    assert all(torch.equal(v, start[k]) for k, v in values(module).items())
    moved(module)
    assert all(torch.equal(ema.state()[k], start[k]) for k in start)
