"""Scans: the laws between voxel sizes, between causes and images, and of reference regions."""

from dataclasses import replace

import numpy as np
import pytest

from acadiff import phantom
from acadiff.modality import Modality
from acadiff.phantom import Chance, Parameters
from acadiff.phantom.parameters import Images
from acadiff.phantom.pet import av45
from acadiff.volume.grid import Grid, grid_of
from acadiff.volume.lattice import block_mean
from acadiff.volume.regions import reference

PET = [m for m in Modality if m.is_pet]


def changed(person, **causes):
    return replace(person, causes=replace(person.causes, **causes))


def with_images(**values):
    return replace(Parameters(), images=replace(Images(), **values))


def correlation(a, b):
    return np.corrcoef(a.ravel(), b.ravel())[0, 1]


@pytest.mark.parametrize("voxel", [4, 8])
def test_coarse_scans_are_averages_of_fine_ones(person, scans, voxel):
    coarse = phantom.render(person, voxel)
    for modality, volume in coarse.items():
        np.testing.assert_array_equal(
            volume.data[0], block_mean(scans[modality].data[0], voxel // 2)
        )
        assert grid_of(volume) == Grid(voxel)


@pytest.mark.slow
def test_the_finest_scans_show_the_same_person(person, scans):
    for modality, volume in phantom.render(person, 1).items():
        assert correlation(block_mean(volume.data[0], 2), scans[modality].data[0]) >= 0.96


def test_a_person_looks_the_same_twice(person, scans):
    again = phantom.render(person, 2)
    for modality in Modality:
        np.testing.assert_array_equal(again[modality].data, scans[modality].data)


def test_people_differ(scans):
    other = phantom.render(phantom.enrol(7, 4, Parameters()), 2)
    for modality in Modality:
        assert correlation(other[modality].data, scans[modality].data) < 0.97


def test_amyloid_changes_av45_alone(person, scans):
    other = phantom.render(changed(person, A=person.causes.A + 1), 2)
    for modality in (Modality.MRI, Modality.FDG):
        np.testing.assert_array_equal(other[modality].data, scans[modality].data)
    assert other[Modality.AV45].data.mean() > 1.1 * scans[Modality.AV45].data.mean()


def test_metabolism_changes_fdg_alone(person, scans):
    other = phantom.render(changed(person, F=person.causes.F + 1), 2)
    for modality in (Modality.MRI, Modality.AV45):
        np.testing.assert_array_equal(other[modality].data, scans[modality].data)
    assert other[Modality.FDG].data.mean() < 0.97 * scans[Modality.FDG].data.mean()


def test_av45_grows_linearly_with_amyloid(person):
    """SUVR(x) = NS(x) + A K(x), but for what spills into the reference region."""
    scene = phantom.scene_of(person, 2, chance=Chance.NOISE_FREE)
    none, one, two = (av45(replace(scene, person=changed(person, A=a))) for a in (0.0, 1.0, 2.0))
    assert np.abs(two - 2 * one + none).mean() < 0.02 * np.abs(two - none).mean()


@pytest.mark.parametrize("modality", PET)
def test_the_reference_region_has_suvr_one(scans, modality):
    """Its error is a few percent in a scan, and nothing where nothing is left to chance."""
    mask = reference(modality.reference_region, 2) & (scans[Modality.MRI].data[0] > 0)
    assert scans[modality].data[0][mask].mean() == pytest.approx(1, abs=0.08)


@pytest.mark.parametrize("modality", PET)
def test_the_average_reference_region_has_suvr_one_exactly(person, modality):
    image = phantom.render(person, 2, chance=Chance.AVERAGE)[modality].data[0]
    mask = reference(modality.reference_region, 2) & (image > 0)
    assert image[mask].mean() == pytest.approx(1, abs=0.003)


def test_the_less_is_left_to_chance_the_further_from_the_scan(person, scans):
    quiet, average = (
        phantom.render(person, 2, chance=c) for c in (Chance.NOISE_FREE, Chance.AVERAGE)
    )
    for modality in Modality:
        truth = scans[modality].data
        errors = [np.abs(v[modality].data - truth).mean() for v in (quiet, average)]
        assert 0 < errors[0] < errors[1]


def test_values_are_those_of_scans(scans):
    brain = scans[Modality.MRI].data > 0
    assert 1600e3 < 8 * brain.sum() < 2200e3
    for modality in Modality:
        assert scans[modality].data.min() == 0
        assert scans[modality].data.dtype == np.float32
    assert 0.5 < scans[Modality.MRI].data[brain].mean() < 0.8
    assert 0.8 < scans[Modality.FDG].data[brain].mean() < 1.6
    assert 0.9 < scans[Modality.AV45].data[brain].mean() < 1.9


def test_misregistration_moves_pet_and_not_mri(person, scans):
    moved = phantom.render(person, 2, with_images(misplaced=(1.0, 0.5)))
    np.testing.assert_array_equal(moved[Modality.MRI].data, scans[Modality.MRI].data)
    for modality in PET:
        assert 0.98 < correlation(moved[modality].data, scans[modality].data) < 1 - 1e-5


def test_sites_change_the_scanner_and_one_site_nothing(person, scans):
    alike = phantom.render(person, 2, with_images(sites=1, site_sd=(3.0, 0.3)))
    other = phantom.render(person, 2, with_images(sites=5))
    for modality in Modality:
        np.testing.assert_array_equal(alike[modality].data, scans[modality].data)
        assert not np.array_equal(other[modality].data, scans[modality].data)
