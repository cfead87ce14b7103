"""The record as numbers, for learnable embeddings: the paper's ACADiff-emb. [paper §3]

How it embeds them the paper does not say; here every fact of a prompt is a token. A choice
(target, source, diagnosis, sex) is one-hot. A number lies between two knots of its scale and is
shared out between them, so that the matrix which a generator learns of these vectors is a table of
embeddings, one a choice and one a knot, read by interpolation. No more order or distance is built
in than that a score resembles its neighbours.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from acadiff.clinical.encoder import Text, TextEncoder
from acadiff.cohort.table import Diagnosis
from acadiff.modality import Modality

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jaxtyping import Float
    from torch import Tensor

    from acadiff.clinical.prompt import Prompt

CHOICES = {
    "target": tuple(m.name for m in Modality),
    "source": tuple(m.name for m in Modality),
    "diagnosis": tuple(d.name for d in Diagnosis),
    "sex": ("F", "M"),
}
KNOTS = {
    "mmse": (0, 10, 15, 18, 20, 22, 24, 26, 28, 30),
    "adas13": (0, 5, 10, 15, 20, 25, 30, 40, 55, 85),
    "cdrsb": (0, 0.5, 1, 2, 3, 4.5, 6, 9, 18),
    "age": (50, 55, 60, 65, 70, 75, 80, 85, 90, 95),
    "apoe4": (0, 1, 2),
}
"""Denser where the scores of people with memory complaints are dense [ours]."""


class ScoresEncoder(TextEncoder):
    """Prompt → one vector a fact, `width` long and mostly zero."""

    name = "scores"
    width = sum(map(len, (*CHOICES.values(), *KNOTS.values())))
    identity = hashlib.sha256(json.dumps([CHOICES, KNOTS]).encode()).hexdigest()

    def __init__(self, embed: int = 512) -> None:
        """Encode for embeddings of this width.

        Args:
            embed: width of the embedding [paper §3: 512].
        """
        self.embed = embed

    def encode(self, prompts: Sequence[Prompt]) -> Text:
        """Encode each prompt to as many vectors as it tells facts."""
        return Text.stack([_vectors(prompt) for prompt in prompts], self.width)

    def settings(self) -> dict[str, Any]:
        """The width of the embedding."""
        return {"embed": self.embed}


def told_diagnoses(text: Text) -> Float[Tensor, "b g"]:
    """Which diagnosis each encoded prompt tells.

    Args:
        text: as this encoder makes it.

    Returns:
        One-hot in the order of `Diagnosis`; all zero where a prompt tells none.
    """
    start, facts = _start("diagnosis"), _summed(text)
    return facts[:, start : start + len(Diagnosis)]


def told_numbers(
    text: Text, fields: Sequence[str]
) -> tuple[Float[Tensor, "b f"], Float[Tensor, "b f"]]:
    """Which numbers each encoded prompt tells, read back from their shares of the knots.

    Args:
        text: as this encoder makes it.
        fields: of `KNOTS`.

    Returns:
        Values, 0 where one is not told; and 1 where one is told, else 0.
    """
    import torch

    facts = _summed(text)
    values, told = [], []
    for field in fields:
        knots = torch.tensor(KNOTS[field], dtype=facts.dtype, device=facts.device)
        shares = facts[:, _start(field) : _start(field) + len(knots)]
        told.append((shares.sum(dim=1) > 0.5).to(facts.dtype))
        values.append(shares @ knots * told[-1])
    return torch.stack(values, dim=1), torch.stack(told, dim=1)


def _summed(text: Text) -> Float[Tensor, "b d"]:
    """All facts of each prompt in one vector."""
    return text.tokens.masked_fill(~text.mask[..., None], 0).sum(dim=1)


def _vectors(prompt: Prompt) -> Tensor:
    import torch

    facts = [*_chosen(prompt), *_measured(prompt)]
    rows = torch.zeros(len(facts), ScoresEncoder.width)
    for row, weights in zip(rows, facts, strict=True):
        for place, weight in weights.items():
            row[place] = weight
    return rows


def _chosen(prompt: Prompt) -> Iterator[dict[int, float]]:
    """Place of each choice in the vector."""
    made = [("target", prompt.target.name), *(("source", m.name) for m in prompt.available)]
    if prompt.diagnosis:
        made.append(("diagnosis", prompt.diagnosis.name))
    if prompt.person.sex in CHOICES["sex"]:
        made.append(("sex", str(prompt.person.sex)))
    for field, name in made:
        yield {_start(field) + CHOICES[field].index(name): 1.0}


def _measured(prompt: Prompt) -> Iterator[dict[int, float]]:
    """Places of the two knots around each number, with their shares."""
    for field, knots in KNOTS.items():
        value = getattr(prompt.person if field in ("age", "apoe4") else prompt.scores, field)
        if value is None:
            continue
        value = min(max(value, knots[0]), knots[-1])
        upper = next(i for i, knot in enumerate(knots) if value <= knot and i > 0)
        share = (value - knots[upper - 1]) / (knots[upper] - knots[upper - 1])
        start = _start(field)
        yield {start + upper - 1: 1 - share, start + upper: share}


def _start(field: str) -> int:
    """Where the places of a field begin."""
    place = 0
    for name, parts in (CHOICES | KNOTS).items():
        if name == field:
            return place
        place += len(parts)
    raise KeyError(field)
