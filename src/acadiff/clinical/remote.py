"""Any service that speaks OpenAI's embeddings protocol as the text encoder. [paper §3: GPT-4o]

The paper's encoder lets nobody see its hidden states; what its makers and many others offer is one
vector a sentence. Nothing is sent unless a person named this encoder and said that prompts may go
there; docs/remote-text.md tells what is sent, and how to stay on the own machine.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import partial
from typing import TYPE_CHECKING, Any

from acadiff.clinical import consent
from acadiff.clinical.canary import Canary
from acadiff.clinical.endpoint import Endpoint
from acadiff.clinical.line import Line, Patience
from acadiff.clinical.reply import vectors
from acadiff.clinical.served import ServedEncoder
from acadiff.errors import EncoderError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from jaxtyping import Float
    from torch import Tensor

    from acadiff.clinical.prompt import Prompt

_NAME = re.compile(r"[!-~]{1,200}")


class RemoteEncoder(ServedEncoder):
    """One vector a prompt from OpenAI, Azure, vLLM, Ollama, LM Studio or the like.

    One model has one identity wherever it is served: whether it is the same model, the vector of
    the public prompt tells.

    Raises:
        EncoderError: address or model cannot be one. At the first request: nobody said that
            prompts may be shared, the client or the key is missing, or no usable answer comes.
    """

    def __init__(
        self,
        model: str | None = None,
        base_url: str | None = None,
        dimensions: int | None = None,
        *,
        canary: Mapping[str, Any] | None = None,
        share: bool = False,
        patience: Patience | None = None,
    ) -> None:
        """Name the service; ask nothing yet.

        Args:
            model: as the service calls it, such as `text-embedding-3-small`.
            base_url: such as `http://127.0.0.1:11434/v1`; nothing means OpenAI's.
            dimensions: how long vectors are asked for; nothing leaves that to the model.
            canary: the service's answer to the public prompt, from `settings()`.
            share: somebody has said that prompts may be given to this service.
            patience: how long to wait, and how often to ask.
        """
        super().__init__(dimensions or None, Canary.read(canary) if canary else None)
        if not _NAME.fullmatch(model or ""):
            raise EncoderError(
                "the text encoder `openai` needs the name of a model",
                code="E_ENDPOINT",
                value=model or "",
                hint="as in conditioning.model = 'text-embedding-3-small'",
            )
        patience = patience or Patience()
        self.name = str(model)
        self.batch = patience.batch
        self.endpoint = Endpoint.of(base_url)
        told = json.dumps(["openai", model, dimensions or None])
        self.identity = hashlib.sha256(told.encode()).hexdigest()
        self._dimensions = dimensions or None
        self._share = share
        self._line = Line(self.endpoint, patience)

    def settings(self) -> dict[str, Any]:
        """Service, model and its answer to the public prompt; neither key nor consent."""
        return {
            "model": self.name,
            "base_url": self.endpoint.url,
            "dimensions": self._dimensions,
            "canary": self._known.plain() if self._known else None,
        }

    def check(self) -> None:
        """Raise now, and without a connection, what would keep the first request from being made.

        Raises:
            EncoderError: nobody said that prompts may be shared, or client or key is missing.
        """
        consent.require(self.endpoint, share=self._share)
        self._line.open()

    def explain(self, prompts: Iterable[Prompt]) -> list[dict[str, Any]]:
        """List the JSON bodies that would be sent to encode these prompts; send nothing."""
        return [self._body(part) for part in self.portions(prompts)]

    def ask(self, sentences: Sequence[str]) -> list[Float[Tensor, "1 d"]]:
        """Ask for the vectors of some sentences in one request."""
        self.check()
        read = partial(vectors, count=len(sentences), width=self.due)
        return self._line.post(self._body(sentences), read)

    def _body(self, sentences: Sequence[str]) -> dict[str, Any]:
        body = {"input": list(sentences), "model": self.name, "encoding_format": "float"}
        return body | ({"dimensions": self._dimensions} if self._dimensions else {})
