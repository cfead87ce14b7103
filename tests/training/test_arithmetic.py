import pytest
import torch

from acadiff.training import arithmetic
from acadiff.training.arithmetic import HALF, SINGLE, fabric_on, has_bfloat16, usable


@pytest.fixture
def without(monkeypatch):
    """A processor that has no bfloat16."""
    monkeypatch.setattr(arithmetic, "has_bfloat16", lambda device: device != "cpu")


def test_half_precision_is_left_where_it_would_be_acted(without):
    assert usable(HALF, "cpu") == SINGLE
    assert usable(HALF, "cuda") == HALF
    assert usable(SINGLE, "cpu") == SINGLE
    fabric = fabric_on("cpu", HALF)
    with fabric.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


def test_half_precision_is_taken_where_it_is(monkeypatch):
    monkeypatch.setattr(arithmetic, "has_bfloat16", lambda _: True)
    with fabric_on("cpu", HALF).autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("told", "known"),
    [
        ({"avx2": True, "avx512_bf16": False}, False),
        ({"avx512_bf16": True}, True),
        ({"amx_bf16": True}, True),
        ({"neon": True, "bf16": True}, True),
        ({}, False),
    ],
)
def test_a_processor_is_asked_for_its_instructions(monkeypatch, told, known):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: told)
    has_bfloat16.cache_clear()
    assert has_bfloat16("cpu") == known
    has_bfloat16.cache_clear()


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises((ValueError, RuntimeError, LookupError)):
        fabric_on("abacus", HALF)
