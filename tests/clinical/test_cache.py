import threading

import pytest
import torch
from safetensors.torch import load_file, save_file

from acadiff.clinical import CachedEncoder, LocalEncoder, Prompt, Text, TextEncoder
from acadiff.cohort.table import Diagnosis, Scores
from acadiff.errors import OutputError
from acadiff.modality import Modality

MRI, FDG, AV45 = Modality
PROMPTS = [
    Prompt(MRI, (FDG,), None, Scores()),
    Prompt(MRI, (FDG,), Diagnosis.AD, Scores()),
    Prompt(MRI, (AV45,), None, Scores(mmse=22)),
]


class Letters(TextEncoder):
    """A real, tiny encoder: one vector per letter. Remembers what it was asked."""

    name = "letters"
    width = 3

    def __init__(self, identity="a" * 64):
        self.identity = identity
        self.asked = []

    def encode(self, prompts):
        self.asked += prompts
        rows = [
            torch.tensor([[ord(c), i, len(p)] for i, c in enumerate(p)], dtype=torch.float32)
            for p in map(str, prompts)
        ]
        return Text.stack(rows, self.width)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "work" / "prompts.safetensors"


def same(one, other):
    return torch.equal(one.tokens, other.tokens) and torch.equal(one.mask, other.mask)


def test_gives_what_the_encoder_gives_first_again_and_in_a_new_process(path):
    truth = Letters().encode(PROMPTS)
    first = CachedEncoder(Letters(), path)
    assert same(first.encode(PROMPTS), truth)
    assert same(first.encode(PROMPTS), truth)
    assert same(CachedEncoder(Letters(), path).encode(PROMPTS), truth)
    assert (first.name, first.width, first.identity) == ("letters", 3, "a" * 64)


def test_encodes_each_prompt_once(path):
    inner = Letters()
    encoder = CachedEncoder(inner, path)
    encoder.encode([PROMPTS[0], PROMPTS[0], PROMPTS[1]])
    encoder.encode([PROMPTS[1], PROMPTS[2], PROMPTS[0]])
    CachedEncoder(inner, path).encode(PROMPTS)
    assert inner.asked == PROMPTS


def test_order_and_company_do_not_matter(path):
    encoder = CachedEncoder(Letters(), path)
    encoder.encode(PROMPTS)
    assert same(encoder.encode(PROMPTS[::-1]), Letters().encode(PROMPTS[::-1]))
    assert encoder.encode([]).tokens.shape == (0, 0, 3)
    assert same(encoder.encode(PROMPTS[2:]), Letters().encode(PROMPTS[2:]))


def test_another_model_does_not_read_the_first_ones_entries(path):
    CachedEncoder(Letters(), path).encode(PROMPTS)
    inner = Letters("b" * 64)
    CachedEncoder(inner, path).encode(PROMPTS)
    assert inner.asked == PROMPTS
    assert len(load_file(path)) == 6


def test_no_prompt_is_on_disk_in_clear(path):
    CachedEncoder(Letters(), path).encode(PROMPTS)
    everything = b"".join(p.read_bytes() for p in path.parent.iterdir()).lower()
    assert all(word not in everything for word in (b"generate", b"mri", b"patient", b"letters"))


@pytest.mark.parametrize("at", range(20, 101, 10))
def test_a_flipped_bit_is_noticed_wherever_it_is(path, at):
    truth = Letters().encode(PROMPTS)
    CachedEncoder(Letters(), path).encode(PROMPTS)
    content = bytearray(path.read_bytes())
    content[(len(content) - 1) * at // 100] ^= 4
    path.write_bytes(content)
    assert same(CachedEncoder(Letters(), path).encode(PROMPTS), truth)


def test_only_the_damaged_entry_is_encoded_again_and_the_file_is_mended(path):
    CachedEncoder(Letters(), path).encode(PROMPTS)
    entries = load_file(path)
    longest = max(entries, key=lambda name: len(entries[name]))
    entries[longest][0, 0] += 1
    save_file(entries, path)
    for expected in ([PROMPTS[2]], []):
        inner = Letters()
        CachedEncoder(inner, path).encode(PROMPTS)
        assert inner.asked == expected


@pytest.mark.parametrize("content", [b"", b"\x00" * 8, b"not a cache", b"\xff" * 4096])
def test_a_file_that_is_no_cache_is_replaced(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    CachedEncoder(Letters(), path).encode(PROMPTS)
    assert len(load_file(path)) == 3


def test_entries_with_names_of_another_kind_are_left_out(path):
    path.parent.mkdir()
    save_file({"weights": torch.ones(2)}, path)
    assert same(CachedEncoder(Letters(), path).encode(PROMPTS), Letters().encode(PROMPTS))


def test_two_writers_lose_nothing(path):
    halves = [[Prompt(m, (FDG,), None, Scores(mmse=i)) for i in range(8)] for m in (MRI, AV45)]

    def fill(prompts):
        encoder = CachedEncoder(Letters(), path)
        for prompt in prompts:
            encoder.encode([prompt])

    threads = [threading.Thread(target=fill, args=[half]) for half in halves]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    inner = Letters()
    CachedEncoder(inner, path).encode(halves[0] + halves[1])
    assert inner.asked == []


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        CachedEncoder(Letters(), tmp_path / "file" / "prompts.safetensors").encode(PROMPTS)


def test_remembered_prompts_do_not_load_the_language_model(path, local):
    first = CachedEncoder(local, path).encode(PROMPTS)
    fresh = LocalEncoder()
    assert same(CachedEncoder(fresh, path).encode(PROMPTS), first)
    assert "_model" not in vars(fresh)
