"""What is seen at a glance is what the reader sees."""

import gzip

import nibabel as nib
import numpy as np
import pytest
from gaps import encoded, voxels

from acadiff.errors import ScanError
from acadiff.modality import Modality
from acadiff.volume.glance import Leave, glance, peruse
from acadiff.volume.grid import Grid
from acadiff.volume.image import load_scan

ORDERS = [
    np.array([[a, i], [b, j], [3 - a - b, k]])
    for a in range(3) for b in range(3) if a != b
    for i in (1, -1) for j in (1, -1) for k in (1, -1)
]  # fmt: skip


def written(path, image):
    path.write_bytes(gzip.compress(image.to_bytes()))
    return path


@pytest.mark.parametrize("order", ORDERS, ids=lambda o: "".join(map(str, o.ravel())))
def test_shape_and_affine_are_those_of_the_scan_that_is_read(tmp_path, order):
    turn = nib.affines.from_matvec(
        nib.eulerangles.euler2mat(0.2, -0.1, 0.15) @ np.diag([2.0, 3.0, 4.0]), [5, -7, 11]
    )
    image = nib.Nifti1Image(voxels()[:, :10, :8], turn).as_reoriented(order)
    image.set_qform(image.affine, 1)
    path = written(tmp_path / "a.nii.gz", image)
    seen = glance(path, "a", Modality.MRI, None)
    volume = load_scan(path, Modality.MRI).volume
    assert seen.shape == volume.data.shape[1:]
    assert np.allclose(seen.affine, volume.affine, atol=1e-4)
    assert seen.voxel == pytest.approx((2, 3, 4), rel=1e-4)
    assert seen.space is None


@pytest.mark.parametrize("voxel", [4, 8])
def test_a_grid_of_a_model_is_known_and_never_too_coarse(tmp_path, voxel):
    grid = Grid(voxel)
    image = nib.Nifti1Image(np.ones(grid.shape, np.float32), grid.affine)
    path = written(tmp_path / "a.nii.gz", image)
    assert glance(path, "a", Modality.FDG, None).space.name == "MNI152NLin2009aSym"
    moved = grid.affine + np.eye(4)[:, 3:] * 0
    moved[0, 3] += 1
    path = written(tmp_path / "b.nii.gz", nib.Nifti1Image(np.ones((9, 9, 9), np.float32), moved))
    if voxel == 8:
        with pytest.raises(ScanError, match=r"b: its voxels are 8 × 8 × 8 mm") as caught:
            glance(path, "b", Modality.FDG, None)
        assert caught.value.code == "E_VOXSIZE"


def test_the_sentence_has_the_name_that_is_given_and_no_path(tmp_path):
    path = tmp_path / "a.nii.gz"
    path.write_bytes(b"")
    for look in (lambda: glance(path, "sub-1", Modality.MRI, None),
                 lambda: peruse(path, "sub-1", Modality.MRI, None, None)):  # fmt: skip
        with pytest.raises(ScanError) as caught:
            look()
        assert str(caught.value).startswith("sub-1: ")
        assert str(tmp_path) not in str(caught.value)


def test_notes_of_the_reader_are_told_by_that_name_too(tmp_path):
    data = voxels()
    data[0, 0, 0] = np.nan
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(encoded(data)))
    seen = peruse(path, "sub-1", Modality.MRI, None, None, Leave(nonfinite="zero"))
    assert [(n.code, n.where) for n in seen.notes] == [("W_NONFINITE", "sub-1")]
    assert str(tmp_path) not in seen.notes[0].text


@pytest.mark.parametrize(
    ("factor", "suvr", "codes"),
    [(1, "pons", []), (5, "pons", ["W_WINDOW"]), (0.1, "pons", ["W_WINDOW"]), (5000, None, [])],
)
def test_only_what_is_said_to_be_suvr_is_held_against_its_window(tmp_path, factor, suvr, codes):
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(encoded(voxels() * np.float32(factor))))
    seen = peruse(path, "a", Modality.AV45, None, suvr)
    assert [note.code for note in seen.notes] == codes
