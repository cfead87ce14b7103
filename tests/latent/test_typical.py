import dataclasses
import json

import numpy as np
import pytest
import torch

from acadiff.errors import CheckpointError, CohortError
from acadiff.latent.codec import Codec
from acadiff.latent.look import brain_cells, judge, look
from acadiff.latent.typical import LEAST, MEASURES, Look, fit_typical
from acadiff.latent.typical_folder import load_typical, save_typical
from acadiff.volume.grid import Grid
from acadiff.volume.intensity import robust_scale
from acadiff.volume.template import template

GRID = Grid(8)
BRAIN = brain_cells(8, 1)
CODEC = "c" * 64


@pytest.fixture(scope="module")
def codec():
    torch.manual_seed(0)
    made = Codec(shape=GRID.shape, levels=1, channels=4, widths=(8,), blocks=1, groups=4)
    made.fit_linear(torch.from_numpy(scaled(scan(n))) for n in range(20))
    return made.eval()


def scan(number):
    """Somebody's brain: more or less bright, with some smooth and some fine variation."""
    random = np.random.default_rng(number)
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in GRID.shape), indexing="ij")
    field = sum(random.normal(0, 0.1) * axis for axis in (x, y, z, x * y, y * z))
    noise = random.normal(0, 0.02, GRID.shape)
    return (template(8).t1 * np.exp(random.normal(0, 0.05) + field + noise)).astype(np.float32)


def scaled(data):
    """As a network sees an MRI of any unit."""
    mask = template(8).brain > 0.5
    return robust_scale(data, mask).to_model(data[None] * mask)


def seen(codec, data):
    return look(codec, torch.from_numpy(scaled(data)), 8)


@pytest.fixture(scope="module")
def looks(codec):
    return [seen(codec, scan(n)) for n in range(160)]


@pytest.fixture(scope="module")
def typical(looks):
    return fit_typical(looks[:100], looks[100:130], BRAIN)


def lesion(data, change, radius=3.0):
    away = np.linalg.norm(np.moveaxis(np.indices(GRID.shape), 0, -1) - (7, 10, 12), axis=-1)
    return data * (1 + change * (away < radius)).astype(np.float32)


def test_new_people_are_alarmed_about_as_often_as_promised(typical, looks):
    p = np.array([judge(typical, x, GRID).p for x in looks[130:]])
    assert (p <= 0.05).mean() <= 0.2
    assert 0.2 < p.mean() < 0.8


def test_p_is_a_rank_and_never_zero(typical):
    assert typical.p(np.inf) == 1 / (1 + len(typical.null))
    assert typical.p(-np.inf) == 1
    assert typical.p(typical.null[-1]) == 2 / (1 + len(typical.null))


def test_a_deeper_lesion_is_never_more_usual(typical, codec):
    data = scan(150)
    scores = [
        judge(typical, seen(codec, lesion(data, change)), GRID).score
        for change in (-0.3, -0.6, -0.9)
    ]
    assert scores == sorted(scores)
    assert judge(typical, seen(codec, lesion(data, -0.9)), GRID).word != "typical"


def test_a_lesion_is_found_where_it_is(typical, codec):
    cell = typical.oddest(seen(codec, lesion(scan(150), -0.9, 2.5)))
    assert np.abs(np.array(cell) - np.array((7, 10, 12))).max() <= 2


def test_the_unit_of_an_mri_changes_nothing(typical, codec):
    one, other = (judge(typical, seen(codec, unit * scan(151)), GRID) for unit in (1, 1024))
    assert one.p == other.p
    assert one.score == pytest.approx(other.score, abs=0.01)


@pytest.mark.parametrize("spoil", [lambda x: x[::-1, ::-1], lambda x: np.roll(x, 3, 2)])
def test_a_brain_out_of_place_is_not_trusted(typical, codec, spoil):
    verdict = judge(typical, seen(codec, np.ascontiguousarray(spoil(scan(152)))), GRID)
    assert verdict.word == "do not trust"
    assert verdict.measure in MEASURES


def test_noise_is_told_by_its_fine_waves(typical, codec):
    data = scan(153)
    noise = np.random.default_rng(0).normal(0, 0.1, data.shape).astype(np.float32)
    plain, noisy = (typical.measures(seen(codec, x)) for x in (data, data * (1 + noise)))
    which = MEASURES.index("noise")
    assert noisy[which] > plain[which] + 1
    assert judge(typical, seen(codec, data * (1 + noise)), GRID).word == "do not trust"


def test_who_comes_first_in_validation_changes_nothing(typical, looks):
    again = fit_typical(looks[:100], looks[129:99:-1], BRAIN)
    np.testing.assert_allclose(again.null, typical.null, rtol=1e-5, atol=1e-5)


def test_too_few_scans_tell_nothing(looks):
    with pytest.raises(CohortError, match="18 training scans") as caught:
        fit_typical(looks[: LEAST - 1], [], BRAIN)
    assert caught.value.code == "E_TOO_FEW"


def test_it_is_read_back_as_it_was_written(typical, looks, tmp_path):
    save_typical(tmp_path, typical, CODEC)
    again = load_typical(tmp_path, CODEC)
    for x in looks[130:135]:
        np.testing.assert_allclose(again.standardised(x), typical.standardised(x), atol=0.02)
    assert load_typical(tmp_path / "nowhere", CODEC) is None


@pytest.mark.parametrize("part", ["typical.json", "typical.safetensors", "codec"])
def test_a_damaged_file_is_refused(typical, tmp_path, part):
    save_typical(tmp_path, typical, CODEC)
    if part.endswith("json"):
        record = json.loads((tmp_path / part).read_text()) | {"measures": ["guess"]}
        (tmp_path / part).write_text(json.dumps(record))
    elif part.endswith("safetensors"):
        content = bytearray((tmp_path / part).read_bytes())
        content[-1] ^= 1
        (tmp_path / part).write_bytes(content)
    with pytest.raises(CheckpointError):
        load_typical(tmp_path, "d" * 64 if part == "codec" else CODEC)


def test_one_measure_alone_is_enough(typical, looks):
    """The score is the largest of the measures, so that none can outvote another."""
    plain = looks[140]
    noisy = Look(plain.places, plain.texture + np.eye(len(plain.texture))[-1] * 9)
    assert judge(typical, noisy, GRID).measure in ("texture", "reconstruction")
    assert judge(typical, noisy, GRID).p == pytest.approx(1 / 131, abs=1e-5)
    moved = dataclasses.replace(typical, mean=typical.mean + 5)
    assert judge(moved, plain, GRID).p == pytest.approx(1 / 131, abs=1e-5)
