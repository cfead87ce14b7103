"""A PET is divided once, by the region that it says, or by ours."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from makers import brain

from acadiff.cohort.candidate import Candidate
from acadiff.errors import ScanError, UsageError
from acadiff.modality import Modality
from acadiff.registration.options import Options
from acadiff.registration.placed import Given, read
from acadiff.registration.suvr import to_suvr
from acadiff.volume.grid import Grid
from acadiff.volume.image import Volume, write_mask, write_scan
from acadiff.volume.regions import reference

GRID = Grid(4)
FOUR = Options(voxel=4)
PETS = (Modality.FDG, Modality.AV45)


def given(tmp_path, modality, suvr=None, factor=1.0):
    """A PET whose reference region takes up `factor`."""
    data = brain(modality, grid=GRID).data.copy()
    where = reference(modality.reference_region, 4)
    data[0][where] = 1.0
    path = tmp_path / "pet.nii.gz"
    write_scan(path, Volume(data * np.float32(factor), GRID.affine, modality), "test")
    return read(Candidate(path, "1", None, modality, suvr=suvr), FOUR, "pet.nii.gz")


def mask_of(one):
    return (one.volume.data[0] != 0) | reference(one.volume.modality.reference_region, 4)


@pytest.mark.parametrize("modality", PETS)
@pytest.mark.parametrize("factor", [1.0, 5400.0, 3e-4])
def test_any_unit_becomes_suvr(tmp_path, modality, factor):
    one = given(tmp_path, modality, factor=factor)
    made, scale, notes = to_suvr(one.volume, one, mask_of(one), FOUR)
    assert scale.region == modality.reference_region
    assert scale.divisor == pytest.approx(factor, rel=1e-5)
    np.testing.assert_allclose(made.data, np.maximum(one.volume.data, 0) / factor, rtol=1e-4)
    assert notes == ()


def test_hot_and_cold_voxels_of_the_region_do_not_count(tmp_path):
    one = given(tmp_path, Modality.AV45)
    where = np.argwhere(reference("whole cerebellum", 4))
    data = one.volume.data.copy()
    data[0][tuple(where[: len(where) // 12].T)] = 50
    data[0][tuple(where[-len(where) // 12 :].T)] = 0
    hot = replace(one.volume, data=data)
    assert to_suvr(hot, one, mask_of(one), FOUR)[1].divisor == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("modality", "own"),
    [
        (Modality.FDG, "pons"),
        (Modality.FDG, "pons2"),
        (Modality.AV45, "whole cerebellum"),
        (Modality.AV45, "cerebellum"),
    ],
)
def test_suvr_of_our_region_is_left_alone(tmp_path, modality, own):
    one = given(tmp_path, modality, own, factor=1.3)
    made, scale, notes = to_suvr(one.volume, one, mask_of(one), FOUR)
    assert scale.divisor == 1
    assert notes == ()
    np.testing.assert_array_equal(made.data[0], np.where(mask_of(one), one.volume.data[0], 0))


@pytest.mark.parametrize("modality", PETS)
def test_suvr_of_another_region_is_divided_anew_and_said(tmp_path, modality):
    one = given(tmp_path, modality, "cerebellumPons", factor=1.3)
    _, scale, (note,) = to_suvr(one.volume, one, mask_of(one), FOUR)
    assert scale.divisor == pytest.approx(1.3, rel=1e-5)
    assert note.code == "W_REFERENCE"
    assert "cerebellumPons" in note.text


def test_suvr_of_an_untold_region_is_kept_and_said(tmp_path):
    one = given(tmp_path, Modality.FDG, "unknown", factor=1.3)
    _, scale, (note,) = to_suvr(one.volume, one, mask_of(one), FOUR)
    assert scale.divisor == 1
    assert note.code == "W_REFERENCE"


def test_what_is_said_to_be_suvr_is_believed(tmp_path):
    one = given(tmp_path, Modality.FDG, factor=7.0)
    made, scale, notes = to_suvr(one.volume, one, mask_of(one), Options(already_suvr=True))
    assert (scale.divisor, notes) == (1, ())
    assert made.data.max() > 2.5


def test_an_own_region_is_drawn_on_a_template(tmp_path):
    own = np.zeros(GRID.shape, bool)
    own[15:20, 20:25, 15:20] = True
    write_mask(tmp_path / "mine.nii.gz", own, GRID.affine, "test")
    options = Options(voxel=4, references={Modality.FDG: tmp_path / "mine.nii.gz"})
    one = given(tmp_path, Modality.FDG, "pons", factor=2.0)
    data = one.volume.data.copy()
    data[0][own] = 3.0
    changed = replace(one.volume, data=data)
    made, scale, _ = to_suvr(changed, one, mask_of(one) | own, options)
    assert scale.region == "mine.nii.gz"
    assert scale.divisor == pytest.approx(3)
    assert made.data[0][own].mean() == pytest.approx(1)


def test_an_own_region_elsewhere_is_refused(tmp_path):
    affine = GRID.affine + np.diag([0.3, 0, 0, 0])
    write_mask(tmp_path / "mine.nii.gz", np.ones(GRID.shape, bool), affine, "test")
    options = Options(voxel=4, references={Modality.FDG: tmp_path / "mine.nii.gz"})
    one = given(tmp_path, Modality.FDG)
    with pytest.raises(ScanError, match="lies on no template") as caught:
        to_suvr(one.volume, one, mask_of(one), options)
    assert caught.value.code == "E_REFERENCE"


@pytest.mark.parametrize("modality", PETS)
def test_a_cold_reference_region_is_refused(tmp_path, modality):
    one = given(tmp_path, modality)
    data = one.volume.data.copy()
    data[0][reference(modality.reference_region, 4)] = 0
    cold = Given(one.candidate, one.scan, one.space, one.where)
    with pytest.raises(ScanError, match="takes up 0") as caught:
        to_suvr(replace(one.volume, data=data), cold, mask_of(one), FOUR)
    assert caught.value.code == "E_REFERENCE"


@pytest.mark.parametrize(
    "options",
    [
        {"voxel": 3},
        {"warp": "bend"},
        {"extraction": "magic"},
        {"nonfinite": "ignore"},
        {"references": {Modality.MRI: Path("x")}},
        {"references": {Modality.FDG: Path("x")}, "already_suvr": True},
    ],
)
def test_options_that_there_are_not_are_refused(options):
    with pytest.raises(UsageError) as caught:
        Options(**options)
    assert caught.value.code == "E_OPTION"
