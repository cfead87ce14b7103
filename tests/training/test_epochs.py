import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from acadiff.errors import AcadiffError
from acadiff.training.epochs import Epochs, fit

FABRIC = Fabric(accelerator="cpu", devices=1, precision="32-true")


def trained(scores, patience, epochs=10):
    """Train one weight, told these scores; returns it, the epochs and what it was after each."""
    network, after, seen = nn.Linear(1, 1, bias=False), [], []

    def batches(epoch):
        seen.append(epoch)
        yield torch.ones(1, 1)

    def score(model):
        after.append(network.weight.item())
        told = scores[len(after) - 1]
        return told if isinstance(told, tuple) else (told,)

    numbers = Epochs(epochs=epochs, patience=patience, rate=0.1, weight_decay=0.0)
    best = fit(network, batches, lambda model, x: model(x).sum(), score, numbers, FABRIC)
    return network, seen, after, best


def test_the_best_epoch_is_kept_and_the_first_of_equal_ones():
    network, seen, after, best = trained([0.1, 0.9, 0.2, 0.9, 0.3, 0.4], patience=3)
    assert best == (0.9,)
    assert network.weight.item() == after[1]
    assert len(set(after)) == len(after)
    assert seen == [0, 1, 2, 3, 4]
    assert not network.training


def test_a_score_that_rises_is_trained_to_the_end():
    _, seen, after, _ = trained([n / 10 for n in range(10)], patience=1)
    assert seen == list(range(10))
    assert len(after) == 10


def test_further_numbers_choose_between_epochs_and_keep_no_training_going():
    scores = [(0.1, 0.0), (0.9, 0.1), (0.9, 0.2), (0.9, 0.3), (0.9, 0.4), (0.9, 0.5), (1.0, 0.0)]
    network, seen, after, best = trained(scores, patience=3)
    assert seen == [0, 1, 2, 3, 4]
    assert best == (0.9, 0.4)
    assert network.weight.item() == after[4]


def test_a_loss_that_is_no_number_ends_the_training():
    network = nn.Linear(1, 1)

    def batches(epoch):
        yield torch.full((1, 1), float("nan") if epoch else 1.0)

    numbers = Epochs(epochs=3, patience=3, rate=0.1, weight_decay=0.0)
    with pytest.raises(AcadiffError, match="is nan in epoch 2") as raised:
        fit(network, batches, lambda m, x: m(x).sum(), lambda _: (0.0,), numbers, FABRIC)
    assert raised.value.code == "E_NOT_FINITE"
