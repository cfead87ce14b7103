"""A visit on a template: every scan finds its place, and what cannot is told alone."""

import gzip
from itertools import permutations, product

import native
import nibabel as nib
import numpy as np
import pytest
from nibabel.orientations import apply_orientation, inv_ornt_aff, ornt2axcodes

from acadiff import phantom
from acadiff.cohort.candidate import Candidate
from acadiff.modality import Modality
from acadiff.phantom import Parameters
from acadiff.registration.options import Options
from acadiff.registration.visit import prepare
from acadiff.volume.grid import Grid
from acadiff.volume.image import Volume, write_mask, write_scan
from acadiff.volume.resample import onto

MRI, FDG, AV45 = Modality
FOUR = Options(voxel=4, already_suvr=True)
SCANS = phantom.render(phantom.enrol(31, 1, Parameters()), 4)
C2 = (97, 115, 97), np.array([[2, 0, 0, -96.5], [0, 2, 0, -132.5], [0, 0, 2, -78.5], [0, 0, 0, 1]])


def visit(folder, scans, options=FOUR, **entities):
    """Write volumes, or take paths, and prepare them."""
    candidates = {}
    for modality, scan in scans.items():
        path = scan
        if isinstance(scan, Volume):
            path = folder / f"{modality.name}.nii.gz"
            write_scan(path, scan, "SIMULATED")
        candidates[modality] = Candidate(path, "1", None, modality, **entities)
    return prepare("sub-1", candidates, options, folder, folder)


def codes(made):
    return sorted(problem.code for problem in made.problems)


def turned(volume, mm, axis=1):
    """Content moved, header as it was."""
    data = np.roll(volume.data, round(mm / 4), axis + 1)
    return Volume(data, volume.affine, volume.modality)


def test_what_lies_on_the_grid_keeps_every_value_of_the_brain(tmp_path):
    made = visit(tmp_path, SCANS)
    assert codes(made) == []
    assert (made.space, made.extraction) == ("MNI152NLin2009aSym", "stripped")
    for modality, scanned in made.scans.items():
        np.testing.assert_array_equal(
            scanned.volume.data[0], np.where(made.mask, SCANS[modality].data[0], 0)
        )
        assert scanned.linear is None
        assert scanned.measures["fov"] == 1


@pytest.mark.slow
def test_all_48_orders_of_the_axes_give_the_same(tmp_path):
    data, affine = SCANS[MRI].data[0], SCANS[MRI].affine
    first = visit(tmp_path, {MRI: SCANS[MRI]}).scans[MRI].volume.data
    names = set()
    for order in permutations(range(3)):
        for signs in product((1, -1), repeat=3):
            orientation = np.array(list(zip(order, signs, strict=True)), float)
            names.add("".join(ornt2axcodes(orientation)))
            image = nib.Nifti1Image(
                apply_orientation(data, orientation),
                affine @ inv_ornt_aff(orientation, data.shape),
            )
            path = tmp_path / "turned.nii.gz"
            path.write_bytes(gzip.compress(image.to_bytes(), 1))
            made = visit(tmp_path, {MRI: path})
            np.testing.assert_allclose(made.scans[MRI].volume.data, first, atol=1e-6)
    assert len(names) == 48


def test_a_template_of_another_lattice_is_resampled_once(tmp_path):
    moved = {m: onto(v, *C2) for m, v in SCANS.items()}
    made = visit(tmp_path, moved, space="MNI152NLin2009cAsym")
    assert made.space == "MNI152NLin2009cAsym"
    assert codes(made) == []
    for modality, scanned in made.scans.items():
        inside = made.mask & (SCANS[modality].data[0] > 0)
        both = scanned.volume.data[0][inside], SCANS[modality].data[0][inside]
        assert np.corrcoef(*both)[0, 1] > 0.97


def test_mixed_spaces_refuse_the_visit(tmp_path):
    mixed = SCANS | {FDG: onto(SCANS[FDG], *C2)}
    made = visit(tmp_path, mixed)
    assert made.scans == {}
    (problem,) = (p for p in made.problems if p.code == "E_MIXED_SPACE")
    assert problem.where == "sub-1"
    assert problem.text.startswith(
        "sub-1: the scans lie in different spaces: MRI in MNI152NLin2009a"
    )


def test_one_damaged_scan_leaves_the_others(tmp_path):
    made = visit(tmp_path, SCANS)
    path = tmp_path / "FDG.nii.gz"
    path.write_bytes(path.read_bytes()[:-9])
    paths = {m: tmp_path / f"{m.name}.nii.gz" for m in Modality}
    made = visit(tmp_path, paths)
    assert set(made.scans) == {MRI, AV45}
    (problem,) = made.problems
    assert problem.code.startswith("E_")
    assert problem.where == "FDG.nii.gz"
    assert problem.text.startswith("FDG.nii.gz: ")


