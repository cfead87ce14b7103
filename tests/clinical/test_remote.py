import importlib.util
import itertools
import json
import logging
import re
import subprocess
import sys
from functools import partial

import loopback
import pytest
import torch
from loopback import Server, changed, content, status
from safetensors.torch import load_file, save_file

from acadiff.clinical import CachedEncoder, Person, Prompt, canary
from acadiff.clinical.line import Patience
from acadiff.clinical.remote import RemoteEncoder
from acadiff.cohort.table import Diagnosis, Scores
from acadiff.errors import EncoderError
from acadiff.modality import Modality

MRI, FDG, AV45 = Modality
PUBLIC = str(canary.PROMPT)


def prompts(count):
    """So many prompts, all of them different."""
    return [
        Prompt(AV45, (MRI, FDG), Diagnosis.MCI, Scores(mmse=i % 31, adas13=i // 31))
        for i in range(count)
    ]


@pytest.fixture(autouse=True)
def no_network():
    """Here connections to this machine are what is tested; others are refused anyway."""


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    for name in ("ACADIFF_OPENAI_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server():
    with Server() as running:
        yield running


@pytest.fixture
def naps():
    """The pauses that were asked for, none of which is made."""
    return []


@pytest.fixture
def make(server, naps):
    """An encoder at the server."""

    def build(model="any", patience=None, batch=64, **others):
        waits = Patience(batch=batch, sleep=naps.append, **(patience or {}))
        return RemoteEncoder(model, server.url, patience=waits, **others)

    return build


def due(wanted, seed=0, width=loopback.WIDTH):
    return torch.tensor([[loopback.vector(str(p), seed, width)] for p in wanted])


def refusal(encoder, wanted=None):
    """The error of encoding; its chain must hold nothing."""
    with pytest.raises(EncoderError) as caught:
        encoder.encode(wanted or prompts(2))
    assert "\n" not in str(caught.value)
    assert caught.value.__context__ is None
    return caught.value


# What is sent, and what comes of it


def test_a_prompt_is_one_token_its_vector(server, make):
    text = make().encode(prompts(3))
    assert text.mask.tolist() == [[True]] * 3
    torch.testing.assert_close(text.tokens, due(prompts(3)))
    assert text.tokens.dtype == torch.float32


def test_vectors_come_through_the_wire_to_the_bit(local, naps):
    wanted = prompts(3)
    known = {str(p): local.encode([p]).tokens[0].mean(dim=0) for p in [*wanted, canary.PROMPT]}
    with Server(lambda said: known[said].tolist()) as served:
        encoder = RemoteEncoder("all-MiniLM-L6-v2", served.url)
        rows = encoder.encode(wanted).tokens[:, 0]
    assert torch.equal(rows, torch.stack([known[str(p)] for p in wanted]))
    assert encoder.width == local.width


def test_the_public_prompt_goes_first_and_alone_then_batches_without_repeats(server, make):
    encoder = make(batch=4)
    wanted = prompts(10)
    encoder.encode([*wanted, *wanted])
    sizes = [len(seen.body["input"]) for seen in server.seen]
    assert sizes == [1, 4, 4, 2]
    assert server.sentences[0] == PUBLIC
    assert sorted(server.sentences[1:]) == sorted(map(str, wanted))
    encoder.encode([wanted[3], canary.PROMPT])
    assert len(server.seen) == 4


def test_the_order_of_the_cohort_is_not_told(server, make):
    make().encode(prompts(9))
    make().encode(prompts(9)[::-1])
    assert server.seen[1].raw == server.seen[3].raw


def test_all_that_leaves_is_what_explain_tells_and_a_closed_set_of_headers(
    server, make, monkeypatch
):
    canaries = {"OPENAI_ORG_ID": "org-zebra", "OPENAI_PROJECT_ID": "proj-zebra",
                "OPENAI_CUSTOM_HEADERS": "X-Zebra: zebra\nAuthorization: zebra",
                "OPENAI_BASE_URL": "https://zebra.example/v1"}  # fmt: skip
    for name, value in canaries.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9/zebra")
    encoder = make(dimensions=8, batch=2)
    told = encoder.explain(prompts(3))
    encoder.encode(prompts(3))
    assert [seen.body for seen in server.seen] == told
    assert encoder.explain(prompts(3)) == []
    for seen in server.seen:
        assert seen.path == "/v1/embeddings"
        assert set(seen.body) == {"input", "model", "encoding_format", "dimensions"}
        names = {name.lower() for name in seen.headers}
        assert names <= {"host", "accept", "accept-encoding", "connection", "user-agent",
                         "content-type", "content-length", "authorization"}  # fmt: skip
        assert seen.headers["User-Agent"] == "acadiff"
        assert seen.headers["Authorization"] == "Bearer none"
        assert "zebra" not in f"{seen.path} {seen.headers} {seen.raw}"


def test_explaining_sends_nothing_and_needs_no_consent():
    told = RemoteEncoder("text-embedding-3-small").explain(prompts(2))
    assert told == [
        {"input": [PUBLIC], "model": "text-embedding-3-small", "encoding_format": "float"},
        {
            "input": sorted(map(str, prompts(2))),
            "model": "text-embedding-3-small",
            "encoding_format": "float",
        },
    ]


@pytest.mark.parametrize("person", [Person(age=71.5), Person(sex="F"), Person(apoe4=0)])
def test_age_sex_and_genotype_are_never_sent(server, make, person):
    prompt = Prompt(FDG, (MRI,), Diagnosis.CN, Scores(mmse=29), person)
    error = refusal(make(share=True), [*prompts(2), prompt])
    assert error.code == "E_PROMPT"
    assert not server.seen


def test_the_width_is_asked_for_once_or_known(server, make):
    encoder = make()
    assert encoder.width == encoder.width == 8
    assert server.sentences == [PUBLIC]
    assert make(dimensions=12).width == 12
    assert make(canary=encoder.settings()["canary"]).width == 8
    assert encoder.encode([]).tokens.shape == (0, 0, 8)
    assert len(server.seen) == 1


def test_settings_are_json_and_make_the_same_encoder(server, make):
    encoder = make()
    encoder.encode(prompts(1))
    told = json.loads(json.dumps(encoder.settings()))
    assert set(told) == {"model", "base_url", "dimensions", "canary"}
    again = RemoteEncoder(**told)
    assert again.settings() == encoder.settings()
    assert (again.identity, again.width, again.name) == (encoder.identity, 8, "any")
    torch.testing.assert_close(again.encode(prompts(2)).tokens, due(prompts(2)))


def test_identity_is_the_model_and_its_width_wherever_it_is_served():
    def identity(*args):
        return RemoteEncoder(*args).identity

    assert identity("a") == identity("a", "http://127.0.0.1:1/v1") == identity("a", "", 0)
    assert len({identity("a"), identity("b"), identity("a", None, 8)}) == 3


@pytest.mark.parametrize("model", ["", None, "two words", "line\nend", "ä"])
def test_a_model_must_be_named(model):
    with pytest.raises(EncoderError, match="needs the name of a model") as caught:
        RemoteEncoder(model)
    assert caught.value.code == "E_ENDPOINT"


# Consent


def test_without_consent_nothing_is_opened_and_the_sentence_says_why(monkeypatch):
    import socket

    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: pytest.fail("a name was looked up"))
    encoder = RemoteEncoder("text-embedding-3-small")
    for act in (partial(encoder.encode, prompts(2)), encoder.check, lambda: encoder.width):
        with pytest.raises(EncoderError, match="ADNI's data-use agreement forbids") as caught:
            act()
        assert caught.value.code == "E_CONSENT"
        assert "--i-may-share-clinical-prompts" in str(caught.value)
    assert "share" not in RemoteEncoder("m", share=True).settings()


def test_a_server_on_this_machine_is_no_third_party(server, make):
    make(share=False).encode(prompts(1))
    assert len(server.seen) == 2


# Faults: script of the server, requests after the public one, code (None: it succeeds), words


QUOTA = {"error": {"message": "pay", "type": "insufficient_quota", "code": "insufficient_quota"}}
HTML = "<!DOCTYPE html><html>log in</html>"


def edited(**change):
    """A reply whose first vector is changed."""
    return changed(
        lambda reply: {**reply, "data": [reply["data"][0] | change, *reply["data"][1:]]}
    )


def without(reply):
    return {**reply, "data": reply["data"][:-1]}


def permuted(reply):
    return {**reply, "data": reply["data"][::-1]}


FAULTS = {
    "500 once": ([status(500)], 2, None, ""),
    "503 three times": ([status(503)] * 3, 4, None, ""),
    "500 for ever": ([status(500)] * 9, 4, "E_REMOTE", "busy or down .status 500., asked 4 times"),
    "429 with retry-after": ([status(429, retry_after="7")], 2, None, ""),
    "429 for an hour": ([status(429, retry_after="3600")], 1, "E_REMOTE", "status 429"),
    "quota": ([status(429, QUOTA)], 1, "E_REMOTE", "quota is used up"),
    "401": ([status(401)], 1, "E_KEY", "refuses the key"),
    "403": ([status(403)], 1, "E_KEY", "refuses the key"),
    "400": ([status(400)], 1, "E_REMOTE", "does not take the request .status 400."),
    "404": ([status(404)], 1, "E_REMOTE", "does not know the address or the model"),
    "422": ([status(422)], 1, "E_REMOTE", "status 422"),
    "301": ([status(301, location="http://127.0.0.1:9/")], 1, "E_REMOTE", "has moved"),
    "308": ([status(308, location="http://127.0.0.1:9/")], 1, "E_REMOTE", "has moved"),
    "stall once": ([loopback.stall], 2, None, ""),
    "flood": ([loopback.flood], 1, "E_REMOTE", "more than any answer has"),
    "reset once": ([loopback.reset], 2, None, ""),
    "reset for ever": ([loopback.reset] * 9, 4, "E_REMOTE", "hung up"),
    "cut short once": ([loopback.hang_up], 2, None, ""),
    "web page": ([content(HTML, content_type="text/html")], 1, "E_REPLY", "is a web page"),
    "half JSON": ([content('{"data": [{"index"')], 1, "E_REPLY", "no JSON, or cut short"),
    "deep JSON": ([content("[" * 99999)], 1, "E_REPLY", "no JSON, or cut short"),
    "not UTF-8": ([lambda h, _: h.send(200, b"\xff\xfe{}")], 1, "E_REPLY", "no JSON"),
    "nothing": ([content("")], 1, "E_REPLY", "no JSON"),
    "a list": ([content("[1]")], 1, "E_REPLY", "holds no list of vectors"),
    "empty data": ([content('{"data": []}')], 1, "E_REPLY", "0 vectors for 2 prompts"),
    "one too few": ([changed(without)], 1, "E_REPLY", "1 vectors for 2 prompts"),
    "any order": ([changed(permuted)], 1, None, ""),
    "index twice": ([edited(index=1)], 1, "E_REPLY", "which vector belongs to which prompt"),
    "no index": ([edited(index=None)], 1, "E_REPLY", "which vector belongs to which prompt"),
    "true as index": ([edited(index=False)], 1, "E_REPLY", "which vector belongs to which"),
    "NaN": ([edited(embedding=[float("nan")] * 8)], 1, "E_REPLY", "NaN"),
    "infinity": ([edited(embedding=[float("inf")] * 8)], 1, "E_REPLY", "NaN or beyond"),
    "giant": ([edited(embedding=[10**400] * 8)], 1, "E_REPLY", "NaN or beyond"),
    "zeros": ([edited(embedding=[0.0] * 8)], 1, "E_REPLY", "vector of zeros"),
    "texts": ([edited(embedding=["1"] * 8)], 1, "E_REPLY", "no list of numbers"),
    "base64": ([edited(embedding="AAAA")], 1, "E_REPLY", "no list of numbers"),
    "no vector": ([edited(embedding=[])], 1, "E_REPLY", "no list of numbers"),
    "wrong width": ([edited(embedding=[1.0] * 9)], 1, "E_REPLY", "of 9 values where 8 are due"),
}


@pytest.mark.parametrize(("script", "requests", "code", "words"), FAULTS.values(), ids=FAULTS)
def test_every_fault_is_mended_or_told(server, make, naps, script, requests, code, words):
    encoder = make(patience={"timeout": 1.0} if loopback.stall in script else None)
    assert encoder.width == 8
    server.script = list(script)
    if code is None:
        torch.testing.assert_close(encoder.encode(prompts(2)).tokens, due(prompts(2)))
    else:
        error = refusal(encoder)
        assert error.code == code
        assert re.search(words, str(error))
        assert "kept" in str(error) or code == "E_KEY" or error.hint
    assert len(server.seen) == 1 + requests
    assert len(naps) == requests - 1


@pytest.mark.parametrize(
    ("act", "patience", "words"),
    [
        (loopback.stall, {"timeout": 0.5}, "did not answer within 0.5 s, asked 2 times"),
        (loopback.drip, {"clock": itertools.count(0, 61).__next__}, "not done .* within 60 s"),
    ],
)
def test_no_server_can_hold_up_a_run(server, make, act, patience, words):
    encoder = make(patience={"attempts": 2, **patience})
    server.script = [act] * 9
    assert re.search(words, str(refusal(encoder, [canary.PROMPT])))


def test_pauses_double_or_are_as_long_as_the_server_asks(server, make, naps):
    server.script = [status(500)] * 3
    make().encode(prompts(1))
    assert naps == [1.0, 2.0, 4.0]
    naps.clear()
    server.script = [status(429, retry_after="7.5"), status(503, retry_after="soon")]
    make().encode(prompts(1))
    assert naps == [7.5, 2.0]


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0), ("nan", 1, 1), ("-3", 0, 0), ("inf", 1, 1)],
)
def test_a_date_of_the_past_or_no_number_makes_no_long_pause(
    server, make, naps, text, least, most
):
    server.script = [status(503, retry_after=text)]
    make().encode(prompts(1))
    assert least <= naps[0] <= most


