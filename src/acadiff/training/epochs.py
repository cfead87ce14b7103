"""A short supervised training: epochs until validation gets no better, and back to the best."""

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from acadiff.errors import AcadiffError

B = TypeVar("B")
Score = tuple[float, ...]


@dataclass(frozen=True)
class Epochs:
    """Numbers of one training.

    Args:
        epochs: at most; the learning rate falls to zero over them, by a cosine.
        patience: epochs to stop after in which the score's first number has not risen.
        rate: AdamW's learning rate.
        weight_decay: of AdamW.
    """

    epochs: int
    patience: int
    rate: float
    weight_decay: float


def fit(
    network: nn.Module,
    batches: Callable[[int], Iterator[B]],
    loss: Callable[[nn.Module, B], Tensor],
    score: Callable[[nn.Module], Score],
    numbers: Epochs,
    fabric: Fabric,
) -> Score:
    """Train a network and leave in it the weights of its best epoch, the first of equal ones.

    Args:
        network: to train; it moves to the device of `fabric`.
        batches: those of an epoch, from 0.
        loss: of a batch.
        score: of the network in evaluation mode, greater is better; further numbers decide
            between epochs whose first is the same.
        numbers: of the training.
        fabric: device and precision.

    Returns:
        The best score.

    Raises:
        AcadiffError: the loss is not a finite number, so that nothing is learnt any more.
    """
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=numbers.rate, weight_decay=numbers.weight_decay
    )
    model, optimiser = fabric.setup(network, optimiser)
    best: tuple[Score, dict[str, Any]] | None = None
    risen = 0
    for epoch in range(numbers.epochs):
        for group in optimiser.param_groups:
            group["lr"] = numbers.rate * 0.5 * (1 + math.cos(math.pi * epoch / numbers.epochs))
        model.train()
        for batch in batches(epoch):
            optimiser.zero_grad(set_to_none=True)
            lost = loss(model, batch)
            _require_finite(float(lost.detach()), epoch)
            fabric.backward(lost)
            optimiser.step()
        model.eval()
        with torch.no_grad():
            found = score(model)
        if best is None or found > best[0]:
            risen = risen if best is not None and found[0] == best[0][0] else epoch
            best = found, copy.deepcopy(network.state_dict())
        if epoch - risen >= numbers.patience:
            break
    assert best is not None
    network.load_state_dict(best[1])
    network.eval()
    return best[0]


def _require_finite(loss: float, epoch: int) -> None:
    if not math.isfinite(loss):
        raise AcadiffError(
            f"the loss of a network is {loss} in epoch {epoch + 1}",
            code="E_NOT_FINITE",
            value=str(loss),
            hint="train it in single precision, or with a lower learning rate",
        )
