"""Subject i of a seed is the same person whoever else is asked for."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from acadiff.cohort.table import Diagnosis
from acadiff.phantom import Parameters, Simulation, enrol
from acadiff.phantom.enrolment import MIX, Effect, diagnosis_of


def test_the_cohort_has_exactly_the_mix_of_the_paper(people):
    assert Counter(p.causes.diagnosis for p in people) == MIX


@pytest.mark.parametrize("n", [12, 60, 200, 2056])
def test_any_first_n_are_mixed_alike(n):
    counts = Counter(diagnosis_of(5, index) for index in range(1, n + 1))
    for diagnosis, share in MIX.items():
        assert abs(counts[diagnosis] - n * share / sum(MIX.values())) <= 3


def test_a_subject_does_not_depend_on_how_many_are_asked_for(people):
    few = Simulation(subjects=9, voxel=2, seed=2024).people
    assert few == people[:9]
    assert enrol(2024, 500, Parameters()) == people[499]


def test_seeds_and_subjects_differ(people):
    ages = {p.causes.age for p in people}
    assert len(ages) == len(people)
    assert enrol(2025, 1, Parameters()).causes.age not in ages


def test_the_order_of_diagnoses_is_drawn():
    orders = {tuple(diagnosis_of(seed, i) for i in range(1, 13)) for seed in range(5)}
    assert len(orders) > 1


def test_ids_say_simulated(person):
    assert person.id == "SIM0003"


def test_other_causes_keep_the_same_streams(person):
    other = replace(person, causes=replace(person.causes, A=2.0, diagnosis=Diagnosis.AD))
    draws = [p.stream(Effect.T1_NOISE).random(4) for p in (person, other)]
    np.testing.assert_array_equal(*draws)


def test_every_effect_has_its_own_stream(person):
    firsts = {person.stream(effect).random() for effect in Effect}
    assert len(firsts) == len(Effect)
