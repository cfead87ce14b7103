import pytest
import torch
from torch import nn

from acadiff.nets.critic import CRITERIA, PatchCritic, frozen


def critic(criterion="bce", spectral=False):
    torch.manual_seed(0)
    return PatchCritic(
        channels_in=2, channels=2, layers=1, kernel=3, criterion=criterion, spectral=spectral
    )


def pair():
    return torch.randn(2, 2, 6, 6, 6), torch.randn(2, 2, 6, 6, 6)


def test_the_absolute_criterion_is_the_distance_from_one_or_nothing():
    absolute, said = CRITERIA["absolute"](), torch.tensor([1.0, 0.5, -1.0])
    assert float(absolute(said, True, True)) == pytest.approx(2.5 / 3)
    assert float(absolute(said, False, True)) == pytest.approx(2.5 / 3)
    assert float(absolute(said[:1], True, False)) == 0


@pytest.mark.parametrize("criterion", CRITERIA)
def test_to_tell_them_apart_lowers_its_loss_and_decides_who_passes(criterion):
    judge, (real, fake) = critic(criterion), pair()
    real = real + 2
    before = judge.teach(real, fake).detach()
    optimiser = torch.optim.Adam(judge.parameters(), lr=0.02)
    for _ in range(30):
        optimiser.zero_grad()
        judge.teach(real, fake).backward()
        optimiser.step()
    with torch.no_grad():
        assert judge.teach(real, fake) < before
        assert judge.fool(fake) > judge.fool(real)


@pytest.mark.parametrize("spectral", [True, False])
def test_to_be_fooled_changes_no_bit_of_it_and_reaches_whoever_fools(spectral):
    judge, (_, fake) = critic(spectral=spectral), pair()
    fake.requires_grad_()
    before = {k: v.clone() for k, v in judge.state_dict().items()}
    judge.fool(fake).backward()
    assert fake.grad.any()
    assert all(p.grad is None and p.requires_grad for p in judge.parameters())
    assert judge.training
    assert all(torch.equal(before[k], v) for k, v in judge.state_dict().items())


def test_half_precision_is_left_at_its_door():
    judge, (real, fake) = critic(), pair()
    with torch.autocast("cpu", torch.bfloat16):
        assert judge.teach(real, fake).dtype == torch.float32


def test_frozen_ends_where_something_fails():
    layer = nn.Linear(1, 1)

    def fail():
        with frozen(layer):
            assert not layer.weight.requires_grad
            layer(torch.ones(2))

    with pytest.raises(RuntimeError, match="shapes"):
        fail()
    assert layer.weight.requires_grad
    assert layer.training
