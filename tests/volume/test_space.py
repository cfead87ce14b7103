"""A template is known by its very lattice."""

import numpy as np
import pytest
from nilearn.datasets import load_mni152_template

from acadiff.errors import ScanError
from acadiff.modality import Modality
from acadiff.volume.grid import VOXELS, Grid
from acadiff.volume.image import canonical
from acadiff.volume.space import TEMPLATES, Space, common, detect, remarks

C_SHAPE, C_ORIGIN = (193, 229, 193), (-96, -132, -78)


def lattice(voxel, origin):
    affine = np.diag([voxel, voxel, voxel, 1.0])
    affine[:3, 3] = origin
    return affine


@pytest.mark.parametrize("resolution", [1, 2, 3, 4])
def test_what_nilearn_loads_is_known(resolution):
    image = load_mni152_template(resolution=resolution)
    assert detect(image.shape, image.affine) == Space(("MNI152NLin2009aSym",))


@pytest.mark.parametrize("voxel", VOXELS)
def test_the_models_own_grids_are_known(voxel):
    assert detect(Grid(voxel).shape, Grid(voxel).affine).name == "MNI152NLin2009aSym"


def test_fsl_stores_its_template_from_right_to_left():
    stored = np.diag([-1.0, 1, 1, 1])
    stored[:3, 3] = 90, -126, -72
    turned = canonical(np.zeros((182, 218, 182), np.float32), stored, Modality.MRI)
    assert detect(turned.data.shape[1:], turned.affine).name == "MNI152NLin6Asym"


def test_clinicas_crop_lies_within_its_template():
    crop = detect((169, 208, 179), lattice(1, (-84, -119, -78)))
    assert crop == Space(("MNI152NLin2009cSym",))


def test_a_lattice_of_two_templates_is_settled_by_the_name():
    both = detect(C_SHAPE, lattice(1, C_ORIGIN))
    assert both.names == ("MNI152NLin2009cSym", "MNI152NLin2009cAsym")
    told = detect(C_SHAPE, lattice(1, C_ORIGIN), "MNI152NLin2009cAsym")
    assert told.names == ("MNI152NLin2009cAsym",)
    assert [note.code for note in remarks("a.nii", both)] == ["W_SPACE"]
    assert remarks("a.nii", told) == ()


def test_a_name_may_declare_a_template_on_any_lattice():
    space = detect((60, 70, 60), lattice(3, (-90, -100, -70)), "MNI152NLin6Asym")
    assert space.name == "MNI152NLin6Asym"
    assert [note.code for note in remarks("a.nii", space)] == ["W_TEMPLATE"]


@pytest.mark.parametrize("entity", [None, "T1w", "orig"])
def test_any_other_lattice_is_native(entity):
    assert detect((160, 160, 96), lattice(1.5, (-120, -120, -70)), entity) is None
    assert detect(C_SHAPE, lattice(1, (-96, -132, -77.99)), entity) is None


def test_rounding_of_the_affine_is_forgiven():
    affine = lattice(1, C_ORIGIN) + np.random.default_rng(0).uniform(-9e-4, 9e-4, (4, 4))
    assert detect(C_SHAPE, affine) is not None


@pytest.mark.parametrize("entity", ["fsaverage", "MNIPediatricAsym", "MNI152NLin6Asym", "T1w"])
def test_a_name_that_contradicts_the_lattice_is_refused(entity):
    with pytest.raises(ScanError, match=f"space-{entity}.*MNI152NLin2009cSym") as caught:
        detect(C_SHAPE, lattice(1, C_ORIGIN), entity)
    assert caught.value.code == "E_SPACE"


def test_an_unknown_space_is_refused_whatever_its_lattice():
    with pytest.raises(ScanError, match="space-fsaverage; known are") as caught:
        detect((9, 9, 9), lattice(3, (0, 0, 0)), "fsaverage")
    assert caught.value.code == "E_SPACE"


A, C, CA = Space(("MNI152NLin2009aSym",)), Space(("MNI152NLin2009cSym",)), "MNI152NLin2009cAsym"


@pytest.mark.parametrize(
    ("mri", "fdg", "expected"),
    [
        (None, None, None),
        (A, A, A),
        (Space(("MNI152NLin2009cSym", CA)), Space((CA,)), Space((CA,))),
    ],
)
def test_scans_of_one_space_share_it(mri, fdg, expected):
    assert common({Modality.MRI: mri, Modality.FDG: fdg}) == expected


@pytest.mark.parametrize(("mri", "fdg"), [(A, C), (C, Space((CA,))), (A, None), (None, C)])
def test_mixed_spaces_are_refused(mri, fdg):
    with pytest.raises(ScanError, match="MRI in .*, FDG-PET in ") as caught:
        common({Modality.MRI: mri, Modality.FDG: fdg})
    assert caught.value.code == "E_MIXED_SPACE"


def test_every_lattice_is_of_a_template_that_can_be_named():
    assert {"MNI152NLin2009aSym", "IXI549Space", "MNI152Lin"} <= TEMPLATES
