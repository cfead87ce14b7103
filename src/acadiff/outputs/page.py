"""What every page of ours is made of: one file, no server, every text escaped.

A page's Content-Security-Policy allows the style and the script that are in it, by their hashes,
and nothing from anywhere else.
"""

import base64
import hashlib
from importlib import resources

import jinja2


def resource(name: str) -> str:
    """Text of a file that lies beside the templates."""
    return (resources.files("acadiff.outputs") / "templates" / name).read_text(encoding="utf-8")


def environment() -> jinja2.Environment:
    """Where templates are read: every text is escaped, and no name may be unknown."""
    made = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters["base64"] = lambda text: base64_of(text.encode())
    return made


def policy(style: str, script: str | None = None) -> str:
    """A Content-Security-Policy for a page with this style and this script, or without any."""
    rules = {
        "default-src": "'none'",
        "script-src": f"{_hash(script)} blob:" if script is not None else "'none'",
        "style-src": _hash(style),
        "img-src": "data: blob:",
        "connect-src": "data: blob:" if script is not None else "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def base64_of(content: bytes) -> str:
    """Bytes as the text that a data URL holds."""
    return base64.b64encode(content).decode()


def _hash(text: str) -> str:
    return f"'sha256-{base64_of(hashlib.sha256(text.encode()).digest())}'"
