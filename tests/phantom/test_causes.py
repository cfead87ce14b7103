"""The simulated cohort has the published group means and correlations, within sampling error."""

import numpy as np
import pytest

from acadiff.cohort.table import Diagnosis
from acadiff.phantom.causes import candidates
from acadiff.phantom.parameters import Clinic, Disease

GROUPS = {  # published baseline means, and how far the simulation may be from them
    "age": (74.0, 73.0, 75.0, 1.2),
    "mmse": (29.1, 27.6, 23.2, 0.6),
    "adas13": (9.1, 16.4, 29.8, 2.5),
    "cdrsb": (0.03, 1.5, 4.4, 0.6),
}
CORRELATIONS = {
    ("mmse", "adas13"): (-0.72, 0.06),
    ("adas13", "cdrsb"): (0.74, 0.08),
    ("mmse", "cdrsb"): (-0.72, 0.12),
    ("F", "adas13"): (0.50, 0.10),
    ("A", "adas13"): (0.40, 0.10),
    ("A", "mmse"): (-0.36, 0.10),
    ("H", "adas13"): (0.45, 0.10),
    ("A", "F"): (0.38, 0.12),
    ("V", "age"): (0.44, 0.12),
    ("e4", "A"): (0.38, 0.12),
}


def values(people, name, diagnosis=None):
    return np.array(
        [float(getattr(p.causes, name)) for p in people if diagnosis in (None, p.causes.diagnosis)]
    )


@pytest.mark.parametrize("score", GROUPS)
def test_group_means_are_the_published_ones(people, score):
    *targets, tolerance = GROUPS[score]
    found = [values(people, score, diagnosis).mean() for diagnosis in Diagnosis]
    assert found == pytest.approx(targets, abs=tolerance)


@pytest.mark.parametrize("pair", CORRELATIONS)
def test_correlations_are_the_published_ones(people, pair):
    target, tolerance = CORRELATIONS[pair]
    found = np.corrcoef(*(values(people, name) for name in pair))[0, 1]
    assert found == pytest.approx(target, abs=tolerance)


def test_scores_still_tell_of_disease_within_mci(people):
    """A diagnosis cut too sharply from impairment would leave nothing inside the group."""
    adas = values(people, "adas13", Diagnosis.MCI)
    assert np.corrcoef(values(people, "F", Diagnosis.MCI), adas)[0, 1] > 0.08
    assert np.corrcoef(values(people, "A", Diagnosis.MCI), adas)[0, 1] > 0.05


def test_amyloid_is_common_in_disease_and_not_absent_in_health(people):
    positive = [(values(people, "A", d) > 0.25).mean() for d in Diagnosis]
    assert positive == pytest.approx([0.29, 0.52, 0.81], abs=0.1)


def test_other_disease_makes_dementia_without_amyloid(people):
    demented = [p.causes for p in people if p.causes.diagnosis is Diagnosis.AD]
    assert any(c.A < 0.1 and c.M > 0.5 for c in demented)


def test_every_score_lies_on_its_scale():
    table = candidates(np.random.default_rng(0), 20_000, Disease(), Clinic())
    for name, top, step in (("mmse", 30, 1), ("adas13", 70, 1 / 3), ("cdrsb", 18, 0.5)):
        assert table[name].min() >= 0
        assert table[name].max() <= top
        np.testing.assert_allclose(table[name] / step, np.round(table[name] / step), atol=1e-9)
    assert (table["N"] <= 1).all()
    assert (table["C"] >= 0).all()
    assert table["age"].min() >= 55
    assert table["age"].max() <= 91


def test_amyloid_of_the_old_follows_its_gene():
    table = candidates(np.random.default_rng(1), 20_000, Disease(), Clinic())
    loads = [table["A"][table["e4"] == copies].mean() for copies in range(3)]
    assert loads == sorted(loads)
