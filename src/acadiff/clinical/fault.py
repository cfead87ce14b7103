"""What went wrong on the line to a server, and whether to ask again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import TYPE_CHECKING

from acadiff.errors import EncoderError

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEPT = "what was encoded before is kept: run the same command again to go on"
_BUSY = {408, 409, 425, 429}
_EXHAUSTED = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"}
_SENTENCES = {
    400: (
        "does not take the request",
        "see that the model makes embeddings and takes `dimensions`",
    ),
    401: ("refuses the key", "see that the key is valid and of this server"),
    403: ("refuses the key", "see that the key may use this model"),
    404: ("does not know the address or the model", "see base URL and model: https://HOST/v1"),
}


@dataclass(frozen=True)
class Fault:
    """One failed request, told without a word that the server wrote: it may repeat the key.

    Args:
        why: what the server did, as the end of a sentence.
        code: the kind of failure.
        hint: what to do about it.
        again: whether the same request may succeed later.
        wait: seconds that the server asked for.
    """

    why: str
    code: str = "E_REMOTE"
    hint: str = _KEPT
    again: bool = True
    wait: float | None = None

    def error(self, host: str, times: int) -> EncoderError:
        """Make the sentence."""
        often = f", asked {times} times" if times > 1 else ""
        return EncoderError(
            f"the text encoder at {host} {self.why}{often}",
            code=self.code,
            value=host,
            hint=self.hint,
        )


def broken(host: str, times: int) -> EncoderError:
    """Say that a server is left alone after many failures in a row."""
    why = f"failed {times} times in a row and is not asked again in this run"
    return Fault(why).error(host, times=1)


def refused(status: int, body: object, headers: Mapping[str, str]) -> Fault:
    """Read a status that is no success.

    Args:
        status: of HTTP.
        body: the reply's JSON, if it was any; only known words are taken from it.
        headers: of the reply.
    """
    if _EXHAUSTED & _words(body):
        hint = f"see the account's billing; {_KEPT}"
        return Fault("says that its quota is used up", hint=hint, again=False)
    if status in _BUSY or status >= 500:
        return Fault(f"is busy or down (status {status})", wait=_asked(headers))
    if 300 <= status < 400:
        hint = "name the address that it sends on to; no prompt follows a redirect"
        return Fault(f"has moved (status {status})", hint=hint, again=False)
    why, hint = _SENTENCES.get(status, ("does not take the request", _KEPT))
    code = "E_KEY" if status in (401, 403) else "E_REMOTE"
    return Fault(f"{why} (status {status})", code, hint, again=False)


def unreachable(cause: BaseException | None) -> Fault:
    """Read why there is no connection."""
    if "CERTIFICATE_VERIFY_FAILED" in str(cause):
        hint = "where a proxy signs with a certificate of its own, name that in SSL_CERT_FILE"
        return Fault("shows a certificate that is not trusted", hint=hint, again=False)
    return Fault("cannot be reached, or hung up")


def _words(body: object) -> set[object]:
    if not isinstance(body, dict):
        return set()
    return {word for word in (body.get("code"), body.get("type")) if isinstance(word, str)}


def _asked(headers: Mapping[str, str]) -> float | None:
    """Read Retry-After: seconds, or a date."""
    text = headers.get("retry-after", "")
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(seconds, 0.0) if isfinite(seconds) else None
