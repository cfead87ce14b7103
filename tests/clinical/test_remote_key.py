"""The key is nowhere but in the header that needs it."""

import base64
import contextlib
import json
import logging
import os
import subprocess
import sys
from urllib.parse import quote

import pytest
from loopback import Server, status

from acadiff.clinical.endpoint import Endpoint

KEY = 'sk-zebra-4711/+=%"<&quagga'
SCRIPT = """
import json, logging, sys, traceback
from pathlib import Path

logging.basicConfig(level=logging.DEBUG)
from acadiff.clinical import CachedEncoder, canary
from acadiff.clinical.line import Patience
from acadiff.clinical.remote import RemoteEncoder

for number, url in enumerate(sys.argv[1:]):
    inner = RemoteEncoder("any", url, patience=Patience(sleep=lambda _: None))
    encoder = CachedEncoder(inner, Path(f"prompts-{number}.safetensors"))
    try:
        encoder.encode([canary.PROMPT])
    except Exception as error:
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        print("".join(shown.format()), error.value, error.hint, error.args, error.__context__)
    line = inner._line
    print(repr(encoder), [vars(thing) for thing in (encoder, inner, line)], file=sys.stderr)
    print(encoder.settings())
    Path(f"settings-{number}.json").write_text(json.dumps(encoder.settings()))
Path("cmdline").write_bytes(Path("/proc/self/cmdline").read_bytes())
"""


@pytest.fixture(autouse=True)
def no_network():
    """Here connections to this machine are what is tested; others are refused anyway."""


def forms(key):
    """A key as it may turn up: in clear, quoted, escaped, encoded, cut or turned round."""
    raw = key.encode()
    return {
        "clear": raw,
        "for a URL": quote(key, safe="").encode(),
        "base64": base64.b64encode(raw).rstrip(b"="),
        "JSON": json.dumps(key)[1:-1].encode(),
        "repr": repr(key)[1:-1].encode(),
        "hexadecimal": raw.hex().encode(),
        "its beginning": raw[:9],
        "its end": raw[-6:],
        "reversed": raw[::-1],
    }


def run(folder, key, *servers):
    """Everything that a run shows or leaves."""
    command = [sys.executable, "-c", SCRIPT, *(server.url for server in servers)]
    kept = {name: value for name, value in os.environ.items() if "OPENAI" not in name}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**kept, "ACADIFF_OPENAI_API_KEY": key, "OPENAI_LOG": "debug"},
        capture_output=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr.decode()
    return b"\n".join([done.stdout, done.stderr, *(p.read_bytes() for p in folder.iterdir())])


def shown(text):
    """The forms of the key that a text holds."""
    return [form for form, part in forms(KEY).items() if part in text]


def echo(code):
    """Repeat the key wherever a reply has room for it."""

    def act(handler, seen):
        sent = seen.headers["Authorization"]
        error = {"message": sent, "type": sent, "code": KEY, "param": [KEY, forms(KEY).__repr__()]}
        status(code, {"error": error, KEY: KEY}, x_request_id=sent, location=sent)(handler, seen)

    return act


SCRIPTS = {
    b"'canary': {'width'": [],
    b"refuses the key": [echo(401)],
    b"does not take the request": [echo(400)],
    b"has moved": [echo(301)],
    b"is busy or down": [echo(500)] * 9,
}


def test_no_form_of_the_key_is_shown_or_kept(tmp_path):
    with contextlib.ExitStack() as running:
        servers = [running.enter_context(Server()) for _ in SCRIPTS]
        for server, script in zip(servers, SCRIPTS.values(), strict=True):
            server.script = list(script)
        everything = run(tmp_path, KEY + "\n", *servers)
        sent = {seen.headers["Authorization"] for server in servers for seen in server.seen}
    assert sent == {f"Bearer {KEY}"}
    assert not [word for word in SCRIPTS if word not in everything]
    assert not shown(everything), everything.decode(errors="replace")


def test_what_cannot_be_a_key_is_not_shown_either(tmp_path):
    with Server() as server:
        everything = run(tmp_path, f"{KEY}\n{KEY}", server)
        assert not server.seen
    assert b"cannot be a key" in everything
    assert not shown(everything), everything.decode(errors="replace")


@pytest.mark.parametrize("form", forms(KEY))
def test_each_form_would_be_noticed(form):
    assert form in shown(b"Authorization: Bearer " + forms(KEY)[form])


def test_the_key_has_no_text_of_its_own(monkeypatch, caplog):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    key = Endpoint.of(None).key()
    logging.getLogger("test").warning("%s %r", key, key)
    assert not shown(caplog.text.encode())
