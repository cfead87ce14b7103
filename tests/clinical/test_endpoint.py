import pytest

from acadiff.clinical.endpoint import Endpoint
from acadiff.errors import EncoderError


@pytest.mark.parametrize(
    ("address", "url"),
    [
        (None, "https://api.openai.com/v1"),
        ("", "https://api.openai.com/v1"),
        ("HTTPS://Api.OpenAI.com:443/v1/", "https://api.openai.com/v1"),
        ("https://a.openai.azure.com/openai/v1/", "https://a.openai.azure.com/openai/v1"),
        ("http://localhost:11434/v1", "http://localhost:11434/v1"),
        ("http://127.0.0.1:80/v1", "http://127.0.0.1/v1"),
        ("http://[::1]:1234/v1", "http://[::1]:1234/v1"),
    ],
)
def test_an_address_has_one_spelling(address, url):
    assert Endpoint.of(address).url == url
    assert Endpoint.of(url) == Endpoint.of(address)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "[::1]", "LOCALHOST"])
def test_this_machine_is_known(host):
    assert Endpoint.of(f"http://{host}:8000/v1").is_loopback


@pytest.mark.parametrize(
    "host",
    ["api.openai.com", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.5", "0.0.0.0",
     "127.1", "2130706433", "[fe80::1]"],
)  # fmt: skip
def test_others_are_not_this_machine_and_need_https(host):
    assert not Endpoint.of(f"https://{host}/v1").is_loopback
    with pytest.raises(EncoderError, match="would be readable on the way") as caught:
        Endpoint.of(f"http://{host}/v1")
    assert caught.value.code == "E_ENDPOINT"


@pytest.mark.parametrize(
    "address",
    [
        "api.openai.com/v1",
        "ftp://api.openai.com/v1",
        "file:///etc/passwd",
        "https://",
        "https:///v1",
        "https://a b/v1",
        "https://host/v1\n",
        "https://höst/v1",
        "https://host:port/v1",
        "https://host:99999/v1",
        "https://-/v1",
        "https://127.0.0.1\\@evil.example/v1",
        "http://127.0.0.1\\.evil.example/v1",
        "https://host/v1/<script>",
        "https://[::1/v1",
        "x" * 9000,
    ],
)
def test_what_is_no_address_is_one_sentence(address):
    with pytest.raises(EncoderError, match=r"conditioning\.base_url") as caught:
        Endpoint.of(address)
    assert caught.value.code == "E_ENDPOINT"
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "https://user:hunter2@host/v1",
        "https://hunter2@host/v1",
        "https://host/v1?key=hunter2",
        "https://host/v1#hunter2",
        "https://host/v1?",
        "http://127.0.0.1@host.example/hunter2",
    ],
)
def test_an_address_with_a_secret_is_refused_and_not_repeated(address):
    with pytest.raises(EncoderError, match="holds a password, a query or a fragment") as caught:
        Endpoint.of(address)
    assert "hunter2" not in f"{caught.value} {caught.value.value} {caught.value.hint}"


@pytest.fixture
def key(monkeypatch):
    """The key for an address in an environment."""

    def read(address, **environment):
        for name in ("ACADIFF_OPENAI_API_KEY", "OPENAI_API_KEY"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return Endpoint.of(address).key().get_secret_value()

    return read


def test_the_key_is_taken_from_the_environment_our_own_first_and_stripped(key):
    assert key(None, OPENAI_API_KEY="theirs") == "theirs"
    assert key(None, OPENAI_API_KEY="theirs", ACADIFF_OPENAI_API_KEY=" ours\n") == "ours"
    assert key(None, OPENAI_API_KEY="theirs", ACADIFF_OPENAI_API_KEY=" ") == "theirs"


def test_openais_key_goes_to_openai_alone(key):
    """An address may come along with somebody's weights."""
    for address in ("https://evil.example/v1", "https://api.openai.com.evil.example/v1"):
        with pytest.raises(EncoderError, match="there is no key for .*evil.example") as caught:
            key(address, OPENAI_API_KEY="theirs")
        assert caught.value.code == "E_KEY"
        assert "ACADIFF_OPENAI_API_KEY" in str(caught.value)
    assert key("http://127.0.0.1:1/v1", OPENAI_API_KEY="theirs") == "none"
    assert key("http://127.0.0.1:1/v1", ACADIFF_OPENAI_API_KEY="ours") == "ours"


@pytest.mark.parametrize("bad", ["two words", "line\nend", "tab\tin", "kéy", "\x7fx", "k" * 5000])
def test_what_cannot_be_a_key_is_refused_and_not_repeated(key, bad):
    with pytest.raises(EncoderError, match="cannot be a key") as caught:
        key(None, OPENAI_API_KEY=bad)
    assert caught.value.code == "E_KEY"
    assert bad not in f"{caught.value} {caught.value.value}"
    assert caught.value.__context__ is None


def test_a_missing_key_is_told(key):
    with pytest.raises(EncoderError, match="set ACADIFF_OPENAI_API_KEY or OPENAI_API_KEY"):
        key(None)
