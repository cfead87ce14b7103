"""Where a remote text encoder is, and the key that opens it."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from acadiff.errors import EncoderError

if TYPE_CHECKING:
    from pydantic import SecretStr

OPENAI = "https://api.openai.com/v1"
OWN_KEY = "ACADIFF_OPENAI_API_KEY"
OPENAI_KEY = "OPENAI_API_KEY"
_NO_KEY = "none"  # a server on the own machine often wants none, the client always wants one
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:.]*:[0-9a-f:.]*")
_PATH = re.compile(r"[A-Za-z0-9/._~%+=-]*")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Endpoint:
    """A server that speaks OpenAI's protocol; nothing in it is secret.

    Args:
        url: scheme, host, port and path, in one spelling.
        host: its name or number.
    """

    url: str
    host: str

    @classmethod
    def of(cls, address: str | None) -> Endpoint:
        """Read a base URL; nothing means OpenAI's own.

        Raises:
            EncoderError: it is no address, holds a password or a query (either may be a secret,
                and the address is stored), or would carry prompts and key in clear.
        """
        parts = _split(address or OPENAI)
        host = parts.hostname or ""
        port = "" if parts.port in (None, _PORTS[parts.scheme]) else f":{parts.port}"
        shown = f"[{host}]" if ":" in host else host
        endpoint = cls(f"{parts.scheme}://{shown}{port}{parts.path.rstrip('/')}", host)
        if parts.scheme == "http" and not endpoint.is_loopback:
            raise _bad(
                f"is http to {host}: prompts and key would be readable on the way",
                "name its https address, or open an ssh tunnel and name http://127.0.0.1:PORT/v1",
            )
        return endpoint

    @property
    def is_loopback(self) -> bool:
        """True on this machine, where nothing is handed to anybody else."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def key(self) -> SecretStr:
        """Take the key from the environment: the only place it is ever taken from.

        `OPENAI_API_KEY` is for OpenAI alone; an address that came along with somebody's weights
        cannot ask for it.

        Raises:
            EncoderError: there is none, or it cannot be one; neither the sentence nor a variable
                of any frame holds it in clear.
        """
        names = (OWN_KEY, OPENAI_KEY) if self.host == urlsplit(OPENAI).hostname else (OWN_KEY,)
        name = next((name for name in names if len(_secret(name))), None)
        if name is None and self.is_loopback:
            return _secret()
        if name is None:
            raise EncoderError(
                f"there is no key for {self.host} in the environment",
                code="E_KEY",
                value=names[-1],
                hint=f"set {' or '.join(names)}; a key is taken from nowhere else",
            )
        key = _secret(name)
        if not re.fullmatch(r"[!-~]{1,4096}", key.get_secret_value()):
            raise EncoderError(
                f"what {name} holds cannot be a key: it has blanks, line ends or other characters "
                "that no key has",
                code="E_KEY",
                value=name,
                hint="copy the key again",
            )
        return key


def _secret(name: str | None = None) -> SecretStr:
    """Read a variable of the environment, stripped; a placeholder where no key is needed."""
    from pydantic import SecretStr

    return SecretStr(os.environ.get(name, "").strip() if name else _NO_KEY)


def _split(address: str) -> SplitResult:
    """Take an address apart, and refuse all of which two programs might read two things."""
    if not re.fullmatch(r"[!-~]+", address):
        raise _bad("holds blanks or letters that no address has", "write it in plain ASCII")
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises where it is no number
    except ValueError:
        raise _bad("is no address", "write it as https://HOST/v1") from None
    if parts.username is not None or parts.query or parts.fragment or address[-1] in "?#":
        raise _bad(
            "holds a password, a query or a fragment, and the address is stored",
            f"leave it out, and give the key as {OWN_KEY}",
        )
    whole = parts.scheme in _PORTS and _HOST.fullmatch(parts.hostname or "")
    if not whole or not _PATH.fullmatch(parts.path):
        raise _bad("is no address", "write it as https://HOST/v1")
    return parts


def _bad(why: str, hint: str) -> EncoderError:
    """Refuse an address without repeating it, as it may hold a secret."""
    return EncoderError(f"conditioning.base_url {why}", code="E_ENDPOINT", hint=hint)
