import json
import shutil

import nibabel
import numpy as np
import pytest
from makers import brain
from tiny import contents

from acadiff.bids import Name
from acadiff.cli import main
from acadiff.modality import Modality
from acadiff.volume.grid import Grid
from acadiff.volume.image import read_synthetic, write_scan

MRI, FDG, AV45 = Modality
MEAN = ("--method", "mean")


def imputed(root):
    """The (subject, target) of every finished imputation."""
    records = root.rglob("*_desc-synth_*.json")
    return {(p.name[4:7], json.loads(p.read_text())["TargetModality"]) for p in records}


def test_it_fills_in_every_scan_that_is_missing(cohort, work, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["impute", str(cohort), str(out), "--model", str(work), *MEAN]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert imputed(out) == {("005", "FDG"), ("006", "FDG"), ("006", "AV45")}
    assert not list(out.rglob("*synthdraws*"))
    counts = json.loads((out / "run.json").read_text())
    assert counts == {"requested": 3, "skipped": 0, "failed": {}, "done": 3}


def test_a_trained_generator_draws_as_often_as_asked(cohort, work, tmp_path):
    arguments = ("--target", "fdg", "--participant-label", "sub-006", "--draws", "2")
    out = tmp_path / "out"
    assert (
        main(["impute", str(cohort), str(out), "--model", str(work), *arguments, "--keep-draws"])
        == 0
    )
    assert imputed(out) == {("006", "FDG")}
    (draws,) = out.rglob("*synthdraws*.nii.gz")
    assert nibabel.load(draws).shape == (*Grid(8).shape, 2)
    (mean,) = out.rglob("*desc-synth_pet.nii.gz")
    assert np.allclose(read_synthetic(mean, FDG).affine, Grid(8).affine)


def test_again_skips_what_is_done_and_changes_no_byte(cohort, work, tmp_path):
    command = ["impute", str(cohort), str(tmp_path / "out"), "--model", str(work), *MEAN]
    main(command)
    before = contents(tmp_path / "out")
    assert main(command) == 0
    after = contents(tmp_path / "out")
    run = next(path for path in after if path.name == "run.json")
    assert json.loads(after.pop(run)) | {"skipped": 0} == json.loads(before.pop(run))
    assert after == before


def test_scans_that_exist_are_imputed_again_from_the_sources_that_are_named(
    cohort, work, tmp_path
):
    arguments = ("--source", "MRI", "--participant-label", "001", "--participant-label", "005")
    out = tmp_path / "out"
    assert main(["impute", str(cohort), str(out), "--model", str(work), *MEAN, *arguments]) == 0
    assert imputed(out) == {(s, m) for s in ("001", "005") for m in ("FDG", "AV45")}
    for path in out.rglob("*_desc-synth_*.json"):
        assert json.loads(path.read_text())["AvailableModalities"] == ["MRI"]


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["--draws", "0"], 64, "Invalid value for '--draws'"),
        (["--seed", "-1"], 64, "Invalid value for '--seed'"),
        (["--source", "CT"], 64, "no modality 'CT'"),
        (["--source", "FDG"], 65, "sub-005 has no such scan at all"),
        (["--participant-label", "001"], 65, "no scan is missing"),
        (["--participant-label", "999"], 65, "there is no sub-999 in participants.tsv"),
        (["--participant-label", "../../evil"], 65, "participant id is '../../evil'"),
        (["--participant-label", "sub-001/anat"], 65, "participant id is '001/anat'"),
        (["--model", "nope"], 66, "nope: no such model folder"),
        (["--method", "magic"], 66, "holds no trained magic"),
    ],
)
def test_what_cannot_be_imputed_writes_nothing(
    arguments, status, sentence, cohort, work, tmp_path, refused
):
    out = tmp_path / "out"
    sentence_found = refused(status, "impute", cohort, out, "--model", work, *MEAN, *arguments)
    assert sentence in sentence_found
    assert not out.exists()


def test_an_absent_cohort_is_told(work, tmp_path, refused):
    no, out = tmp_path / "no", tmp_path / "out"
    assert str(no) in refused(66, "impute", no, out, "--model", work, *MEAN)
    assert not out.exists()


