import json

import numpy as np
import pytest

from acadiff.errors import CheckpointError
from acadiff.evaluation.intervals import fit_scale
from acadiff.evaluation.trust import (
    Calibration,
    Trust,
    conditions,
    load_trust,
    population,
    save_trust,
)
from acadiff.volume.labels import LABELS
from acadiff.volume.regions import NAMES

GENERATOR = "a" * 64


@pytest.fixture(scope="module")
def trust():
    random = np.random.default_rng(0)
    error, sd = random.standard_normal((20, 27)), random.random((20, 27)) + 0.5
    scale = fit_scale(error, sd, np.ones((20, 27), bool), np.arange(27), LABELS)
    known = population(1 + random.random((50, len(NAMES))))
    ends = conditions([{"mmse": 20.0, "age": None}, {"mmse": 30.0, "age": None}])
    return Trust(10, {"MRI-full": Calibration(20, scale, scale)}, known, ends)


def test_what_was_told_is_read_back(trust, tmp_path):
    save_trust(tmp_path, trust, GENERATOR)
    again = load_trust(tmp_path, GENERATOR)
    assert again.draws == 10
    assert again.conditions == {"mmse": (20.0, 30.0)}
    found, told = (t.trials["MRI-full"] for t in (again, trust))
    for name in LABELS:
        assert found.voxels.half(0.7, name) == pytest.approx(told.voxels.half(0.7, name))
    save_trust(tmp_path / "twice", again, GENERATOR)
    assert (tmp_path / "twice" / "trust.json").read_bytes() == (
        tmp_path / "trust.json"
    ).read_bytes()


def test_nothing_calibrated_is_nothing_told(tmp_path):
    assert load_trust(tmp_path, GENERATOR) is None


def changed(path, how):
    text = path.read_text()
    if how == "digit":
        content = json.loads(text)
        content["Trials"]["MRI-full"]["Voxels"]["Factors"]["90"][LABELS[0]] *= 0.5
        return json.dumps(content)
    return {"cut": text[: len(text) // 2], "list": "[]", "empty": "", "bare": "{}"}[how]


@pytest.mark.parametrize("how", ["digit", "cut", "list", "empty", "bare"])
def test_a_damaged_file_is_refused(trust, tmp_path, how):
    save_trust(tmp_path, trust, GENERATOR)
    path = tmp_path / "trust.json"
    path.write_text(changed(path, how))
    with pytest.raises(CheckpointError, match="acadiff calibrate"):
        load_trust(tmp_path, GENERATOR)


def test_that_of_other_weights_is_refused(trust, tmp_path):
    save_trust(tmp_path, trust, GENERATOR)
    with pytest.raises(CheckpointError, match="belongs to other weights"):
        load_trust(tmp_path, "b" * 64)


def test_the_population_holds_nine_people_in_ten():
    means = np.random.default_rng(1).normal(1.3, 0.2, (1000, len(NAMES)))
    for index, (name, spread) in enumerate(population(means).items()):
        assert name == NAMES[index]
        within = np.abs(means[:, index] - spread.mean) <= spread.half
        assert within.mean() == pytest.approx(0.9, abs=0.002)


def test_a_region_without_voxels_is_left_out():
    means = np.ones((20, len(NAMES)))
    means[:, 3] = np.nan
    assert NAMES[3] not in population(means)
