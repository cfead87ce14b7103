import json

import pytest
import torch
from safetensors.torch import load_file

from acadiff.commit import sha256
from acadiff.errors import CheckpointError
from acadiff.training.checkpoint import (
    load_checkpoint,
    load_tensors,
    save_checkpoint,
    save_tensors,
)

BELONGS = {"rate": 0.1, "widths": (8, 16)}


def tensors(seed=0):
    """One tensor of each kind that is stored."""
    random = torch.Generator().manual_seed(seed)
    return {
        "weight": torch.randn(3, 4, generator=random),
        "half": torch.randn(5, generator=random).half(),
        "step": torch.tensor(7.0),
        "count": torch.arange(3),
    }


def equal(found, expected):
    return found.keys() == expected.keys() and all(
        torch.equal(found[k], v) and found[k].dtype == v.dtype for k, v in expected.items()
    )


def test_tensors_come_back_bit_by_bit(tmp_path):
    path = tmp_path / "deep" / "w.safetensors"
    digest = save_tensors(path, tensors())
    assert digest == sha256(path)
    assert equal(load_tensors(path, digest), tensors())
    assert equal(load_file(path), tensors())


def test_a_view_and_a_parameter_are_stored_by_value(tmp_path):
    parameter = torch.nn.Parameter(torch.randn(4, 6))
    given = {"view": parameter[:, ::2], "turned": parameter.T}
    digest = save_tensors(tmp_path / "w.safetensors", given)
    found = load_tensors(tmp_path / "w.safetensors", digest)
    assert torch.equal(found["turned"], parameter.T)
    assert torch.equal(found["view"], parameter[:, ::2])
    assert not found["view"].requires_grad


@pytest.mark.parametrize("place", [0, 20, -1])
def test_one_changed_bit_is_noticed(tmp_path, place):
    path = tmp_path / "w.safetensors"
    digest = save_tensors(path, tensors())
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="SHA-256"):
        load_tensors(path, digest)


@pytest.mark.parametrize("length", [0, 4, 100, -1])
def test_a_stump_is_noticed(tmp_path, length):
    path = tmp_path / "w.safetensors"
    digest = save_tensors(path, tensors())
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(CheckpointError, match="copy it again"):
        load_tensors(path, digest)


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"gone\.safetensors: the weights are missing"):
        load_tensors(tmp_path / "gone.safetensors", "0" * 64)


def test_what_is_no_safetensors_is_refused_even_if_its_hash_is_right(tmp_path):
    path = tmp_path / "w.safetensors"
    path.write_bytes(b"\x80\x04\x95 a pickle, perhaps")
    with pytest.raises(CheckpointError, match="not a safetensors file"):
        load_tensors(path, sha256(path))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused_by_name(tmp_path, value):
    path = tmp_path / "w.safetensors"
    broken = tensors()
    broken["half"][2] = value
    digest = save_tensors(path, broken)
    with pytest.raises(CheckpointError, match="half holds values that are not finite"):
        load_tensors(path, digest)


def test_the_last_checkpoint_counts_and_the_one_before_goes(tmp_path):
    assert load_checkpoint(tmp_path, BELONGS) is None
    for step in (10, 20):
        save_checkpoint(tmp_path, step, tensors(step), BELONGS)
    step, found = load_checkpoint(tmp_path, BELONGS)
    assert step == 20
    assert equal(found, tensors(20))
    assert len(list(tmp_path.glob("*.safetensors"))) == 1


def test_weights_without_a_record_do_not_count(tmp_path):
    """As a kill between the two leaves them."""
    save_checkpoint(tmp_path, 10, tensors(10), BELONGS)
    save_tensors(tmp_path / "step-00000020.safetensors", tensors(20))
    step, found = load_checkpoint(tmp_path, BELONGS)
    assert step == 10
    assert equal(found, tensors(10))
    save_checkpoint(tmp_path, 20, tensors(21), BELONGS)
    assert equal(load_checkpoint(tmp_path, BELONGS)[1], tensors(21))


def test_the_state_before_goes_though_a_kill_left_it(tmp_path):
    """As a kill between the record and the removal leaves it: a finished run saves no more."""
    save_checkpoint(tmp_path, 10, tensors(10), BELONGS)
    before = (tmp_path / "step-00000010.safetensors").read_bytes()
    save_checkpoint(tmp_path, 20, tensors(20), BELONGS)
    (tmp_path / "step-00000010.safetensors").write_bytes(before)
    step, found = load_checkpoint(tmp_path, BELONGS)
    assert step == 20
    assert equal(found, tensors(20))
    assert [p.name for p in tmp_path.glob("step-*")] == ["step-00000020.safetensors"]


def test_what_the_record_cannot_replace_stays(tmp_path):
    """A damaged state is reason to keep the others, not to delete them."""
    save_checkpoint(tmp_path, 10, tensors(10), BELONGS)
    other = tmp_path / "step-00000005.safetensors"
    save_tensors(other, tensors(5))
    (tmp_path / "step-00000010.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path, BELONGS)
    assert other.is_file()


def test_leftovers_of_dead_processes_are_swept(tmp_path):
    save_checkpoint(tmp_path, 10, tensors(), BELONGS)
    stump = tmp_path / f".acadiff-999999999-{'0' * 32}.safetensors"
    stump.write_bytes(b"half")
    load_checkpoint(tmp_path, BELONGS)
    assert not stump.exists()


@pytest.mark.parametrize("other", [{"rate": 0.2, "widths": (8, 16)}, {"widths": (8, 16)}])
def test_other_settings_are_refused_and_named(tmp_path, other):
    save_checkpoint(tmp_path, 10, tensors(), BELONGS)
    with pytest.raises(CheckpointError, match="made with another rate"):
        load_checkpoint(tmp_path, other)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"step": 3}', "null"])
def test_a_damaged_record_is_refused(tmp_path, content):
    save_checkpoint(tmp_path, 10, tensors(), BELONGS)
    (tmp_path / "LATEST.json").write_text(content)
    with pytest.raises(CheckpointError, match="damaged"):
        load_checkpoint(tmp_path, BELONGS)


def test_damaged_weights_of_a_checkpoint_are_refused(tmp_path):
    save_checkpoint(tmp_path, 10, tensors(), BELONGS)
    name = json.loads((tmp_path / "LATEST.json").read_text())["file"]
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(CheckpointError, match=name):
        load_checkpoint(tmp_path, BELONGS)
