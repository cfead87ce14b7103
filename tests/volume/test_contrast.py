"""MRI, FDG and AV45 are told apart by what they show, whatever they are called."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from acadiff import phantom
from acadiff.modality import Modality
from acadiff.phantom import Parameters
from acadiff.volume.contrast import kind, texture
from acadiff.volume.mask import brain_mask
from acadiff.volume.quality import hindbrain


@pytest.fixture(scope="module")
def people():
    """`(scans, mask)` of people from eight scanners, PET a little beside the MRI."""
    parameters = Parameters()
    images = replace(parameters.images, misplaced=(1.0, 0.5), sites=8)
    parameters = replace(parameters, images=images)
    found = []
    for index in range(1, 13):
        scans = phantom.render(phantom.enrol(88, index, parameters), 4, parameters)
        found.append(({m: v.data[0] for m, v in scans.items()}, brain_mask(scans[Modality.MRI])))
    return found


@pytest.mark.parametrize("modality", Modality)
def test_every_scan_is_taken_for_what_it_is(people, modality):
    for scans, mask in people:
        data = scans[modality]
        assert kind(texture(data, mask), hindbrain(data, mask)) is modality


def test_a_blurred_mri_is_no_pet(people):
    for scans, mask in people:
        data = ndimage.gaussian_filter(scans[Modality.MRI], 1)
        assert kind(texture(data, mask), hindbrain(data, mask)) in (Modality.MRI, None)


def test_the_unit_is_of_no_account(people):
    scans, mask = people[0]
    for data in scans.values():
        assert texture(9e3 * data, mask) == pytest.approx(texture(data, mask), rel=1e-3)


def test_what_shows_nothing_is_nothing(people):
    scans, mask = people[0]
    few = np.zeros_like(mask)
    few[20:24, 20:24, 20:24] = True
    for value in (
        texture(np.ones_like(scans[Modality.MRI]), mask),
        texture(scans[Modality.MRI], few),
    ):
        assert math.isnan(value)
        assert kind(value, 0.5) is None
    assert kind(0.2, math.nan) is None
