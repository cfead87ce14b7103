"""Encoded prompts on disk, so that a prompt is encoded once and the model is rarely loaded."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING, Any

from acadiff.clinical import canary
from acadiff.clinical.encoder import Text, TextEncoder
from acadiff.clinical.served import ServedEncoder
from acadiff.commit import lock, write_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from jaxtyping import Float
    from torch import Tensor

    from acadiff.clinical.prompt import Prompt


class CachedEncoder(TextEncoder):
    """Any encoder, with a memory of what it has encoded: one safetensors file.

    An entry is found by the SHA-256 of (encoder identity, prompt), and its own SHA-256 is part of
    its name: what has been damaged is encoded again. No prompt is written in clear. Several
    processes may share the file. Each call with new prompts rewrites it, so a stage encodes all of
    its prompts in one call before it needs them one batch at a time.

    What a service answers is written batch by batch, so that a run which fails loses one at most.
    Its answer to the public prompt is remembered as well: another model under the same name
    neither adds to the file nor is taken for the one that filled it.

    Args:
        encoder: who encodes what is not remembered.
        path: the file; made at the first new prompt.

    Raises:
        OutputError: the file cannot be written.
        EncoderError: the file was filled by another model of this name.
    """

    def __init__(self, encoder: TextEncoder, path: Path) -> None:
        """Wrap `encoder`; read nothing yet."""
        self.name = encoder.name
        self.identity = encoder.identity
        self.embed = encoder.embed
        self._encoder = encoder
        self._path = path
        self._rows: dict[str, Float[Tensor, "_ d"]] = {}

    @cached_property
    def width(self) -> int:  # type: ignore[override]  # nobody sets it
        """That of the wrapped encoder; a service is not asked for it if the file can tell."""
        self._introduce()
        return self._encoder.width

    def encode(self, prompts: Sequence[Prompt]) -> Text:
        """Encode as the wrapped encoder does, to the bit, from memory where possible."""
        self._introduce()
        fresh = self.missing(prompts)
        for portion in self._portions(fresh):
            text = self._encoder.encode(portion)
            keys = [self._key(prompt) for prompt in portion]
            self._rows |= dict(zip(keys, text.rows(), strict=True))
            self._add(keys)
        rows = [self._rows[self._key(prompt)] for prompt in prompts]
        return Text.stack(rows, rows[0].shape[1] if rows else self.width)

    def settings(self) -> dict[str, Any]:
        """Those of the wrapped encoder."""
        self._introduce()
        return self._encoder.settings()

    def missing(self, prompts: Iterable[Prompt]) -> list[Prompt]:
        """Of some prompts, each once, those that the wrapped encoder would be asked for."""
        wanted = {self._key(prompt): prompt for prompt in prompts}
        unseen = wanted.keys() - self._rows.keys()
        if unseen:
            self._rows |= self._read(unseen)
        return [prompt for key, prompt in wanted.items() if key not in self._rows]

    def _portions(self, fresh: list[Prompt]) -> list[list[Prompt]]:
        """Split what is to be encoded into what is written at once.

        A service is told the public prompt first, and the others in the order of the alphabet:
        which of them stand together in the cohort is nobody's business.
        """
        if not fresh or not isinstance(self._encoder, ServedEncoder):
            return [fresh] if fresh else []
        size = self._encoder.batch
        rest = sorted((p for p in fresh if p != canary.PROMPT), key=str)
        batches = [rest[i : i + size] for i in range(0, len(rest), size)]
        return [first, *batches] if (first := self.missing([canary.PROMPT])) else batches

    def _introduce(self) -> None:
        """Tell a service's encoder what its service answered to the public prompt before."""
        if isinstance(self._encoder, ServedEncoder) and not self.missing([canary.PROMPT]):
            self._encoder.expect(self._rows[self._key(canary.PROMPT)])

    def _key(self, prompt: Prompt) -> str:
        return hashlib.sha256(f"{self.identity}\n{prompt}".encode()).hexdigest()

    def _add(self, keys: Iterable[str]) -> None:
        """Rewrite the file with these entries and those that others wrote meanwhile."""
        from safetensors.torch import save

        with lock(self._path):
            rows = self._read(None) | {key: self._rows[key].contiguous() for key in keys}
            named = {f"{key}.{_digest(row)}": row for key, row in rows.items()}
            write_bytes(self._path, save(named))

    def _read(self, keys: Iterable[str] | None) -> dict[str, Float[Tensor, "_ d"]]:
        """Return the sound entries among `keys` (None: all that the file holds)."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self._path, framework="pt") as file:
                digests = dict(name.split(".", 1) for name in list(file.keys()) if "." in name)
                found = digests.keys() if keys is None else digests.keys() & set(keys)
                rows = {key: file.get_tensor(f"{key}.{digests[key]}").clone() for key in found}
        except (OSError, SafetensorError):  # absent or unreadable: as if nothing were remembered
            return {}
        return {key: row for key, row in rows.items() if _digest(row) == digests[key]}


def _digest(row: Float[Tensor, "_ d"]) -> str:
    return hashlib.sha256(row.contiguous().numpy().tobytes()).hexdigest()
