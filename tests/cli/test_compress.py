import json
import shutil

import numpy as np
import pytest
from makers import HEADER, brain, write_cohort
from tiny import ROWS, TINY, contents

from acadiff.bids import Name
from acadiff.cli import main
from acadiff.modality import Modality
from acadiff.volume.grid import Grid
from acadiff.volume.image import write_scan

MRI = Modality.MRI


def test_it_writes_a_split_and_for_each_modality_a_codec_and_latents(work):
    rows = (work / "split.tsv").read_text().splitlines()
    assert sorted(row.split("\t")[1] for row in rows[1:]) == ["test", *["train"] * 3, "validation"]
    for modality in Modality:
        record = json.loads((work / "codecs" / modality.name / "codec.json").read_text())
        assert record["modality"] == modality.name
        assert (work / "latents" / f"{modality.name}.safetensors").is_file()
    assert json.loads((work / "codecs/MRI/codec_eval.json").read_text())["subjects"] == 1


def test_again_changes_no_byte(cohort, work):
    before = contents(work)
    assert main(["compress", str(cohort), str(work), *TINY]) == 0
    assert contents(work) == before


@pytest.mark.parametrize("change", ["split.seed=3", "split.train=4", "codec.channels=8"])
def test_another_recipe_leaves_a_work_folder_alone(change, cohort, work, refused):
    before = contents(work)
    sentence = refused(65, "compress", cohort, work, *TINY, "--set", change)
    assert "another work folder" in sentence
    assert contents(work) == before


def test_an_absent_cohort_is_told(tmp_path, refused):
    assert refused(66, "compress", tmp_path / "no", tmp_path / "w", *TINY).startswith(
        str(tmp_path / "no")
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([], "the cohort is empty"),
        (["sub-../../evil\tAD" + "\tn/a" * 6], "participants.tsv line 2, "),
        (["/etc\tAD" + "\tn/a" * 6], "participants.tsv line 2, "),
        (["sub-001\tAD\tn/a\tn/a\tn/a\t34\tn/a\tn/a"], "line 2, sub-001: MMSE is 34"),
        (["sub-001\tAD" + "\tn/a" * 6], "need 5 subjects, "),
    ],
)
def test_a_cohort_that_cannot_be_is_refused(rows, sentence, tmp_path, refused):
    root = tmp_path / "cohort"
    root.mkdir()
    (root / "participants.tsv").write_text("\n".join([HEADER, *rows, ""]))
    if len(rows) == 1 and "\tAD\tn/a\tn/a\tn/a\tn/a" in rows[0] and rows[0][4] == "0":
        write_scan(root / Name("001", MRI).path(), brain(MRI), "SIMULATED test brain")
    assert sentence in refused(65, "compress", root, tmp_path / "work", *TINY)
    assert [p.name for p in tmp_path.iterdir()] == ["cohort"]


def spoil(volume, how):
    """A scan that cannot be one."""
    data = np.array(volume.data)
    if how == "NaN":
        data[0, 5, 5, 5] = np.nan
    else:
        data[:] = 1
    return data


@pytest.mark.parametrize(
    ("how", "why"), [("NaN", "1 of 9600 voxels are not finite"), ("constant", "every voxel is 1")]
)
def test_a_scan_that_cannot_be_one_is_named(how, why, cohort, tmp_path, refused):
    import nibabel

    path = cohort / Name("003", MRI).path()
    volume = brain(MRI)
    nibabel.Nifti1Image(spoil(volume, how)[0], volume.affine).to_filename(path)
    sentence = refused(65, "compress", cohort, tmp_path / "w", *TINY, "--set", "split.train=4")
    assert sentence.startswith(f"{path}: ")
    assert why in sentence
    assert not (tmp_path / "w" / "codecs").exists()


def test_another_voxel_size_is_refused(cohort, tmp_path, refused):
    sentence = refused(65, "compress", cohort, tmp_path / "w", *TINY, "--set", "voxel=4")
    assert "lies on another grid" in sentence
    assert "resample it first" in sentence
    assert not (tmp_path / "w" / "codecs").exists()


def test_a_box_between_two_grids_is_refused(cohort, tmp_path, refused):
    volume = brain(MRI)
    affine = Grid(8).affine
    affine[0, 3] += 3
    for row in ROWS:
        path = cohort / Name(row[4:7], MRI).path()
        write_scan(path, type(volume)(volume.data, affine, MRI), "SIMULATED test brain")
    sentence = refused(65, "compress", cohort, tmp_path / "w", *TINY)
    assert "voxels apart" in sentence


def test_a_modality_that_nobody_has_is_told(tmp_path, refused):
    lacking = {(row[4:7], Modality.FDG) for row in ROWS}
    cohort = write_cohort(tmp_path / "cohort", ROWS, lacking)
    sentence = refused(65, "compress", cohort, tmp_path / "w", *TINY)
    assert sentence.startswith("no training subject has a FDG-PET")
    shutil.rmtree(tmp_path / "w")
