from dataclasses import replace
from pathlib import Path

import pytest

from acadiff.cohort.missing import missing_by_class, missing_pattern
from acadiff.cohort.table import Cohort, Diagnosis, Scores, Subject
from acadiff.errors import CohortError, UsageError
from acadiff.modality import Modality

RATES = (0.0, 0.1, 0.25, 0.4, 0.75, 1.0)


@pytest.fixture(scope="module")
def cohort():
    scans = {m: Path(m.name) for m in Modality}
    people = [Subject(f"P{i:03}", None, None, Scores(), scans) for i in range(399)]
    return Cohort(Path("x"), tuple(people))


@pytest.mark.parametrize("rate", RATES)
def test_the_rate_is_met_exactly_and_nobody_loses_all(cohort, rate):
    pattern = missing_pattern(cohort, rate, seed=1)
    assert len(pattern) == round(rate * 399)
    assert all(1 <= len(lost) <= 2 for lost in pattern.values())


def test_patterns_are_nested_over_rates(cohort):
    patterns = [missing_pattern(cohort, rate, seed=2).items() for rate in RATES]
    for lower, higher in zip(patterns, patterns[1:], strict=False):
        assert lower <= higher


def test_the_coin_is_fair_and_so_is_the_choice(cohort):
    pattern = missing_pattern(cohort, 1.0, seed=3)
    twice = sum(len(lost) == 2 for lost in pattern.values())
    assert 160 < twice < 240
    for modality in Modality:
        assert 150 < sum(modality in lost for lost in pattern.values()) < 250


def test_the_order_of_the_table_does_not_matter(cohort):
    turned = replace(cohort, subjects=cohort.subjects[::-1])
    assert missing_pattern(turned, 0.4, 5) == missing_pattern(cohort, 0.4, 5)
    assert missing_pattern(cohort, 0.4, 5) != missing_pattern(cohort, 0.4, 6)


def test_who_has_one_scan_keeps_it(cohort):
    people = [
        s.without(Modality.FDG, *([Modality.MRI] if i % 2 else []))
        for i, s in enumerate(cohort.subjects)
    ]
    poorer = replace(cohort, subjects=tuple(people))
    pattern = missing_pattern(poorer, 0.5, seed=0)
    people = {subject.key: subject for subject in poorer.subjects}
    assert len(pattern) == 200
    assert all(pattern.values())
    for key, lost in pattern.items():
        assert lost < set(people[key].available)
    with pytest.raises(CohortError, match="399 subjects should lose a scan, 200 have"):
        missing_pattern(poorer, 1.0, seed=0)


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_a_rate_is_a_share(cohort, rate):
    with pytest.raises(UsageError, match="missing rate"):
        missing_pattern(cohort, rate, seed=0)


@pytest.fixture(scope="module")
def classes(cohort):
    """82 AD, 206 MCI, the rest CN."""
    kinds = [Diagnosis.AD] * 82 + [Diagnosis.MCI] * 206 + [Diagnosis.CN] * 111
    people = zip(cohort.subjects, kinds, strict=True)
    return replace(cohort, subjects=tuple(replace(s, diagnosis=d) for s, d in people))


def test_by_class_every_diagnosis_loses_the_same_share_and_patterns_are_nested(classes):
    kinds = {s.key: s.diagnosis for s in classes.subjects}
    before = {}
    for rate in (0.2, 0.4, 0.6, 0.8):
        pattern = missing_by_class(classes, rate, seed=4)
        for kind, count in ((Diagnosis.AD, 82), (Diagnosis.MCI, 206), (Diagnosis.CN, 111)):
            assert sum(kinds[key] is kind for key in pattern) == round(rate * count)
        assert before.items() <= pattern.items()
        assert all(1 <= len(lost) <= 2 for lost in pattern.values())
        before = pattern


def test_who_else_is_studied_changes_nobodys_pattern(classes):
    kept = tuple(s for s in classes.subjects if s.diagnosis is not Diagnosis.MCI)
    fewer = missing_by_class(replace(classes, subjects=kept), 0.6, seed=1)
    whole = missing_by_class(classes, 0.6, seed=1)
    assert fewer == {s.key: whole[s.key] for s in kept if s.key in whole}


def test_by_class_refuses_whom_it_cannot_place_or_leave_with_a_scan(classes):
    nobody = replace(classes.subjects[0], diagnosis=None)
    rest = classes.subjects[1:]
    with pytest.raises(CohortError, match="sub-P000: has no diagnosis") as raised:
        missing_by_class(replace(classes, subjects=(nobody, *rest)), 0.2, seed=1)
    assert raised.value.code == "E_NO_LABEL"
    poor = classes.subjects[0].without(Modality.MRI, Modality.FDG)
    with pytest.raises(CohortError, match="sub-P000: has 1 of 3 scans") as raised:
        missing_by_class(replace(classes, subjects=(poor, *rest)), 0.2, seed=1)
    assert raised.value.code == "E_INCOMPLETE"