def test_without_an_mri_a_bare_pet_tells_the_brain(tmp_path):
    made = visit(tmp_path, {m: v for m, v in SCANS.items() if m.is_pet})
    assert set(made.scans) == {FDG, AV45}
    assert made.extraction == "stripped"
    overlap = made.mask & (SCANS[MRI].data[0] > 0)
    assert 2 * overlap.sum() / (made.mask.sum() + (SCANS[MRI].data[0] > 0).sum()) > 0.98


def test_an_mri_that_lies_elsewhere_takes_nothing_with_it(tmp_path):
    made = visit(tmp_path, SCANS | {MRI: turned(SCANS[MRI], 40)})
    assert set(made.scans) == {FDG, AV45}
    assert "E_MISREG" in codes(made)


@pytest.mark.parametrize("tracer", [FDG, AV45])
def test_a_pet_that_lies_elsewhere_is_refused(tmp_path, tracer):
    made = visit(tmp_path, SCANS | {tracer: turned(SCANS[tracer], 20)})
    assert tracer not in made.scans
    assert MRI in made.scans
    assert "E_MISREG" in codes(made)


def test_a_slab_is_refused(tmp_path):
    scan = SCANS[MRI]
    slab = Volume(np.ascontiguousarray(scan.data[..., 18:]), scan.affine.copy(), MRI)
    slab.affine[2, 3] += 18 * 4
    made = visit(tmp_path, {MRI: slab}, space="MNI152NLin2009aSym")
    assert made.scans == {}
    assert "E_FOV" in codes(made)


def test_thick_slices_are_refused(tmp_path):
    shape, affine = (80, 96, 26), Grid(2).affine @ np.diag([1, 1, 3.5, 1])
    thick = onto(SCANS[MRI], shape, affine)
    made = visit(tmp_path, {MRI: thick})
    assert codes(made) == ["E_VOXSIZE"]
    assert "2 × 2 × 7 mm" in made.problems[0].text


def test_a_head_on_a_template_is_stripped_by_the_template(tmp_path):
    whole = native.head(onto(SCANS[MRI], Grid(2).shape, Grid(2).affine))
    made = visit(tmp_path, {MRI: whole}, space="MNI152NLin2009aSym")
    assert made.extraction == "template"
    assert codes(made) == []
    truth = SCANS[MRI].data[0] > 0
    assert 2 * (made.mask & truth).sum() / (made.mask.sum() + truth.sum()) > 0.9


def test_a_mask_beside_the_mri_is_the_brain(tmp_path):
    mask = SCANS[MRI].data[0] > 0
    mask[:, :, :5] = False
    write_scan(tmp_path / "sub-1_T1w.nii.gz", SCANS[MRI], "SIMULATED")
    write_mask(tmp_path / "sub-1_desc-brain_mask.nii.gz", mask, Grid(4).affine, "test")
    made = visit(tmp_path, {MRI: tmp_path / "sub-1_T1w.nii.gz"})
    assert made.extraction == "mask"
    assert np.array_equal(made.mask, mask)
    assert made.scans[MRI].volume.data[0][~mask].max() == 0


def holed(volume, where):
    data = volume.data.copy()
    data[(0, *where)] = np.nan
    image = nib.Nifti1Image(data[0], volume.affine)
    return gzip.compress(image.to_bytes(), 1)


@pytest.mark.parametrize(("where", "code"), [((20, 24, 20), "E_NONFINITE"), ((0, 0, 0), None)])
def test_holes_outside_the_brain_may_be_filled(tmp_path, where, code):
    path = tmp_path / "holed.nii.gz"
    path.write_bytes(holed(SCANS[FDG], where))
    scans = {MRI: SCANS[MRI], FDG: path}
    assert "E_NONFINITE" in codes(visit(tmp_path, scans))
    filled = Options(voxel=4, already_suvr=True, nonfinite="zero-outside-mask")
    made = visit(tmp_path, scans, filled)
    assert ("E_NONFINITE" in codes(made)) == bool(code)
    assert (FDG in made.scans) == (code is None)


def test_an_mri_below_zero_keeps_its_background_darkest(tmp_path):
    scan = SCANS[MRI]
    standard = Volume(np.where(scan.data > 0, scan.data - np.float32(0.6), -1), scan.affine, MRI)
    made = visit(tmp_path, {MRI: standard}).scans[MRI].volume.data[0]
    assert made.min() == 0
    inside = scan.data[0] > 0
    assert np.corrcoef(made[inside], scan.data[0][inside])[0, 1] > 0.999
