"""A server of embeddings on this machine, which fails as it is told to."""

import hashlib
import json
import socket
import struct
import threading
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WIDTH = 8


def vector(sentence, seed=0, width=WIDTH):
    """A unit vector that depends on every letter, and on which model it is."""
    digest = hashlib.shake_256(f"{seed} {sentence}".encode()).digest(2 * width)
    values = [v / 2**15 - 1 for v in struct.unpack(f"{width}H", digest)]
    norm = sum(v * v for v in values) ** 0.5
    return [v / norm for v in values]


def answer(vectors, **others):
    """The JSON that OpenAI sends."""
    data = [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(vectors)]
    return {"object": "list", "data": data, "model": "any", "usage": {}, **others}


@dataclass
class Seen:
    """One request as it came."""

    path: str
    headers: Message
    raw: bytes

    @property
    def body(self):
        return json.loads(self.raw)


class Server(ThreadingHTTPServer):
    """Answers each request by the next action of `script`, or well when none is left.

    An action takes the handler and the request; it sends what it likes.
    """

    daemon_threads = True

    def __init__(self, embed=vector):
        super().__init__(("127.0.0.1", 0), Handler)
        self.embed, self.script, self.seen = embed, [], []
        self.closing = threading.Event()
        self.thread = threading.Thread(target=self.serve_forever, args=[0.01])

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"

    @property
    def sentences(self):
        """Every sentence that was asked for, in order."""
        return [s for seen in self.seen for s in seen.body["input"]]

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.closing.set()
        self.shutdown()
        self.thread.join()
        self.server_close()

    def handle_error(self, request, client_address):
        """A client that hangs up is what some tests are about."""


class Handler(BaseHTTPRequestHandler):
    """Hands a request to the script."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        raw = self.rfile.read(int(self.headers["content-length"]))
        seen = Seen(self.path, self.headers, raw)
        self.server.seen.append(seen)
        action = self.server.script.pop(0) if self.server.script else well
        action(self, seen)

    do_GET = do_POST

    def send(self, status, content, headers=()):
        self.send_response(status)
        for name, value in {"content-type": "application/json", **dict(headers)}.items():
            self.send_header(name, value)
        if "content-length" not in dict(headers):
            self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        """Say nothing."""


def well(handler, seen):
    """Answer as a server should."""
    vectors = [handler.server.embed(s) for s in seen.body["input"]]
    handler.send(200, json.dumps(answer(vectors)).encode())


def status(code, body=None, **headers):
    """Answer with a status and an error."""
    content = json.dumps(body or {"error": {"message": "no", "type": "x", "code": "y"}}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler, _: handler.send(code, content, named)


def content(text, **headers):
    """Answer 200 with this text."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler, _: handler.send(200, text.encode(), named)


def changed(change):
    """Answer well, but for what `change` does to the JSON."""

    def act(handler, seen):
        vectors = [handler.server.embed(s) for s in seen.body["input"]]
        handler.send(200, json.dumps(change(answer(vectors))).encode())

    return act


def stall(handler, seen):
    """Say nothing until the client has gone."""
    handler.server.closing.wait(20)
    handler.close_connection = True


def drip(handler, seen):
    """Send a byte at a time, never enough."""
    handler.send(200, b"{", {"content-length": "9999"})
    while not handler.server.closing.wait(0.02):
        handler.wfile.write(b" ")
        handler.wfile.flush()


def flood(handler, seen):
    """Send more than anybody asked for."""
    handler.send(200, b"[" * (4 << 20))


def reset(handler, seen):
    """Cut the connection, as a router that restarts does."""
    linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.close_connection = True
    handler.connection.close()


def hang_up(handler, seen):
    """Promise more than is sent."""
    handler.send(200, b'{"data": [', {"content-length": "9999"})
    handler.close_connection = True