def test_after_five_failures_in_a_row_nothing_more_is_asked(server, make):
    encoder = make()
    server.script = [status(500)] * 99
    assert "asked 4 times" in str(refusal(encoder))
    refusal(encoder)
    assert len(server.seen) == 5
    assert "failed 5 times in a row and is not asked again" in str(refusal(encoder))
    assert len(server.seen) == 5


def test_a_success_starts_the_count_anew(server, make):
    encoder = make(batch=1)
    server.script = [status(500)] * 3 + [loopback.well]
    server.script += [status(500)] * 3 + [loopback.well]
    encoder.encode(prompts(1))
    assert len(server.seen) == 8


def test_useless_replies_count_as_failures_too(server, make):
    encoder = make()
    server.script = [content("{}")] * 99
    for _ in range(7):
        refusal(encoder)
    assert len(server.seen) == 5


def test_a_closed_port_is_one_sentence(naps):
    with Server() as gone:
        url = gone.url
    encoder = RemoteEncoder("any", url, patience=Patience(sleep=naps.append))
    assert "cannot be reached" in str(refusal(encoder))
    assert naps == [1.0, 2.0, 4.0]


def test_a_width_that_was_not_asked_for_is_refused(make):
    assert "of 8 values where 12 are due" in str(refusal(make(dimensions=12)))


