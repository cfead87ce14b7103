"""Missing at random is not called otherwise too often; what was planted is found and told."""

from dataclasses import replace

import numpy as np
import pytest

from acadiff.evaluation.missingness import (
    ALPHA,
    CATEGORIES,
    NUMBERS,
    TOGETHER,
    Person,
    missingness,
)
from acadiff.modality import Modality

VARIABLES = (*CATEGORIES, *NUMBERS)


def people(rng, n=120, chance=lambda _: 0.3, sites=4):
    """Random people; `chance` says how likely each is to lack AV45, all else is independent."""
    found = []
    for _ in range(n):
        ill = int(rng.integers(3))
        values = {
            "diagnosis": ("CN", "MCI", "AD")[ill],
            "sex": rng.choice(["F", "M"]).item(),
            "apoe4": str(rng.binomial(2, 0.3)),
            "site": f"{rng.integers(sites):03d}",
            "age": rng.normal(74, 7),
            "education": float(rng.integers(8, 20)),
            "MMSE": float(np.clip(round(29 - 3 * ill + rng.normal()), 0, 30)),
            "ADAS13": 8 + 8 * ill + rng.normal(),
            "CDRSB": max(0.0, round(2 * (2 * ill + rng.normal())) / 2),
        }
        chances = {Modality.MRI: 0.1, Modality.FDG: 0.3, Modality.AV45: chance(values)}
        found.append(Person(frozenset(m for m, p in chances.items() if rng.random() < p), values))
    return found


def found(people, modality=Modality.AV45):
    return {t.variable: t for t in missingness(people).tests if t.modality is modality}


def test_under_independence_one_test_in_twenty_errs_and_corrected_hardly_a_cohort():
    replicas = 80
    results = [missingness(people(np.random.default_rng(seed), 100)) for seed in range(replicas)]
    p = np.array([test.p for result in results for test in result.tests])
    q = np.array([[test.q for test in result.tests] for result in results])
    assert np.isfinite(p).sum() > 25 * replicas
    # The tests of a cohort depend on each other, so the band is wider than a binomial one.
    assert 0.035 < (p[np.isfinite(p)] < ALPHA).mean() < 0.065
    assert (q < ALPHA).any(axis=1).mean() < 0.12


@pytest.mark.parametrize(
    ("variable", "chance"),
    [
        ("diagnosis", lambda v: 0.6 if v["diagnosis"] == "AD" else 0.15),
        ("age", lambda v: 0.1 + 0.6 * (v["age"] > 76)),
        ("sex", lambda v: 0.55 if v["sex"] == "F" else 0.15),
        ("site", lambda v: 0.8 if v["site"] == "002" else 0.2),
        ("CDRSB", lambda v: 0.1 + 0.6 * (v["CDRSB"] > 3)),
    ],
)
def test_what_was_planted_is_found_and_nothing_else_is_said_of_other_modalities(variable, chance):
    powers, others = [], []
    for seed in range(8):
        result = missingness(people(np.random.default_rng(100 + seed), 200, chance))
        q = {(t.modality, t.variable): t.q for t in result.tests}
        powers.append(q[Modality.AV45, variable] < ALPHA)
        others.append("goes with" in result.verdicts[Modality.FDG])
    assert np.mean(powers) > 0.85
    assert np.mean(others) < 0.3


def test_the_verdict_names_who_lacks_it_more_often_and_by_how_much():
    rng = np.random.default_rng(1)
    result = missingness(people(rng, 300, lambda v: 0.6 if v["diagnosis"] == "AD" else 0.1))
    verdict = result.verdicts[Modality.AV45]
    test = next(
        t for t in result.tests if (t.modality, t.variable) == (Modality.AV45, "diagnosis")
    )
    assert (
        f"with diagnosis (q = {test.q:.2g}): people of diagnosis AD lack it more often" in verdict
    )
    assert "Models trained on complete subjects may be wrong" in verdict
    assert test.method == "chi-square"
    assert 0.3 < test.effect < 0.8
    assert (
        "lower" in found(people(rng, 300, lambda v: 0.1 + 0.6 * (v["MMSE"] < 25)))["MMSE"].pattern
    )


def test_what_is_not_found_is_never_called_random():
    result = missingness(people(np.random.default_rng(5), 40))
    for modality in (Modality.FDG, Modality.AV45):
        verdict = result.verdicts[modality]
        assert "no dependence on" in verdict
        assert "(n = 40, " in verdict
        assert "does not show that there is none" in verdict
        assert "MCAR" not in verdict
        assert "random" not in verdict


