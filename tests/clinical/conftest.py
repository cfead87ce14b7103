import socket

import pytest

from acadiff.clinical import LocalEncoder


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Any attempt to connect fails the test that made it."""

    def refuse(*args, **kwargs):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="session")
def local():
    """The real encoder, loaded once."""
    return LocalEncoder()
