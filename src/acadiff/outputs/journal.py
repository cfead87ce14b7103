"""A file to which pieces of work are added as they are finished, so that a killed run goes on."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acadiff.commit import lock
from acadiff.errors import OutputError


@dataclass(frozen=True)
class Journal:
    """One line of JSON a piece of work, under its key. Several processes may add at once."""

    path: Path

    def read(self) -> dict[str, dict[str, Any]]:
        """Everything that was finished; a line that was cut short is not, nor one with a NaN."""
        if not self.path.is_file():
            return {}
        found = {}
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                piece = json.loads(line, parse_constant=_no_number)
                found[str(piece.pop("key"))] = piece
            except (ValueError, KeyError, AttributeError, TypeError):
                continue
        return found

    def add(self, key: str, values: Mapping[str, Any]) -> None:
        """Add one piece, on its own line whatever stands before it.

        Raises:
            OutputError: the file cannot be written.
            ValueError: a number is not finite, which no work that was finished leaves.
        """
        line = json.dumps({"key": key, **values}, allow_nan=False)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with lock(self.path), self.path.open("a", encoding="utf-8") as stream:
                stream.write(f"\n{line}\n")
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written ({error.strerror})") from error


def _no_number(text: str) -> float:
    """What NaN and infinities stand for, none of which is a result."""
    raise ValueError(f"{text} is no number")