def test_the_tests_are_the_textbook_ones():
    from scipy import stats

    lot = people(np.random.default_rng(3), 90)
    tests = found(lot)
    lacks = np.array([Modality.AV45 in p.lacks for p in lot])
    ages = np.array([p.values["age"] for p in lot])
    assert tests["age"].p == pytest.approx(stats.mannwhitneyu(ages[lacks], ages[~lacks]).pvalue)
    groups = [np.array([p.values["diagnosis"] == d for p in lot]) for d in ("AD", "CN", "MCI")]
    counts = np.array([[(group & lacks).sum(), (group & ~lacks).sum()] for group in groups])
    expected = stats.chi2_contingency(counts, correction=False)
    assert tests["diagnosis"].p == pytest.approx(expected.pvalue)
    assert tests["diagnosis"].effect == pytest.approx(stats.contingency.association(counts))


def test_with_few_people_counts_are_compared_exactly():
    lot = people(np.random.default_rng(4), 16)
    tests = found(lot)
    assert tests["sex"].method == "Fisher"
    assert tests["diagnosis"].method == "chi-square, permuted"
    assert TOGETHER in tests
    assert np.isnan(tests[TOGETHER].p)
    again = found(lot)
    assert [t.p for t in tests.values()] == pytest.approx(
        [t.p for t in again.values()], nan_ok=True
    )


def test_a_permuted_chi_square_agrees_with_the_exact_test_of_two_groups():
    from scipy import stats

    from acadiff.evaluation.missingness import _permuted

    counts = np.array([[7, 5], [2, 14]])
    expected = stats.contingency.expected_freq(counts)
    statistic = ((counts - expected) ** 2 / expected).sum()
    # Fisher's test orders tables by their probability, which for these margins is the same order.
    assert _permuted(counts, statistic) == pytest.approx(
        stats.fisher_exact(counts).pvalue, abs=0.01
    )


def test_all_variables_together_are_a_likelihood_ratio():
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    lot = people(np.random.default_rng(8), 400, lambda v: 0.2 + 0.3 * (v["sex"] == "F"), sites=2)
    test = found(lot)[TOGETHER]
    assert test.p < 0.001
    names = test.method.removeprefix("logistic model of ").split(", ")
    assert {"diagnosis", "sex", "age"} <= set(names)
    columns = []
    for name in names:
        values = [p.values[name] for p in lot]
        if name in CATEGORIES:
            columns += [[v == level for v in values] for level in sorted(set(values))[1:]]
        else:
            columns.append((np.array(values) - np.mean(values)) / np.std(values))
    design, lacks = np.array(columns, float).T, [Modality.AV45 in p.lacks for p in lot]
    fit = LogisticRegression(C=1e9, max_iter=1000).fit(design, lacks)
    whole = log_loss(lacks, fit.predict_proba(design)[:, 1], normalize=False)
    empty = log_loss(lacks, np.full(len(lot), np.mean(lacks)), normalize=False)
    assert test.effect == pytest.approx(1 - whole / empty, rel=1e-3)


def test_what_separates_perfectly_ends_with_a_number():
    lot = people(np.random.default_rng(9), 300, lambda v: float(v["sex"] == "F"), sites=2)
    tests = found(lot)
    assert tests["sex"].p < 1e-9
    assert tests[TOGETHER].p < 1e-9
    assert tests[TOGETHER].effect <= 1


def test_unknown_values_leave_the_person_out_of_that_test_alone():
    lot = people(np.random.default_rng(10), 60)
    lot[:20] = [replace(p, values={**p.values, "age": None}) for p in lot[:20]]
    tests = found(lot)
    assert (tests["age"].n, tests["sex"].n) == (40, 60)


def test_what_nobody_lacks_or_nobody_tells_is_not_tested():
    whole = [Person(frozenset(), {"sex": "F", "age": 70.0}) for _ in range(5)]
    assert "nothing to compare" in missingness(whole).verdicts[Modality.FDG]
    unknown = [Person(frozenset({Modality.FDG} if n % 2 else ()), {}) for n in range(6)]
    assert "too little is known" in missingness(unknown).verdicts[Modality.FDG]
    assert "0 of 0 people" in missingness([]).verdicts[Modality.MRI]
    alike = [Person(frozenset({Modality.FDG} if n % 2 else ()), {"sex": "F"}) for n in range(6)]
    assert found(alike, Modality.FDG)["sex"].method == "not tested: all of them are alike"
