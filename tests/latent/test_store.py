import pytest
import torch

from acadiff.errors import CheckpointError, MissingInputError
from acadiff.latent.store import read_latents, write_latents
from acadiff.modality import Modality

FDG = Modality.FDG


@pytest.fixture
def latents():
    torch.manual_seed(0)
    return {"SIM0001": 3 * torch.randn(2, 3, 4, 3), "SIM0002": torch.randn(2, 3, 4, 3)}


def test_latents_come_back_within_half_precision(tmp_path, latents):
    write_latents(tmp_path, FDG, latents, "codec-a")
    found = read_latents(tmp_path, FDG, "codec-a")
    assert found.keys() == latents.keys()
    for key, value in latents.items():
        assert found[key].dtype == torch.float32
        torch.testing.assert_close(found[key], value, atol=1e-6, rtol=5e-4)


def test_a_modality_has_files_of_its_own(tmp_path, latents):
    write_latents(tmp_path, FDG, latents, "codec-a")
    with pytest.raises(MissingInputError, match="run `acadiff compress` first"):
        read_latents(tmp_path, Modality.MRI, "codec-a")


def test_latents_of_another_codec_are_refused(tmp_path, latents):
    write_latents(tmp_path, FDG, latents, "codec-a")
    with pytest.raises(CheckpointError, match="made with another codec"):
        read_latents(tmp_path, FDG, "codec-b")


def test_damage_is_noticed(tmp_path, latents):
    write_latents(tmp_path, FDG, latents, "codec-a")
    path = tmp_path / "FDG.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="SHA-256"):
        read_latents(tmp_path, FDG, "codec-a")


@pytest.mark.parametrize("content", ["", "{", "{}", "[]"])
def test_a_damaged_record_is_noticed(tmp_path, latents, content):
    write_latents(tmp_path, FDG, latents, "codec-a")
    (tmp_path / "FDG.json").write_text(content)
    with pytest.raises(CheckpointError, match="record is damaged"):
        read_latents(tmp_path, FDG, "codec-a")


def test_the_same_latents_are_the_same_bytes(tmp_path, latents):
    for name in ("one", "two"):
        write_latents(tmp_path / name, FDG, latents, "codec-a")
    for file in ("FDG.safetensors", "FDG.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
