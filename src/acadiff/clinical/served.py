"""A text encoder whose weights are in other hands: asked little, and recognised each time."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from acadiff.clinical import canary
from acadiff.clinical.canary import Canary
from acadiff.clinical.consent import sentence
from acadiff.clinical.encoder import Text, TextEncoder
from acadiff.errors import EncoderError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jaxtyping import Float
    from torch import Tensor

    from acadiff.clinical.prompt import Prompt

_PUBLIC = str(canary.PROMPT)


class ServedEncoder(TextEncoder):
    """One vector a prompt, from a model that somebody else may exchange at any time.

    Before the first prompt of a run the public one of `canary` is asked, and its vector must be
    the one that an earlier run was given. Each sentence is asked once in a run, in an order that
    does not depend on the cohort's; so its bits do not depend on its neighbours, although a
    service may answer the same question with slightly other bits each time.

    Attributes:
        batch: how many sentences are sent at once, and so how many answers can be lost.
    """

    remote: ClassVar[bool] = True
    batch: int

    def __init__(self, width: int | None, known: Canary | None) -> None:
        """Start with what is known of the model; ask nothing yet.

        Args:
            width: how long each vector must be, if that was asked for.
            known: what an earlier run was answered, if there was one.
        """
        self._known = known
        self._width = width
        self._answers: dict[str, Float[Tensor, "1 d"]] = {}

    @abstractmethod
    def ask(self, sentences: Sequence[str]) -> list[Float[Tensor, "1 d"]]:
        """Ask for the vectors of at most `batch` sentences, in their order.

        Raises:
            EncoderError: no usable answer came.
        """

    @cached_property
    def width(self) -> int:  # type: ignore[override]  # nobody sets it
        """As asked for, or as an earlier run was told; else the server is asked."""
        if self.due is None:
            self._take([_PUBLIC])
        assert self.due is not None
        return self.due

    @property
    def due(self) -> int | None:
        """The width of every vector, None as long as it is not known."""
        return self._width or (self._known.width if self._known else None)

    def encode(self, prompts: Sequence[Prompt]) -> Text:
        """Encode each prompt to one vector; what was answered is kept if a later batch fails."""
        for part in self.portions(prompts):
            self._take(part)
        rows = [self._answers[sentence(prompt)] for prompt in prompts]
        return Text.stack(rows, rows[0].shape[1] if rows else self.width)

    def portions(self, prompts: Iterable[Prompt]) -> list[list[str]]:
        """List what is sent to encode prompts, request by request.

        Raises:
            EncoderError: a prompt tells something that is never sent.
        """
        missing = {sentence(prompt) for prompt in prompts} - self._answers.keys()
        if not missing:
            return []
        first = [] if _PUBLIC in self._answers else [[_PUBLIC]]
        rest = sorted(missing - {_PUBLIC})
        return first + [rest[i : i + self.batch] for i in range(0, len(rest), self.batch)]

    def expect(self, row: Float[Tensor, "1 d"]) -> None:
        """Hold the vector of the public prompt against what is known of the model.

        Raises:
            EncoderError: another model gave this one.
        """
        found = Canary.of(row)
        if self._known is not None and not self._known.agrees(found):
            raise EncoderError(
                f"another model answers as {self.name} now: its vector of the public prompt is "
                "not the one it was",
                code="E_TEXT_ENCODER",
                value=self.name,
                hint="name the server and model that the weights and the remembered prompts are "
                "of, or start with a new work folder",
            )
        self._known = self._known or found

    def _take(self, part: list[str]) -> None:
        """Ask for one portion, and remember it."""
        answers = dict(zip(part, self.ask(part), strict=True))
        if _PUBLIC in answers:
            self.expect(answers[_PUBLIC])
        self._answers |= answers
