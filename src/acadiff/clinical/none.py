"""No prompt at all: what a generator knows from the scans alone."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from acadiff.clinical.encoder import Text, TextEncoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acadiff.clinical.prompt import Prompt


class NoEncoder(TextEncoder):
    """Says nothing of any patient: every prompt has no vector."""

    name = "none"
    width = 1
    identity = hashlib.sha256(b"acadiff none").hexdigest()

    def encode(self, prompts: Sequence[Prompt]) -> Text:
        """Encode each prompt to no vector."""
        import torch

        return Text.stack([torch.zeros(0, self.width) for _ in prompts], self.width)
