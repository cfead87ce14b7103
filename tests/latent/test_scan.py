import numpy as np
import pytest
import torch
from makers import GRID, brain

from acadiff.errors import ScanError
from acadiff.latent.scan import read_model_scan, to_volume
from acadiff.modality import Modality
from acadiff.volume.grid import Grid
from acadiff.volume.image import Volume, write_scan
from acadiff.volume.intensity import RobustScale, Window


@pytest.fixture
def written(tmp_path):
    """Writes a volume and returns its path."""

    def write(volume, name="scan.nii.gz"):
        write_scan(tmp_path / name, volume, "SIMULATED test brain")
        return tmp_path / name

    return write


@pytest.mark.parametrize("modality", Modality)
def test_a_scan_comes_back_in_its_unit(written, modality):
    acquired = brain(modality)
    scan = read_model_scan(written(acquired), modality, GRID)
    assert scan.image.shape == (1, *GRID.shape)
    assert scan.image.min() == -1
    again = to_volume(scan.image, modality, GRID, scan.scaling)
    assert again.unit == modality.unit
    assert np.array_equal(again.affine, acquired.affine)
    low, high = scan.scaling.from_model(np.float32([-0.99, 1]))
    inside = (acquired.data > low) & (acquired.data < high)
    assert inside.mean() > 0.2
    np.testing.assert_allclose(again.data[inside], acquired.data[inside], rtol=1e-5)


@pytest.mark.parametrize("modality", Modality)
def test_background_is_minus_one_to_a_network_and_zero_on_disk(written, modality):
    acquired = brain(modality)
    scan = read_model_scan(written(acquired), modality, GRID)
    outside = acquired.data == 0
    assert (scan.image.numpy()[outside] == -1).all()
    again = to_volume(scan.image, modality, GRID, scan.scaling)
    assert (again.data[outside] == 0).all()
    nearly = to_volume(scan.image + 0.005, modality, GRID, scan.scaling)
    assert (nearly.data[outside] == 0).all()


def test_pet_is_scaled_by_the_window_and_mri_by_itself(written):
    assert read_model_scan(written(brain(Modality.FDG)), Modality.FDG, GRID).scaling == Window()
    mri = brain(Modality.MRI)
    found = read_model_scan(written(mri), Modality.MRI, GRID).scaling
    assert isinstance(found, RobustScale)
    twice = Volume(2 * mri.data, mri.affine, mri.modality)
    doubled = read_model_scan(written(twice), Modality.MRI, GRID).scaling
    assert doubled.high == pytest.approx(2 * found.high)


def test_no_answer_is_below_zero_or_other_than_float32():
    image = torch.linspace(-3, 3, int(np.prod(GRID.shape)), dtype=torch.float64)
    made = to_volume(image.reshape(1, *GRID.shape), Modality.AV45, GRID, Window())
    assert made.data.dtype == np.float32
    assert made.data.min() == 0
    assert made.data.max() > 2.5


def test_a_larger_box_is_cropped(written):
    acquired = brain(Modality.FDG)
    padded = np.pad(acquired.data, ((0, 0), (2, 2), (1, 1), (3, 3)))
    affine = acquired.affine.copy()
    affine[:3, 3] -= 8 * np.array([2, 1, 3])
    large = written(Volume(padded, affine, Modality.FDG), "large.nii.gz")
    small = written(acquired)
    one, other = (read_model_scan(p, Modality.FDG, GRID).image for p in (large, small))
    assert torch.equal(one, other)


def test_another_grid_is_refused_by_the_name_of_the_file(written):
    path = written(brain(Modality.FDG, grid=Grid(4)))
    with pytest.raises(ScanError, match=r"scan\.nii\.gz: the FDG-PET lies on another grid"):
        read_model_scan(path, Modality.FDG, GRID)


def test_a_flat_scan_is_refused_by_the_name_of_the_file(written):
    flat = Volume(np.ones((1, *GRID.shape), np.float32), GRID.affine, Modality.MRI)
    with pytest.raises(ScanError, match=r"scan\.nii\.gz: every voxel is 1"):
        read_model_scan(written(flat), Modality.MRI, GRID)