def test_somebody_without_any_scan_is_named(cohort, work, tmp_path, refused):
    for target in (MRI,):
        (cohort / Name("006", target).path()).unlink()
    sentence = refused(65, "impute", cohort, tmp_path / "out", "--model", work, *MEAN)
    assert sentence.startswith("sub-006 has no scan at all")
    assert not (tmp_path / "out").exists()


def test_a_target_without_a_generator_is_told(cohort, work, tmp_path, refused):
    out = tmp_path / "out"
    sentence = refused(1, "impute", cohort, out, "--model", work, "--target", "AV45")
    assert "sub-006 AV45-PET" in sentence
    assert "holds no generator for AV45-PET" in sentence
    assert not list(out.rglob("*.nii.gz"))


def _spoil(path, modality, how):
    volume = brain(modality)
    data, affine = np.array(volume.data[0]), np.array(volume.affine)
    if how == "NaN":
        data[5, 5, 5] = np.nan
    elif how == "constant":
        data[:] = 1
    elif how == "grid":
        affine[:3, :3] /= 2
    nibabel.Nifti1Image(data, affine).to_filename(path)
    if how == "cut":
        path.write_bytes(path.read_bytes()[:-40])


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("NaN", "are not finite numbers"),
        ("constant", "every voxel is 1"),
        ("grid", "lies on another grid"),
        ("cut", "is damaged"),
    ],
)
def test_a_spoilt_source_fails_its_subject_and_no_other(how, why, cohort, work, tmp_path, refused):
    _spoil(cohort / Name("005", MRI).path(), MRI, how)
    out = tmp_path / "out"
    sentence = refused(1, "impute", cohort, out, "--model", work, *MEAN)
    assert sentence.startswith("1 scan(s) failed, all others are done. sub-005 FDG-PET: ")
    assert why in sentence
    assert imputed(out) == {("006", "FDG"), ("006", "AV45")}
    assert not list(out.glob("sub-005/**/*.nii.gz"))
    assert "sub-005 FDG-PET" in json.loads((out / "run.json").read_text())["failed"]


def test_acquired_scans_and_other_datasets_are_not_written_over(cohort, work, tmp_path, refused):
    before = contents(cohort)
    sentence = refused(73, "impute", cohort, cohort / "sub-001", "--model", work, *MEAN)
    assert "write to its derivatives/" in sentence
    assert contents(cohort) == before
    other = tmp_path / "other"
    shutil.copytree(cohort, other)
    assert "holds another dataset" in refused(73, "impute", cohort, other, "--model", work, *MEAN)
    assert contents(other) == before


@pytest.mark.parametrize(
    "part", ["codecs/MRI/codec.safetensors", "generators/mean-FDG/generator.safetensors"]
)
def test_damaged_weights_are_named(part, cohort, work, tmp_path, refused):
    path = work / part
    path.write_bytes(path.read_bytes()[:-4] + b"\0\1\2\3")
    assert str(path) in refused(65, "impute", cohort, tmp_path / "o", "--model", work, *MEAN)
    assert not (tmp_path / "o").exists()


def test_a_generator_of_other_codecs_is_refused(cohort, work, tmp_path, refused):
    record = work / "generators/mean-FDG/generator.json"
    held = json.loads(record.read_text())
    held["codecs"]["FDG"] = "0" * 64
    record.write_text(json.dumps(held))
    sentence = refused(65, "impute", cohort, tmp_path / "o", "--model", work, *MEAN)
    assert "was trained with other codecs" in sentence


def test_a_scan_beside_the_grid_is_imputed_where_its_sources_lie(cohort, work, tmp_path):
    volume = brain(MRI)
    affine = np.array(volume.affine)
    affine[:3, 3] -= 8
    wider = type(volume)(np.pad(volume.data, ((0, 0), (1, 2), (1, 0), (1, 0))), affine, MRI)
    write_scan(cohort / Name("006", MRI).path(), wider, "SIMULATED test brain")
    out = tmp_path / "out"
    arguments = ("--participant-label", "006", *MEAN)
    assert main(["impute", str(cohort), str(out), "--model", str(work), *arguments]) == 0
    for path in out.rglob("*desc-synth_pet.nii.gz"):
        made = nibabel.load(path)
        assert made.shape == wider.data.shape[1:]
        assert np.allclose(made.affine, affine)