# What was encoded is kept


def test_a_server_that_goes_down_loses_one_batch_and_the_next_run_goes_on(server, make, tmp_path):
    path = tmp_path / "prompts.safetensors"
    wanted = prompts(12)
    server.script = [loopback.well] * 3 + [status(401)]
    error = refusal(CachedEncoder(make(batch=4), path), wanted)
    assert error.code == "E_KEY"
    assert len(load_file(path)) == 1 + 8
    server.seen.clear()
    text = CachedEncoder(make(batch=4), path).encode(wanted)
    torch.testing.assert_close(text.tokens, due(wanted))
    assert len(server.sentences) == 1 + 4
    server.seen.clear()
    CachedEncoder(make(), path).encode(wanted)
    assert not server.seen


def test_a_damaged_entry_is_fetched_again_and_nothing_else(server, make, tmp_path):
    path = tmp_path / "prompts.safetensors"
    CachedEncoder(make(), path).encode(prompts(5))
    entries = load_file(path)
    asked = CachedEncoder(make(), path)
    name = next(n for n in entries if n.startswith(asked._key(prompts(5)[2])))
    entries[name][0, 0] += 1
    save_file(entries, path)
    server.seen.clear()
    torch.testing.assert_close(asked.encode(prompts(5)).tokens, due(prompts(5)))
    assert server.sentences == [PUBLIC, str(prompts(5)[2])]


