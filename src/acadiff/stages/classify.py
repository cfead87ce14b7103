"""Completed scans of people → the probability of each diagnosis. No generator is asked."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from lightning_fabric import Fabric
from torch import Tensor, nn

from acadiff.diffusion.noise import generator
from acadiff.errors import CohortError, UsageError
from acadiff.evaluation.diagnosis import macro_area
from acadiff.evaluation.regional_classifier import classify as regional
from acadiff.evaluation.regional_classifier import require_classes
from acadiff.latent.kept import kept_features, kept_volume
from acadiff.modality import Modality
from acadiff.nets.classifier import Classifier
from acadiff.nets.frame import shifted
from acadiff.recipe.diagnosis import Diagnosis
from acadiff.training.arithmetic import SINGLE, fabric_on
from acadiff.training.epochs import Epochs, fit

REGIONAL, DENSENET = "regional", "densenet"
CLASSIFIERS = (REGIONAL, DENSENET)

Piece = tuple[Path, int]
"""A file of kept volumes, and which of its draws."""

Probabilities = Float[np.ndarray, "_ c"]


@dataclass(frozen=True)
class Case:
    """One person as a classifier sees it: three volumes, real or not, and the class.

    Args:
        key: whose; only to tell people apart.
        label: 0 to c - 1, from well to ill.
        pieces: where each volume lies.
    """

    key: str
    label: int
    pieces: Mapping[Modality, Piece]

    @property
    def person(self) -> str:
        """The person, whatever the visit."""
        return self.key.split("_")[0]


@dataclass(frozen=True)
class Task:
    """One classifier to train, and whom to ask it about.

    Args:
        kind: one of `CLASSIFIERS`.
        fit: whom it learns from.
        validation: whom it is chosen by; a regression needs no choice.
        test: whom it is asked about beside.
        classes: how many there are.
        seed: of everything random in it.
        numbers: of both classifiers.
        device: where a network is trained: auto, cpu, cuda or mps.
        precision: Lightning Fabric's, of a network on another device than the processor.

    Raises:
        UsageError: there is no such classifier.
        CohortError: a person stands on two sides, or a class has too few people.
    """

    kind: str
    fit: tuple[Case, ...]
    validation: tuple[Case, ...]
    test: tuple[Case, ...]
    classes: int
    seed: int
    numbers: Diagnosis
    device: str = "cpu"
    precision: str = "bf16-mixed"

    def __post_init__(self) -> None:
        """Refuse what would tell nothing."""
        if self.kind not in CLASSIFIERS:
            raise UsageError(f"no classifier {self.kind!r}; there are {', '.join(CLASSIFIERS)}")
        refuse_both_sides(*({c.person for c in part} for part in self.parts))
        require_classes([case.label for case in self.fit], self.classes)

    @property
    def parts(self) -> tuple[tuple[Case, ...], ...]:
        """Those it learns from, is chosen by, and is asked about."""
        return self.fit, self.validation, self.test


def refuse_both_sides(*parts: set[str]) -> None:
    """Refuse people who would teach and judge.

    Raises:
        CohortError: somebody stands in two parts.
    """
    counts = Counter(person for part in parts for person in part)
    twice = sorted(person for person, count in counts.items() if count > 1)
    if twice:
        raise CohortError(
            f"{twice[0]}: stands on both sides of the split",
            code="E_BOTH_SIDES",
            value=twice[0],
            hint="whoever teaches a classifier cannot judge it; split by person",
        )


def classify(task: Task) -> dict[str, Probabilities]:
    """Train one classifier.

    Returns:
        `validation` and `test`: the probability of each class, a row a person.
    """
    return (_by_regions if task.kind == REGIONAL else _by_network)(task)


def _by_regions(task: Task) -> dict[str, Probabilities]:
    asked = (*task.validation, *task.test)
    labels = [case.label for case in task.fit]
    told = regional(_table(task.fit), labels, _table(asked), task.numbers.strength)
    return _parted(told, task)


def _table(cases: Sequence[Case]) -> Float[np.ndarray, "n f"]:
    rows = [[_features(path, draw) for path, draw in _in_order(case)] for case in cases]
    return np.stack([np.concatenate(row) for row in rows])


def _in_order(case: Case) -> list[Piece]:
    return [case.pieces[modality] for modality in Modality]


@cache
def _all_features(path: Path) -> Float[np.ndarray, "n f"]:
    return kept_features(path)


def _features(path: Path, draw: int) -> Float[np.ndarray, " f"]:
    found = _all_features(path)
    return np.asarray(found[draw % len(found)])


def forget() -> None:
    """Forget what was read of files; they may have been made anew."""
    _all_features.cache_clear()


def _parted(told: Probabilities, task: Task) -> dict[str, Probabilities]:
    first = len(task.validation)
    return {"validation": told[:first], "test": told[first:]}


def _by_network(task: Task) -> dict[str, Probabilities]:
    own = task.numbers.densenet
    fabric = _fabric(task)
    train, chosen_by = _stacked(task.fit), _stacked(task.validation)
    labels = torch.tensor([case.label for case in task.fit])
    weight = fabric.to_device(_weights(labels, task.classes))
    truth = [case.label for case in task.validation]

    def batches(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        random = generator(task.seed, "epoch", epoch)
        order = torch.randperm(len(labels), generator=random)
        for rows in torch.tensor_split(order, -(-len(order) // own.batch)):
            images = shifted(train[rows].float(), own.shift, random)
            yield fabric.to_device(images), fabric.to_device(labels[rows])

    def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        return F.cross_entropy(model(batch[0]), batch[1], weight=weight)

    def score(model: nn.Module) -> tuple[float, float]:
        return _goodness(_asked(model, chosen_by, own.batch, fabric), truth)

    network = _untrained(task)
    numbers = own.model_dump(include={"epochs", "patience", "rate", "weight_decay"})
    fit(network, batches, loss, score, Epochs(**numbers), fabric)
    asked = torch.cat([chosen_by, _stacked(task.test)])
    return _parted(_asked(network, asked, own.batch, fabric), task)


def _fabric(task: Task) -> Fabric:
    """Single precision on a processor: in bf16, where it has that, no network stayed finite."""
    fabric = fabric_on(task.device, task.precision)
    return fabric_on("cpu", SINGLE) if fabric.device.type == "cpu" else fabric


def _untrained(task: Task) -> Classifier:
    torch.manual_seed(task.seed)
    own = task.numbers.densenet.model_dump(include={"features", "growth", "blocks", "dropout"})
    return Classifier(modalities=len(Modality), classes=task.classes, **own)


def _weights(labels: Tensor, classes: int) -> Tensor:
    """Of each class, so that all count alike."""
    return len(labels) / (classes * torch.bincount(labels, minlength=classes))


def _goodness(told: Probabilities, truth: Sequence[int]) -> tuple[float, float]:
    """AUC, and among equal ones the lower cross-entropy."""
    own = told[np.arange(len(truth)), truth]
    return float(macro_area(told, np.asarray(truth))), float(np.log(np.maximum(own, 1e-9)).mean())


def _stacked(cases: Sequence[Case]) -> Tensor:
    """Volumes `(n m i j k)` in half precision."""
    people = [np.stack([kept_volume(*piece) for piece in _in_order(case)]) for case in cases]
    return torch.from_numpy(np.stack(people))


@torch.no_grad()
def _asked(model: nn.Module, images: Tensor, size: int, fabric: Fabric) -> Probabilities:
    told = []
    for some in torch.split(images, size):
        with fabric.autocast():
            logits = model(fabric.to_device(some.float()))
        told.append(logits.float().softmax(-1).cpu())
    return torch.cat(told).double().numpy()
