from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from acadiff.cohort.split import split
from acadiff.cohort.table import Cohort, Diagnosis, Scores, Subject
from acadiff.errors import CohortError
from acadiff.modality import Modality

MIX = {Diagnosis.AD: 198, Diagnosis.MCI: 495, Diagnosis.CN: 335}
SIZES = {"generator": 600, "classifier": 428}


@pytest.fixture(scope="module")
def cohort():
    scans = {m: Path(m.name) for m in Modality}
    labels = [d for d, count in MIX.items() for _ in range(count)]
    people = [Subject(f"P{i:04}", None, d, Scores(), scans) for i, d in enumerate(labels)]
    return Cohort(Path("x"), tuple(people))


def test_parts_are_disjoint_and_of_their_sizes(cohort):
    parts = split(cohort, SIZES, seed=0)
    assert {part: len(ids) for part, ids in parts.items()} == SIZES
    assert set(parts["generator"]) | set(parts["classifier"]) == set(cohort.ids)
    assert all(list(ids) == sorted(ids) for ids in parts.values())


@pytest.mark.parametrize("seed", range(5))
def test_every_part_has_the_mix_of_the_whole(cohort, seed):
    sizes = {"train": 480, "val": 60, "test": 60, "rest": 428}
    for ids in split(cohort, sizes, seed).values():
        counts = Counter(subject.diagnosis for subject in cohort.named(ids).subjects)
        for diagnosis, total in MIX.items():
            expected = len(ids) * total / len(cohort.subjects)
            assert abs(counts[diagnosis] - expected) <= 2


def test_the_order_of_the_table_does_not_matter(cohort):
    turned = replace(cohort, subjects=cohort.subjects[::-1])
    assert split(turned, SIZES, seed=3) == split(cohort, SIZES, seed=3)


def test_the_seed_matters(cohort):
    assert split(cohort, SIZES, seed=1) != split(cohort, SIZES, seed=2)


@pytest.mark.parametrize("sizes", [{"a": 1000, "b": 29}, {"a": -1}])
def test_impossible_sizes_are_refused(cohort, sizes):
    with pytest.raises(CohortError, match="1028"):
        split(cohort, sizes, seed=0)


def test_people_without_a_diagnosis_are_a_group_of_their_own(cohort):
    people = [replace(s, diagnosis=None) if i % 2 else s for i, s in enumerate(cohort.subjects)]
    parts = split(replace(cohort, subjects=tuple(people)), {"a": 514}, seed=0)
    unknown = {s.id for s in people if s.diagnosis is None}
    assert abs(len(unknown & set(parts["a"])) - 257) <= 2


def test_all_visits_of_a_person_stay_together(cohort):
    later = [replace(s, session="M012", diagnosis=None) for s in cohort.subjects[::2]]
    visits = replace(cohort, subjects=(*cohort.subjects, *later))
    assert split(visits, {"train": 200, "test": 100}, 3) == split(
        cohort, {"train": 200, "test": 100}, 3
    )
