"""The line to a server of embeddings: patient, bounded, and silent about the key."""

from __future__ import annotations

import importlib.util
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from acadiff.clinical import fault
from acadiff.clinical.fault import Fault
from acadiff.errors import EncoderError

if TYPE_CHECKING:
    import httpx2
    import openai

    from acadiff.clinical.endpoint import Endpoint

_T = TypeVar("_T")

_HEADERS = ("host", "accept", "accept-encoding", "content-type", "content-length", "connection")
_WHOLE_HEADERS = "acadiff_headers"
_LIBRARIES = ("openai", "httpx", "httpx2", "httpcore", "httpcore2")
_BREAK = 5  # failures in a row after which nothing more is asked in this run
_LONGEST_WAIT = 60.0  # seconds; who asks for more is asked again by the next run
_WHOLE = 6  # an answer may take so many times `timeout` in all, be it byte by byte
_ROW = 1 << 20  # bytes: a vector of 16,384 values takes a third of it


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server, and how often to ask.

    Args:
        timeout: seconds to connect, and seconds without a byte.
        attempts: how often one request is made at most.
        batch: sentences a request.
        sleep: waits so many seconds between attempts.
        clock: tells the seconds.
    """

    timeout: float = 10.0
    attempts: int = 4
    batch: int = 64
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


class Line:
    """Requests to one endpoint through the official client.

    Nothing but the body, and the headers in `_HEADERS` with the key, leaves: no redirect is
    followed, no setting of the client is taken from the environment but a proxy to reach others.
    """

    def __init__(self, endpoint: Endpoint, patience: Patience) -> None:
        """Remember where to; neither open anything nor read the key yet."""
        self._endpoint, self._patience = endpoint, patience
        self._failures = 0

    def post(self, body: dict[str, Any], read: Callable[[bytes], _T]) -> _T:
        """Send one request, as often as it takes and `Patience` allows.

        Args:
            body: the JSON to send.
            read: makes the answer of the bytes that came, or raises that they cannot be one.

        Raises:
            EncoderError: no usable answer came; its chain holds nothing of request or reply.
        """
        attempt = 0
        while True:
            attempt += 1
            if self._failures >= _BREAK:
                raise fault.broken(self._endpoint.host, self._failures)
            self._failures += 1  # taken back when all is well
            found = self._attempt(body)
            if isinstance(found, bytes):
                answer = read(found)
                self._failures = 0
                return answer
            wait = 2.0 ** (attempt - 1) if found.wait is None else found.wait
            last = attempt >= self._patience.attempts or self._failures >= _BREAK
            if last or not found.again or wait > _LONGEST_WAIT:
                raise found.error(self._endpoint.host, attempt)
            self._patience.sleep(wait)

    def open(self) -> None:
        """Make the client ready, without a connection.

        Raises:
            EncoderError: the client is not installed, or the key is missing or cannot be one.
        """
        _ = self._client

    def _attempt(self, body: dict[str, Any]) -> bytes | Fault:
        """Send one request; a fault is returned and not raised, so that no chain holds it."""
        client = self._client
        import httpx2
        import openai

        try:
            return self._exchange(client, body)
        except openai.APIStatusError as error:
            return fault.refused(error.status_code, error.body, error.response.headers)
        except (openai.APITimeoutError, httpx2.TimeoutException):
            return Fault(f"did not answer within {self._patience.timeout:g} s")
        except openai.APIConnectionError as error:
            return fault.unreachable(error.__cause__)
        except (httpx2.RequestError, openai.OpenAIError):
            return Fault("hung up before its answer was complete")

    def _exchange(self, client: openai.OpenAI, body: dict[str, Any]) -> bytes | Fault:
        """Read an answer that is neither endless in size nor in time."""
        content = bytearray()
        start = self._patience.clock()
        longest = _WHOLE * self._patience.timeout
        with client.embeddings.with_streaming_response.create(**body) as response:
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > _ROW * (1 + len(body["input"])):
                    return Fault("sends more than any answer has", again=False)
                if self._patience.clock() - start > longest:
                    return Fault(f"was not done with its answer within {longest:g} s")
        return bytes(content)

    @cached_property
    def _client(self) -> openai.OpenAI:
        if importlib.util.find_spec("openai") is None:
            raise EncoderError(
                "the text encoder `openai` needs the client openai, which is not installed",
                code="E_REMOTE",
                hint="pip install 'acadiff[remote]'",
            )
        key = self._endpoint.key()
        import httpx2
        import openai

        for name in _LIBRARIES:  # their debugging lines would hold prompts
            logging.getLogger(name).setLevel(logging.WARNING)

        def strip(request: httpx2.Request) -> None:
            whole = request.headers
            kept = {name: whole[name] for name in _HEADERS if name in whole}
            secret = f"Bearer {key.get_secret_value()}"
            request.headers = httpx2.Headers(
                kept | {"user-agent": "acadiff", "authorization": secret}
            )
            request.extensions = {**request.extensions, _WHOLE_HEADERS: whole}

        def restore(response: httpx2.Response) -> None:  # the client leaves itself notes there
            response.request.headers = response.request.extensions[_WHOLE_HEADERS]

        http = openai.DefaultHttpxClient(
            follow_redirects=False,
            trust_env=not self._endpoint.is_loopback,  # a proxy must not see what stays at home
            limits=httpx2.Limits(max_keepalive_connections=0),
            event_hooks={"request": [strip], "response": [restore]},
        )
        return openai.OpenAI(
            api_key=key.get_secret_value(),
            base_url=self._endpoint.url,
            timeout=self._patience.timeout,
            max_retries=0,
            http_client=http,
        )
