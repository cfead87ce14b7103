import json

import numpy as np
import pytest

from acadiff.errors import CohortError
from acadiff.evaluation.coverage import averaged, covered, shares
from acadiff.evaluation.intervals import Scale, fit_scale, half_widths, interval
from acadiff.volume.grid import Grid
from acadiff.volume.labels import LABELS, labels

N, V = 60, 54
LABEL = np.arange(V) % len(LABELS)


def people(seed, unit=1.0):
    """Errors whose size the SD tells, but for a factor that differs between labels."""
    random = np.random.default_rng(seed)
    sd = random.gamma(4, 0.25, (N, V))
    own = random.lognormal(0, 0.3, (N, 1))
    error = own * (1 + LABEL / 10) * sd * random.standard_normal((N, V))
    return unit * error, unit * sd, np.ones((N, V), bool)


def halves(scale, sd, level):
    return np.array(
        [[scale.half(s, LABELS[k], level) for s, k in zip(row, LABEL, strict=True)] for row in sd]
    )


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95])
def test_intervals_of_other_people_hold_their_level_in_every_label(level):
    found = []
    for seed in range(10):
        scale = fit_scale(*people(2 * seed), LABEL)
        error, sd, inside = people(2 * seed + 1)
        within = covered(error, np.zeros_like(error), halves(scale, sd, level))
        rows = zip(within, inside, strict=True)
        found.append(averaged([shares(w, i, LABEL, LABELS) for w, i in rows]))
    mean = averaged(found)
    assert min(mean.values()) > level - 0.02
    assert max(mean.values()) < min(level + 0.1, 1)


def test_in_another_unit_the_factors_stay_and_the_widths_scale():
    plain, scaled = fit_scale(*people(0), LABEL), fit_scale(*people(0, 7.0), LABEL)
    for name in LABELS:
        assert scaled.factors["90"][name] == pytest.approx(plain.factors["90"][name])
        assert scaled.half(7 * 0.4, name) == pytest.approx(7 * plain.half(0.4, name))


def test_draws_that_happen_to_agree_do_not_look_sure():
    scale = fit_scale(*people(0), LABEL)
    assert scale.half(0.0, LABELS[0]) == scale.half(scale.floor[LABELS[0]], LABELS[0]) > 0


def test_a_method_whose_draws_never_differ_gets_intervals_of_its_error():
    error, sd, inside = people(0)
    scale = fit_scale(error, np.zeros_like(sd), inside, LABEL)
    within = np.abs(error) <= halves(scale, np.zeros_like(sd), 0.9)
    assert 0.88 < within.mean() < 0.97


def test_voxels_outside_the_brain_count_for_nothing():
    error, sd, inside = people(0)
    inside[:, ::2] = False
    spoilt = np.where(inside, error, 1e6)
    assert fit_scale(spoilt, sd, inside, LABEL) == fit_scale(error, sd, inside, LABEL)


def test_it_goes_through_json_whole():
    scale = fit_scale(*people(0), LABEL)
    assert Scale.from_json(json.loads(json.dumps(scale.to_json()))) == scale


def test_an_interval_is_made_from_what_lies_on_disk():
    scale = fit_scale(*people(0), LABEL)
    told = {"Floor": scale.floor, "Factor": scale.factors["90"]}
    sidecar = {"Trust": {"Calibrated": True, "VoxelIntervals90": told}}
    sd = np.random.default_rng(0).random(Grid(8).shape).astype(np.float32)
    mean = np.full_like(sd, 1.2)
    low, high = interval(mean, sd, sidecar, 8)
    half = half_widths(sd, scale, 8)
    np.testing.assert_allclose(high - mean, half, rtol=1e-5, atol=1e-6)
    assert (low >= 0).all()
    assert np.array_equal(half > 0, labels(8) >= 0)


def test_without_calibration_there_is_one_sentence():
    with pytest.raises(CohortError, match=r"no calibrated interval.*run `acadiff calibrate`"):
        interval(np.zeros(Grid(8).shape), np.zeros(Grid(8).shape), {}, 8)