def test_what_is_remembered_needs_neither_server_nor_consent_nor_key(server, make, tmp_path):
    path = tmp_path / "prompts.safetensors"
    first = CachedEncoder(make(), path)
    text = first.encode(prompts(3))
    away = CachedEncoder(RemoteEncoder("any", "https://gone.invalid/v1"), path)
    assert away.width == 8
    assert torch.equal(away.encode(prompts(3)).tokens, text.tokens)
    assert away.settings()["canary"] == first.settings()["canary"]
    assert away.missing(prompts(5)) == prompts(5)[3:]
    assert refusal(away, prompts(4)).code == "E_CONSENT"


def test_a_service_that_answers_a_little_otherwise_each_time_gives_the_same_bits(tmp_path, naps):
    noise = iter(range(10**6))

    def shaky(sentence):
        return [v + 1e-4 * (-1) ** next(noise) for v in loopback.vector(sentence)]

    with Server(shaky) as server:

        def cached(path):
            encoder = RemoteEncoder("any", server.url, patience=Patience(batch=2))
            return CachedEncoder(encoder, path)

        path = tmp_path / "one"
        first = cached(path).encode(prompts(5)).tokens
        assert torch.equal(first, cached(path).encode(prompts(5)[::-1]).tokens.flip(0))
        more = cached(path).encode(prompts(6)).tokens
        assert torch.equal(first, more[:5])


