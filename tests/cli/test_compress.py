import nibabel
import numpy as np
import pytest
from brook import CHANGES, contents
from makers import HEADER, brain, write_cohort

from acadiff.bids import Name
from acadiff.cli import main
from acadiff.modality import Modality

MRI = Modality.MRI
TINY = [*(f"--set={change}" for change in CHANGES), "--device=cpu"]
NOBODY = "\tAD" + "\tn/a" * 6
ROWS = [f"sub-{n:03}" + NOBODY for n in range(1, 13)]


def test_again_changes_no_byte(cohort, work, capsys):
    before = contents(work)
    assert main(["compress", str(cohort), str(work), *TINY]) == 0
    assert contents(work) == before
    assert capsys.readouterr().out == f"{work / 'codecs'}\n"


@pytest.mark.parametrize("change", ["split.seed=3", "split.train=7", "codec.channels=8"])
def test_another_recipe_leaves_a_work_folder_alone(change, cohort, work, refused):
    before = contents(work)
    sentence = refused(65, "compress", cohort, work, *TINY, "--set", change)
    assert "another work folder" in sentence
    assert contents(work) == before


def test_an_absent_cohort_is_told(tmp_path, refused):
    no = tmp_path / "no"
    assert refused(66, "compress", no, tmp_path / "w", *TINY).startswith(str(no))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([], "the cohort is empty"),
        (["sub-../../evil" + NOBODY], "participants.tsv line 2, "),
        (["/etc" + NOBODY], "participants.tsv line 2, "),
        (["sub-001\tAD\tn/a\tn/a\tn/a\t34\tn/a\tn/a"], "line 2, sub-001: MMSE is 34"),
    ],
)
def test_a_cohort_that_cannot_be_is_refused(rows, sentence, tmp_path, refused):
    root = tmp_path / "cohort"
    root.mkdir()
    (root / "participants.tsv").write_text("\n".join([HEADER, *rows, ""]))
    assert sentence in refused(65, "compress", root, tmp_path / "work", *TINY)
    assert [p.name for p in tmp_path.iterdir()] == ["cohort"]


def test_too_few_people_for_the_split_are_counted(tmp_path, refused):
    cohort = write_cohort(tmp_path / "cohort", ROWS[:3])
    sentence = refused(65, "compress", cohort, tmp_path / "work", *TINY)
    assert "need 12 subjects, " in sentence
    assert sentence.endswith("has 3; ask for fewer")
    assert not (tmp_path / "work").exists()


def _nan(data, affine):
    data[5, 5, 5] = np.nan


def _constant(data, affine):
    data[:] = 1


def _finer(data, affine):
    affine[:3, :3] /= 2


def _beside(data, affine):
    affine[0, 3] += 3


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (_nan, "1 of 9600 voxels are not finite"),
        (_constant, "every voxel is 1"),
        (_finer, "lies on another grid (voxel sizes or axes differ)"),
        (_beside, "voxels apart"),
    ],
)
def test_a_scan_that_cannot_be_used_is_named(spoil, why, tmp_path, refused):
    cohort = write_cohort(tmp_path / "cohort", ROWS)
    volume = brain(MRI)
    data, affine = np.array(volume.data[0]), np.array(volume.affine)
    spoil(data, affine)
    for row in ROWS:  # whoever is trained on
        nibabel.Nifti1Image(data, affine).to_filename(cohort / Name(row[4:7], MRI).path())
    sentence = refused(65, "compress", cohort, tmp_path / "work", *TINY)
    assert sentence.startswith(f"{cohort / 'sub-0'}")
    assert "_T1w.nii.gz: " in sentence
    assert why in sentence
    assert not (tmp_path / "work" / "codecs").exists()


def test_another_voxel_size_is_refused(tmp_path, refused):
    cohort = write_cohort(tmp_path / "cohort", ROWS)
    sentence = refused(65, "compress", cohort, tmp_path / "work", *TINY, "--set", "voxel=4")
    assert "lies on another grid" in sentence
    assert sentence.endswith("resample it first")
    assert not (tmp_path / "work" / "codecs").exists()


def test_a_modality_that_nobody_has_is_told(tmp_path, refused):
    lacking = {(row[4:7], MRI) for row in ROWS}
    cohort = write_cohort(tmp_path / "cohort", ROWS, lacking)
    sentence = refused(65, "compress", cohort, tmp_path / "work", *TINY)
    assert sentence == "no training subject has a MRI; a codec needs some"
