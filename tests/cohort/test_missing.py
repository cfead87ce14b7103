from dataclasses import replace
from pathlib import Path

import pytest

from acadiff.cohort.missing import missing_pattern
from acadiff.cohort.table import Cohort, Scores, Subject
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
