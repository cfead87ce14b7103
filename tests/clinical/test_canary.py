import json

import pytest
import torch

from acadiff.clinical import canary
from acadiff.clinical.canary import Canary
from acadiff.errors import EncoderError

PAPER = "Generate FDG-PET from MRI, AV45-PET for AD patient with MMSE=22, ADAS13=28, CDR-SOB=4.5"


def unit(seed, width=1536):
    row = torch.randn(1, width, generator=torch.Generator().manual_seed(seed))
    return row / row.norm()


def test_the_public_prompt_is_the_papers():
    assert str(canary.PROMPT) == PAPER


@pytest.mark.parametrize("width", [3, 16, 384, 1536, 4096, 16384])
def test_noise_as_a_service_has_it_is_the_same_model(width):
    row = unit(0, width)
    noise = 1e-4 * torch.randn(row.shape, generator=torch.Generator().manual_seed(9))
    assert Canary.of(row).agrees(Canary.of(row + noise))


def test_scale_of_the_vectors_does_not_matter_to_the_rounding():
    for scale in (1e-6, 1.0, 1e6):
        assert Canary.of(scale * unit(0)).agrees(Canary.of(scale * unit(0)))


@pytest.mark.parametrize(
    "other",
    [unit(1), -unit(0), 1.05 * unit(0), unit(0)[:, :1024], unit(0).flip(1),
     unit(0) + 0.1 * unit(1)],
    ids=["model", "sign", "length", "width", "order", "quantised"],
)  # fmt: skip
def test_another_model_is_not(other):
    assert not Canary.of(unit(0)).agrees(Canary.of(other))
    assert not Canary.of(other).agrees(Canary.of(unit(0)))


def test_what_is_stored_is_short_rounded_and_read_back():
    found = Canary.of(unit(0))
    plain = json.loads(json.dumps(found.plain()))
    assert len(plain["start"]) == 16
    assert all(value == round(value, 3) for value in plain["start"])
    assert Canary.read(plain) == found


@pytest.mark.parametrize(
    "change",
    [{"width": 0}, {"width": "x"}, {"start": [1.0]}, {"start": None}, {"norm": "long"},
     {"start": [float("nan")] * 16}],
)  # fmt: skip
def test_damaged_settings_are_one_sentence(change):
    with pytest.raises(EncoderError, match="is damaged") as caught:
        Canary.read({**Canary.of(unit(0)).plain(), **change})
    assert caught.value.code == "E_TEXT_ENCODER"
