"""PET and MRI of twelve simulated people: who belongs to whom, and what lies where."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from acadiff import phantom
from acadiff.modality import Modality
from acadiff.phantom import Parameters
from acadiff.volume.alignment import Anatomy
from acadiff.volume.mask import brain_mask

STRANGER = 0.4
MISPLACED_MM = 10
PETS = [m for m in Modality if m.is_pet]


@pytest.fixture(scope="module")
def people():
    """`(scans, mask)` of people whose PET lies on the MRI as well as is usual, 1 mm and 0.5°."""
    usual = replace(Parameters().images, misplaced=(1.0, 0.5), sites=8)
    parameters = replace(Parameters(), images=usual)
    found = []
    for index in range(1, 13):
        scans = phantom.render(phantom.enrol(77, index, parameters), 4, parameters)
        mask = brain_mask(scans[Modality.MRI])
        found.append(({m: v.data[0] for m, v in scans.items()}, mask))
    return found


def moved(image, mm, axis):
    """Whatever leaves the box on one side is lost, and nothing comes in on the other."""
    by = round(mm / 4)
    padded = np.pad(image, abs(by))
    return np.roll(padded, by, axis)[(slice(abs(by), -abs(by)),) * 3]


@pytest.mark.slow
@pytest.mark.parametrize("tracer", PETS)
def test_one_is_known_from_a_stranger(people, tracer):
    own = [Anatomy(scans[Modality.MRI], mask).agreement(scans[tracer]) for scans, mask in people]
    assert min(own) > STRANGER
    swapped = [
        Anatomy(scans[Modality.MRI], mask).agreement(other[tracer] * mask)
        for (scans, mask), (other, _) in permutations(people, 2)
    ]
    assert np.mean(np.array(swapped) < STRANGER) >= 0.95


@pytest.mark.parametrize("tracer", PETS)
def test_a_pet_lies_where_it_lies(people, tracer):
    for scans, mask in people[:4]:
        mri, pet = scans[Modality.MRI], scans[tracer]
        assert Anatomy(mri, mask).displacement(pet) <= 4
        for axis, mm in ((0, 20), (1, -20), (2, 28)):
            away = moved(pet, mm, axis)
            assert Anatomy(mri, mask).displacement(away) == pytest.approx(abs(mm), abs=4)
            assert Anatomy(mri, mask).displacement(away * mask) >= MISPLACED_MM
            assert Anatomy(mri, mask).agreement(away) < STRANGER


@pytest.mark.parametrize("tracer", PETS)
def test_left_and_right_of_pet_and_mri_are_held_together(people, tracer):
    for scans, mask in people[:4]:
        mri, mirrored = scans[Modality.MRI], scans[tracer][::-1] * mask
        told = Anatomy(mri, mask).agreement
        assert told(mirrored) < STRANGER < told(mirrored[::-1])


@pytest.mark.parametrize("tracer", PETS)
def test_the_unit_is_of_no_account(people, tracer):
    scans, mask = people[0]
    mri, pet = scans[Modality.MRI], scans[tracer]
    assert Anatomy(mri / 9, mask).agreement(7e3 * pet) == pytest.approx(
        Anatomy(mri, mask).agreement(pet), abs=1e-4
    )
    assert Anatomy(mri / 9, mask).displacement(7e3 * pet) == Anatomy(mri, mask).displacement(pet)


@pytest.mark.parametrize("empty", [np.zeros_like, np.ones_like])
def test_what_shows_nothing_agrees_with_nothing(people, empty):
    scans, mask = people[0]
    mri, pet = scans[Modality.MRI], scans[Modality.FDG]
    assert Anatomy(mri, mask).agreement(empty(pet)) < 0.2
    assert Anatomy(empty(mri), mask).agreement(pet) < 0.2
    assert np.isfinite(Anatomy(mri, mask).displacement(empty(pet)))


def test_without_a_brain_there_is_no_answer(people):
    scans, mask = people[0]
    few = np.zeros_like(mask)
    few[20:25, 20:25, 20:25] = True
    told = Anatomy(scans[Modality.MRI], few)
    for measure in (told.agreement, told.displacement):
        assert np.isnan(measure(scans[Modality.FDG]))
