"""One public prompt, by whose vector a model is recognised that others can exchange."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot, isfinite
from typing import TYPE_CHECKING, Any

from acadiff.clinical.prompt import Prompt
from acadiff.cohort.table import Diagnosis, Scores
from acadiff.errors import EncoderError
from acadiff.modality import Modality

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jaxtyping import Float
    from torch import Tensor

PROMPT = Prompt(
    Modality.FDG,
    (Modality.MRI, Modality.AV45),
    Diagnosis.AD,
    Scores(mmse=22, adas13=28, cdrsb=4.5),
)
"""The paper's own example: nobody's record, and a sentence like all the others."""

_VALUES = 16
_COSINE = 0.999  # one service on two days: above 0.9999; another model: near 0; quantised: 0.98
_NORM = 0.01


@dataclass(frozen=True)
class Canary:
    """What is kept of the vector of `PROMPT`, in plain numbers.

    Args:
        width: how long the vector is.
        start: direction of its first values, each rounded to three decimals.
        norm: its length, to four digits.
    """

    width: int
    start: tuple[float, ...]
    norm: float

    @classmethod
    def of(cls, row: Float[Tensor, "1 d"]) -> Canary:
        """Keep what tells one model from another."""
        values = [float(value) for value in row[0, :_VALUES]]
        length = hypot(*values) or 1.0
        start = tuple(round(value / length, 3) for value in values)
        return cls(row.shape[1], start, float(f"{float(row.norm()):.4g}"))

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> Canary:
        """Read what `plain` wrote.

        Raises:
            EncoderError: it was changed since.
        """
        try:
            width, start = int(plain["width"]), tuple(float(v) for v in plain["start"])
            norm = float(plain["norm"])
        except (KeyError, TypeError, ValueError):
            width, start, norm = 0, (), 0.0
        if width < 1 or len(start) != min(width, _VALUES) or not all(map(isfinite, start)):
            raise EncoderError(
                "the stored answer to the public prompt is damaged",
                code="E_TEXT_ENCODER",
                hint="take the settings of the text encoder from the weights once more",
            )
        return cls(width, start, norm)

    def plain(self) -> dict[str, Any]:
        """Values that fit into JSON."""
        return {"width": self.width, "start": list(self.start), "norm": self.norm}

    def agrees(self, other: Canary) -> bool:
        """True where both may be of one model."""
        if self.width != other.width:
            return False
        product = sum(a * b for a, b in zip(self.start, other.start, strict=True))
        lengths = hypot(*self.start) * hypot(*other.start)
        near = abs(self.norm - other.norm) <= _NORM * max(self.norm, other.norm)
        return near and lengths > 0 and product >= _COSINE * lengths
