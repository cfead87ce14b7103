"""Agreement of imputed with acquired values, against formulas done by hand and another library."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import cohen_kappa_score, r2_score, roc_auc_score

from acadiff.evaluation.agreement import MEASURES, agreement, measures
from acadiff.evaluation.regional import COMPOSITE, META_ROI
from acadiff.volume.composites import POSITIVE

RNG = np.random.default_rng(3)
TRUE = np.round(RNG.normal(1.15, 0.2, 40), 2)
SAID = np.round(0.5 * TRUE + 0.55 + RNG.normal(0, 0.08, 40), 2)  # rounded, so that there are ties
ONES = np.ones((1, 40))


def table(acquired, imputed, region=COMPOSITE, persons=None, **other):
    persons = [f"{n:03d}" for n in range(len(acquired))] if persons is None else persons
    return pd.DataFrame(
        {
            "subject": persons,
            "kind": "mean",
            "method": "M",
            "target": "AV45",
            "sources": "MRI",
            "region": region[0],
            "unit": region[1],
            "acquired": acquired,
            "imputed": imputed,
            **other,
        }
    )


def test_measures_are_those_of_the_textbooks():
    found = {name: v[0] for name, v in measures(TRUE, SAID, ONES, POSITIVE).items()}
    error = SAID - TRUE
    assert found["bias"] == pytest.approx(error.mean())
    assert found["sd"] == pytest.approx(error.std(ddof=1))
    assert found["lower"] == pytest.approx(error.mean() - 1.96 * error.std(ddof=1))
    assert found["upper"] == pytest.approx(error.mean() + 1.96 * error.std(ddof=1))
    assert found["rmse"] == pytest.approx(np.sqrt((error**2).mean()))
    assert found["r_squared"] == pytest.approx(stats.pearsonr(TRUE, SAID).statistic ** 2)
    assert found["explained"] == pytest.approx(r2_score(TRUE, SAID))
    truth, said = TRUE > POSITIVE, SAID > POSITIVE
    assert found["accuracy"] == pytest.approx((truth == said).mean())
    assert found["kappa"] == pytest.approx(cohen_kappa_score(truth, said))
    assert found["auc"] == pytest.approx(roc_auc_score(truth, SAID))


def test_a_weight_of_two_is_the_visit_twice():
    counts = RNG.integers(0, 4, 40)
    weighted = measures(TRUE, SAID, counts[None].astype(float), POSITIVE)
    repeated = measures(
        np.repeat(TRUE, counts), np.repeat(SAID, counts), np.ones((1, counts.sum())), POSITIVE
    )
    for name in MEASURES:
        assert weighted[name] == pytest.approx(repeated[name]), name


def test_status_is_told_of_the_composite_alone():
    both = pd.concat([table(TRUE, SAID), table(TRUE, SAID, META_ROI)])
    first, second = agreement(both).to_dict("records")
    assert first["region"] == "cortical_composite"
    assert np.isfinite([first["accuracy"], first["kappa"], first["auc"]]).all()
    assert np.isnan([second["accuracy"], second["kappa"], second["auc"]]).all()
    assert second["bias"] == first["bias"]


def test_intervals_hold_the_estimate_and_are_about_as_wide_as_theory_says():
    (line,) = agreement(table(TRUE, SAID)).to_dict("records")
    for name in MEASURES:
        assert line[f"{name}_low"] <= line[name] <= line[f"{name}_high"], name
    width = line["bias_high"] - line["bias_low"]
    assert width == pytest.approx(2 * 1.96 * line["sd"] / np.sqrt(40), rel=0.1)


def test_visits_of_one_person_are_drawn_together():
    persons = np.repeat([f"{n}" for n in range(10)], 4)
    error = np.repeat(RNG.normal(0, 0.1, 10), 4)
    (line,) = agreement(table(TRUE, TRUE + error, persons=persons)).to_dict("records")
    (loose,) = agreement(table(TRUE, TRUE + error)).to_dict("records")
    assert (line["persons"], line["n"], loose["persons"]) == (10, 40, 40)
    width, narrow = (r["bias_high"] - r["bias_low"] for r in (line, loose))
    assert width > 1.5 * narrow


def test_a_constant_answer_has_no_correlation_and_explains_nothing():
    (line,) = agreement(table(TRUE, np.full(40, TRUE.mean()))).to_dict("records")
    assert np.isnan(line["r_squared"])
    assert line["explained"] == pytest.approx(0, abs=1e-9)
    assert line["kappa"] == 0
    assert line["auc"] == 0.5


def test_few_persons_have_no_interval_and_none_no_line():
    (line,) = agreement(table(TRUE[:1], SAID[:1])).to_dict("records")
    assert line["bias"] == pytest.approx(SAID[0] - TRUE[0])
    assert np.isnan([line["sd"], line["bias_low"], line["r_squared"], line["auc"]]).all()
    assert agreement(table([np.nan], [1.0])).empty
    assert agreement(table(TRUE, SAID, kind="draw")).empty


def test_the_same_table_gives_the_same_numbers():
    pd.testing.assert_frame_equal(agreement(table(TRUE, SAID)), agreement(table(TRUE, SAID)))
