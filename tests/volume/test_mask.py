import numpy as np
import pytest
from makers import brain
from scipy import ndimage

from acadiff.errors import ScanError
from acadiff.modality import Modality
from acadiff.volume.grid import Grid
from acadiff.volume.image import Volume
from acadiff.volume.mask import brain_mask

MRI = brain(Modality.MRI, grid=Grid(4))


def _changed(*changes):
    data = MRI.data.copy()
    for where, value in changes:
        data[(0, *where)] = value
    return Volume(data, MRI.affine, MRI.modality)


def test_the_mask_is_the_brain():
    assert np.array_equal(brain_mask(MRI), MRI.data[0] > 0)


def test_dark_ventricles_are_brain():
    hole = (slice(18, 22), slice(22, 26), slice(18, 22))
    assert np.array_equal(brain_mask(_changed((hole, 0))), brain_mask(MRI))


def test_specks_apart_are_not():
    assert np.array_equal(brain_mask(_changed(((0, 0, 0), 1.0))), brain_mask(MRI))


def test_faint_noise_around_it_is_not():
    noise = np.random.default_rng(0).random(MRI.data.shape).astype(np.float32) * 0.01
    noisy = Volume(np.where(MRI.data > 0, MRI.data, noise), MRI.affine, MRI.modality)
    assert np.array_equal(brain_mask(noisy), brain_mask(MRI))


@pytest.mark.parametrize(("factor", "offset"), [(1000.0, 0.0), (0.001, 0.0), (1.0, -50.0)])
def test_the_unit_does_not_matter(factor, offset):
    other = Volume(MRI.data * np.float32(factor) + np.float32(offset), MRI.affine, MRI.modality)
    assert np.array_equal(brain_mask(other), brain_mask(MRI))


def test_no_brain_is_an_error():
    flat = Volume(np.zeros_like(MRI.data), MRI.affine, MRI.modality)
    with pytest.raises(ScanError, match="no brain"):
        brain_mask(flat)


@pytest.mark.parametrize("seed", range(5))
def test_holes_are_filled_as_scipy_does(seed):
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(30, 32, 28)), 1.5)
    data = np.where(noise > -0.06, 1 + np.abs(noise), 0).astype(np.float32)
    parts, _ = ndimage.label(data > 0)
    largest = parts == np.bincount(parts.ravel())[1:].argmax() + 1
    expected = ndimage.binary_fill_holes(largest)
    assert (expected > largest).any()
    assert np.array_equal(brain_mask(Volume(data[None], np.eye(4), Modality.MRI)), expected)