def test_no_prompt_is_on_disk_in_clear(server, make, tmp_path):
    CachedEncoder(make(), tmp_path / "p").encode(prompts(3))
    held = (tmp_path / "p").read_bytes().lower()
    assert all(word not in held for word in (b"mmse", b"generate", b"mci", b"127.0.0.1"))


# Another model under the same name


def test_another_model_is_noticed_before_a_patients_prompt_is_sent(server, make):
    encoder = make()
    encoder.encode(prompts(1))
    told = encoder.settings()["canary"]
    server.embed = partial(loopback.vector, seed=1)
    server.seen.clear()
    error = refusal(make(canary=told))
    assert error.code == "E_TEXT_ENCODER"
    assert "another model answers as any" in str(error)
    assert server.sentences == [PUBLIC]


def test_another_model_may_not_add_to_what_the_first_has_answered(server, make, tmp_path):
    path = tmp_path / "prompts.safetensors"
    CachedEncoder(make(), path).encode(prompts(2))
    server.embed = partial(loopback.vector, seed=1)
    before = path.read_bytes()
    assert refusal(CachedEncoder(make(), path), prompts(3)).code == "E_TEXT_ENCODER"
    assert path.read_bytes() == before


def test_weights_and_remembered_prompts_must_be_of_one_model(server, make, tmp_path):
    path = tmp_path / "prompts.safetensors"
    CachedEncoder(make(), path).encode(prompts(2))
    server.embed = partial(loopback.vector, seed=1)
    other = make()
    other.encode(prompts(1))
    mixed = CachedEncoder(make(canary=other.settings()["canary"]), path)
    assert refusal(mixed, prompts(2)).code == "E_TEXT_ENCODER"


# The client


def test_without_the_client_the_extra_is_named(monkeypatch, make):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert "pip install 'acadiff[remote]'" in str(refusal(make()))


def test_the_client_is_loaded_only_to_ask():
    code = (
        "import sys; from acadiff.clinical.remote import RemoteEncoder; RemoteEncoder('m'); "
        "assert not {'openai', 'httpx2', 'torch'} & set(sys.modules)"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def test_the_client_writes_no_debugging_lines(make, caplog):
    caplog.set_level(logging.DEBUG)
    make().encode(prompts(2))
    libraries = {"openai", "httpx", "httpx2", "httpcore", "httpcore2"}
    assert not [r for r in caplog.records if r.name.split(".")[0] in libraries]
    assert "Generate" not in caplog.text


def test_an_untrusted_certificate_is_told_and_not_retried():
    from acadiff.clinical import fault

    found = fault.unreachable(OSError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed"))
    assert not found.again
    assert "SSL_CERT_FILE" in found.hint
