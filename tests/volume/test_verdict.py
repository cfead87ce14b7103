"""What is said of good scans, which is nothing, and of twelve people's scans gone wrong."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from acadiff import phantom
from acadiff.modality import Modality
from acadiff.phantom import Parameters
from acadiff.volume.alignment import Anatomy
from acadiff.volume.grid import Grid
from acadiff.volume.image import Volume
from acadiff.volume.mask import brain_mask
from acadiff.volume.quality import dice, template_mask
from acadiff.volume.verdict import RULES, broken, examine, outliers

MRI, FDG, AV45 = Modality
PETS = (FDG, AV45)
GRID = Grid(4)


@pytest.fixture(scope="module")
def people():
    """Scans from eight scanners, PET a little beside the MRI as is usual."""
    parameters = Parameters()
    images = replace(parameters.images, misplaced=(1.0, 0.5), sites=8)
    parameters = replace(parameters, images=images)
    found = []
    for index in range(1, 13):
        scans = phantom.render(phantom.enrol(99, index, parameters), GRID.voxel, parameters)
        found.append({m: v.data[0] for m, v in scans.items()})
    return found


def judged(scans, modality, data=None):
    """Measures and codes of one scan of a visit, or of what lies in its place."""
    whole = np.ascontiguousarray(scans[modality] if data is None else data, np.float32)
    mri = whole if modality is MRI else scans[MRI]
    mask = brain_mask(Volume(mri[None], GRID.affine, MRI))
    volume = Volume((whole * mask)[None], GRID.affine, modality)
    known = {"fov": 1.0} | ({} if modality.is_pet else {"dice": dice(mask, template_mask())})
    other = Anatomy(scans[MRI] * mask, mask) if modality.is_pet else None
    measures, problems = examine("x.nii.gz", volume, mask, mask, known, whole, other)
    assert all(p.where == "x.nii.gz" and p.text.startswith("x.nii.gz: ") for p in problems)
    return measures, {problem.code for problem in problems}


def codes(people, modality, wrong):
    """Codes of everybody's scan after `wrong(visit, the next person's)`."""
    pairs = zip(people, people[1:] + people[:1], strict=True)
    return [judged(own, modality, wrong(own, other))[1] for own, other in pairs]


def caught(found, *wanted):
    """Share of the scans of which at least one of these codes is said."""
    return np.mean([bool(said & set(wanted)) for said in found])


def moved(image, by, axis):
    padded = np.pad(image, abs(by))
    return np.roll(padded, by, axis)[(slice(abs(by), -abs(by)),) * 3]


@pytest.mark.parametrize("modality", Modality)
def test_nothing_is_said_of_good_scans(people, modality):
    assert codes(people, modality, lambda own, _: own[modality]) == [set()] * 12


@pytest.mark.parametrize("pet", PETS)
def test_a_pet_of_another_person_is_noticed(people, pet):
    assert caught(codes(people, pet, lambda _, other: other[pet]), "W_QC_PAIR") >= 0.95


@pytest.mark.parametrize("pet", PETS)
@pytest.mark.parametrize(("by", "axis"), [(5, 0), (-5, 1), (5, 2)])
def test_a_pet_that_lies_20_mm_off_is_refused(people, pet, by, axis):
    found = codes(people, pet, lambda own, _: moved(own[pet], by, axis))
    assert caught(found, "E_MISREG") >= 0.95


@pytest.mark.parametrize("modality", Modality)
@pytest.mark.parametrize("axes", [2, 1, (1, 2)])
def test_content_upside_down_or_back_to_front_is_noticed(people, modality, axes):
    found = codes(people, modality, lambda own, _: np.flip(own[modality], axes))
    assert caught(found, "W_FLIP") >= 0.95


@pytest.mark.parametrize("pet", PETS)
def test_pet_and_mri_mirrored_against_each_other_are_noticed(people, pet):
    found = codes(people, pet, lambda own, _: own[pet][::-1])
    assert caught(found, "W_FLIP") >= 0.95


@pytest.mark.parametrize(
    ("called", "shows"),
    [(FDG, AV45), (AV45, FDG), (FDG, MRI), (AV45, MRI), (MRI, FDG), (MRI, AV45)],
)
def test_a_scan_named_after_another_kind_is_noticed(people, called, shows):
    for wrong in (lambda own, _: own[shows], lambda _, other: other[shows]):
        assert caught(codes(people, called, wrong), "W_MODALITY") >= 0.95


def test_a_wrong_unit_or_reference_is_noticed(people):
    for factor in (0.7, 1.4, 5e3):
        found = codes(people, FDG, lambda own, _, factor=factor: own[FDG] * factor)
        assert caught(found, "W_QC_SUVR") == 1


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_can_be_broken_and_kept(rule):
    assert not rule.forbids(rule.least)
    assert not rule.forbids(rule.most)
    assert not rule.forbids(math.nan)
    beyond = rule.least - 0.01 if rule.least > 0 else rule.most + 0.01
    assert rule.forbids(beyond)
    assert broken({rule.measure: beyond}) == {rule.measure}
    assert rule.text.format(beyond)
    assert rule.code.startswith(("E_", "W_"))


def test_what_could_not_be_measured_is_not_judged(people):
    few = np.zeros(GRID.shape, bool)
    few[18:22, 30:34, 26:30] = True
    fdg = Volume((people[0][FDG] * few)[None], GRID.affine, FDG)
    pet, mri = people[0][FDG], Anatomy(people[0][MRI], few)
    measures, problems = examine("x", fdg, few, few, {}, pet, mri)
    unknown = {"texture", "agreement", "mirrored", "moved_mm", "hindbrain", "reference"}
    assert {name for name, value in measures.items() if math.isnan(value)} == unknown
    assert not problems


def test_one_who_is_far_from_the_others_is_flagged_and_nobody_else():
    rng = np.random.default_rng(0)
    rows = [{"brain_ml": 1900 + 40 * rng.normal(), "dice": 0.96} for _ in range(40)]
    assert not any(outliers(rows))
    rows[7]["brain_ml"] = 2300.0
    rows[9]["dice"] = 0.88
    rows[11]["dice"] = math.nan
    assert [n for n, names in enumerate(outliers(rows)) if names] == [7, 9]
    assert outliers(rows)[9] == ("dice",)


def test_a_blurred_or_noisy_mri_is_far_from_its_cohort(people):
    rows = [judged(scans, MRI)[0] for scans in people]
    blurred = ndimage.gaussian_filter(people[3][MRI], 0.64)  # 6 mm FWHM
    noise = 0.1 * np.random.default_rng(0).normal(size=GRID.shape)
    for n, data in ((3, blurred), (5, (people[5][MRI] + noise) * (people[5][MRI] > 0))):
        changed = [*rows]
        changed[n] = judged(people[n], MRI, data)[0]
        assert "texture" in outliers(changed)[n]


def test_a_measure_that_hardly_varies_flags_nobody():
    rows = [{"outside": 0.0, "dice": 0.96}] * 30 + [{"outside": 0.01, "dice": 0.95}]
    assert not any(outliers(rows))
    assert outliers([*rows, {"outside": 0.04}])[-1] == ("outside",)


def test_among_few_nobody_is_far():
    rows = [{"dice": 0.96}] * 8 + [{"dice": 0.1}]
    assert not any(outliers(rows))
    assert any(outliers([*rows, {"dice": 0.96}]))
