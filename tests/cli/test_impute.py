import json
import shutil

import nibabel
import numpy as np
import pytest
from brook import contents

from acadiff import phantom
from acadiff.cli import main
from acadiff.modality import Modality
from acadiff.volume.grid import Grid

MEAN = ("--method", "mean")
NIFTI = "*.nii.gz"


def imputed(root):
    """The (subject, target) of every finished imputation."""
    return {
        (p.name.split("_")[0][4:], json.loads(p.read_text())["TargetModality"])
        for p in root.rglob("*_desc-synth_*.json")
    }


def missing(subjects):
    return {(s.id, m.name) for s in subjects for m in Modality if m not in s.scans}


def test_it_fills_in_every_scan_that_is_missing_and_then_has_nothing_to_do(
    cohort, work, tmp_path, lacking, capsys
):
    out, count = tmp_path / "out", len(missing(lacking))
    command = ["impute", str(cohort), str(out), "--model", str(work), *MEAN]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{out}: of {count} imputed scans 0 are from one that is not to be")
    assert said.endswith(f", {count} from one that nobody could judge; none has intervals\n")
    assert imputed(out) == missing(lacking)
    assert not list(out.rglob("*synthdraws*"))
    before = contents(out)
    run = json.loads(before.pop("run.json"))
    assert run.pop("trust")["people"] == {}
    assert run == {"requested": count, "skipped": 0, "failed": {}, "done": count}
    assert main(command) == 0
    after = contents(out)
    again = json.loads(after.pop("run.json"))
    assert again.pop("trust")["total"]["scans"] == count
    assert again == {**run, "skipped": count}
    assert after == before


def test_it_draws_as_often_as_asked_for_the_one_who_is_named(cohort, work, tmp_path, lacking):
    one, out = lacking[0], tmp_path / "out"
    target = next(m for m in Modality if m not in one.scans)
    arguments = (f"--participant-label={one.key}", f"--target={target.name.lower()}", "--draws=2")
    command = ["impute", str(cohort), str(out), "--model", str(work), *arguments]
    assert main(command) == 0
    assert not list(out.rglob("*synthdraws*"))
    assert main([*command, "--keep-draws"]) == 0
    assert imputed(out) == {(one.id, target.name)}
    (draws,) = out.rglob("*synthdraws*.nii.gz")
    assert nibabel.load(draws).shape == (*Grid(8).shape, 2)


def test_scans_that_exist_are_imputed_from_the_sources_that_are_named(
    cohort, work, tmp_path, lacking
):
    full = next(p.name[4:] for p in cohort.glob("sub-*") if len(list(p.rglob(NIFTI))) == 3)
    arguments = ("--source", "MRI", "--source", "av45", "--participant-label", full)
    out = tmp_path / "out"
    assert main(["impute", str(cohort), str(out), "--model", str(work), *MEAN, *arguments]) == 0
    assert imputed(out) == {(full, "FDG")}
    (record,) = out.rglob("*_desc-synth_*.json")
    assert json.loads(record.read_text())["AvailableModalities"] == ["MRI", "AV45"]


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["--nope"], 64, "No such option: --nope"),
        (["--draws", "0"], 64, "Invalid value for '--draws'"),
        (["--seed", "-1"], 64, "Invalid value for '--seed'"),
        (["--source", "CT"], 64, "no modality 'CT'"),
        (["--target", "CT"], 64, "no modality 'CT'"),
        (["--participant-label", "999"], 65, "there is no sub-999 in its table"),
        (["--participant-label", "../../evil"], 65, "participant id is '../../evil'"),
        (["--participant-label", "sub-001/anat"], 65, "participant id is '001/anat'"),
        (["--model", "nope"], 66, "nope: no such model folder"),
        (["--method", "magic"], 66, "holds no trained magic"),
        (["--output-space", "moon"], 64, "the space is 'moon'; there are model, T1w"),
        (["--output-space", "T1w", "--keep-draws"], 64, "on the model's grid only"),
    ],
)
def test_what_cannot_be_asked_writes_nothing(
    arguments, status, sentence, river, tmp_path, refused
):
    command = ["impute", river / "cohort", tmp_path / "out", "--model", river / "work", *MEAN]
    assert sentence in refused(status, *command, *arguments)
    assert not (tmp_path / "out").exists()


def test_an_absent_cohort_is_told(river, tmp_path, refused):
    no, out = tmp_path / "no", tmp_path / "out"
    assert refused(66, "impute", no, out, "--model", river / "work", *MEAN).startswith(str(no))
    assert not out.exists()


def test_a_target_without_any_source_is_refused(river, tmp_path, lacking, refused):
    one = next(s for s in lacking if len(s.scans) == 2)
    lost = next(m for m in Modality if m not in one.scans)
    arguments = ("--participant-label", one.id, "--source", lost.name)
    command = ["impute", river / "cohort", tmp_path / "out", "--model", river / "work", *MEAN]
    assert refused(65, *command, *arguments).startswith(f"{one.key} has no such scan at all")
    assert not (tmp_path / "out").exists()


def test_somebody_without_any_scan_is_named(cohort, work, tmp_path, lacking, refused):
    one = lacking[-1]
    for scan in (cohort / one.key).rglob(NIFTI):
        scan.unlink()
    sentence = refused(65, "impute", cohort, tmp_path / "out", "--model", work, *MEAN)
    assert sentence.startswith(f"{one.key} has no scan at all")
    assert not (tmp_path / "out").exists()


def test_nothing_to_do_is_told(river, tmp_path, lacking, refused):
    full = next(
        p.name for p in (river / "cohort").glob("sub-*") if p.name not in {s.key for s in lacking}
    )
    command = ["impute", river / "cohort", tmp_path / "out", "--model", river / "work", *MEAN]
    assert "no scan is missing" in refused(65, *command, "--participant-label", full)
    assert not (tmp_path / "out").exists()


def test_a_target_without_a_generator_is_told(cohort, work, tmp_path, lacking, refused):
    target = next(m for m in Modality if m not in lacking[0].scans)
    shutil.rmtree(work / "generators" / f"mean-{target.name}")
    arguments = ("--participant-label", lacking[0].id, "--target", target.name)
    sentence = refused(1, "impute", cohort, tmp_path / "out", "--model", work, *MEAN, *arguments)
    assert f"holds no generator for {target.title}" in sentence
    assert not list((tmp_path / "out").rglob(NIFTI))


def _nan(data, affine):
    data[5, 5, 5] = np.nan


def _constant(data, affine):
    data[:] = 1


def _finer(data, affine):
    affine[:3, :3] /= 2


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (_nan, "are not finite numbers"),
        (_constant, "every voxel is 1"),
        (_finer, "lies on another grid"),
    ],
)
def test_a_spoilt_source_fails_its_subject_and_no_other(
    spoil, why, cohort, work, tmp_path, lacking, refused
):
    one, out = lacking[0], tmp_path / "out"
    path = next((cohort / one.key).rglob(NIFTI))
    image = nibabel.load(path)
    data, affine = image.get_fdata(dtype=np.float32), np.array(image.affine)
    spoil(data, affine)
    nibabel.Nifti1Image(data, affine).to_filename(path)
    sentence = refused(1, "impute", cohort, out, "--model", work, *MEAN)
    lost = len(missing([one]))
    assert sentence.startswith(f"{lost} scan(s) failed, all others are done. {one.key} ")
    assert f"{path}: " in sentence
    assert why in sentence
    assert imputed(out) == missing(lacking[1:])
    assert not list((out / one.key).rglob(NIFTI))


def test_acquired_scans_and_other_datasets_are_not_written_over(cohort, work, tmp_path, refused):
    before = contents(cohort)
    among = cohort / "sub-SIM0001"
    sentence = refused(73, "impute", cohort, among, "--model", work, *MEAN)
    assert "write to its derivatives/" in sentence
    assert contents(cohort) == before
    other = shutil.copytree(cohort, tmp_path / "other")
    assert "holds another dataset" in refused(73, "impute", cohort, other, "--model", work, *MEAN)
    assert contents(other) == before


@pytest.mark.parametrize(
    "part", ["codecs/MRI/codec.safetensors", "generators/mean-FDG/generator.safetensors"]
)
def test_damaged_weights_are_named(part, cohort, work, tmp_path, refused):
    path = work / part
    path.write_bytes(path.read_bytes()[:-4] + b"\0\1\2\3")
    sentence = refused(65, "impute", cohort, tmp_path / "out", "--model", work, *MEAN)
    assert sentence.startswith(f"{path}: ")
    assert not (tmp_path / "out").exists()


def test_a_generator_of_other_codecs_is_refused(cohort, work, tmp_path, refused):
    record = work / "generators" / "mean-FDG" / "generator.json"
    held = json.loads(record.read_text())
    held["codecs"]["FDG"] = "0" * 64
    record.write_text(json.dumps(held))
    sentence = refused(65, "impute", cohort, tmp_path / "out", "--model", work, *MEAN)
    assert "was trained with other codecs" in sentence
    assert not (tmp_path / "out").exists()


def test_one_person_is_imputed_from_files(river, work, tmp_path, capsys):
    scan = next(iter((river / "cohort").glob("sub-*/anat/*_T1w.nii.gz")))
    out = tmp_path / "fdg.nii.gz"
    command = ["impute", "--mri", scan, "--target", "fdg", "-o", out, "--model", work]
    assert main([str(a) for a in (*command, "--draws", 2, "--mmse", 22, "--diagnosis", "ad")]) == 0
    assert capsys.readouterr().out.endswith(f"SYNTHETIC, research use only: {out}\n")
    assert nibabel.load(out).shape == nibabel.load(scan).shape
    used = json.loads((tmp_path / "fdg.json").read_text())["ClinicalInputsUsed"]
    assert used == ["Diagnosis", "mmse"]


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("--mri", "scan.nii.gz", "-o", "o.nii.gz"), 64, "one --target and -o"),
        (("--mri", "scan.nii.gz", "--target", "fdg"), 64, "one --target and -o"),
        (("--target", "fdg", "-o", "o.nii.gz"), 64, "one --target and -o"),
        (("--mri", "s.nii.gz", "--target", "mri", "-o", "o.nii.gz"), 64, "is given already"),
        (("--mri", "no.nii.gz", "--target", "fdg", "-o", "o.nii.gz"), 65, "no.nii.gz"),
        (("--diagnosis", "ill", "--mri", "s", "--target", "fdg", "-o", "o.nii.gz"), 64, "'ill'"),
        (("--mmse", "31", "--mri", "s", "--target", "fdg", "-o", "o.nii.gz"), 65, "MMSE is 31"),
        ((), 64, "name a cohort and a folder to write to"),
    ],
)
def test_what_cannot_be_asked_of_one_person_is_one_sentence(
    arguments, status, sentence, work, refused
):
    assert sentence in refused(status, "impute", "--model", work, *arguments)


def told(out):
    """What the only record of a dataset says of its prompt."""
    (record,) = out.rglob("*_desc-synth_*.json")
    held = json.loads(record.read_text())
    return held["ClinicalDetail"], held["ClinicalInputsUsed"], held["SubjectPart"]


@pytest.fixture
def kept(work, lacking):
    """Somebody who lacks scans, put where the split keeps people for classifiers."""
    path, one = work / "split.tsv", lacking[0]
    lines = path.read_text().splitlines(keepends=True)
    rows = {line.split("\t")[0]: line.split("\t") for line in lines}
    rows.setdefault(one.key, [one.key, "", "0" * 16 + "\n"])[1] = "classifier"
    path.write_text("".join("\t".join(row) for row in rows.values()))
    return one


def test_nothing_is_told_of_somebody_whose_diagnosis_is_to_be_predicted(
    cohort, work, tmp_path, kept, capsys
):
    lost = next(m for m in Modality if m not in kept.scans)
    command = ["impute", cohort, tmp_path / "out", "--model", work, "--draws", 1]
    command += ["--participant-label", kept.id, "--target", lost.name]
    assert main([str(a) for a in command]) == 0
    assert "1 people whom the split keeps for classifiers" in capsys.readouterr().err
    assert told(tmp_path / "out")[:2] == ("none", [])
    assert main([str(a) for a in (*command, "--clinical", "scores")]) == 0
    assert "keeps for classifiers" not in capsys.readouterr().err
    detail, used, _ = told(tmp_path / "out")
    assert detail == "scores"
    assert used == ["mmse", "adas13", "cdrsb"]


def test_what_prompts_tell_and_how_strongly_they_guide_decides_what_is_done(
    cohort, work, tmp_path, lacking
):
    one, out = lacking[-1], tmp_path / "out"
    lost = next(m for m in Modality if m not in one.scans)
    command = ["impute", cohort, out, "--model", work, "--draws", 1]
    command += ["--participant-label", one.id, "--target", lost.name]
    seen = []
    for more in ((), ("--clinical", "none"), ("--clinical", "none", "--guidance", "2"), ()):
        assert main([str(a) for a in (*command, *more)]) == 0
        assert json.loads((out / "run.json").read_text())["skipped"] == 0
        (image,) = out.rglob("*_desc-synth_*.nii.gz")
        seen.append(image.read_bytes())
    assert seen[0] == seen[3] != seen[1]
    assert told(out)[0] == "full"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("--clinical", "all"),
            "--clinical 'all' is no level of detail; choose none",
        ),
        (("--guidance", "-1"), "the guidance is -1; it is 0 or more"),
        (("--guidance", "nan"), "the guidance is nan"),
        (("--clinical", "full", *MEAN), "was trained with prompts that tell none"),
    ],
)
def test_a_prompt_that_cannot_be_asked_for_is_one_sentence(
    arguments, sentence, river, tmp_path, refused
):
    out = tmp_path / "o.nii.gz"
    scan = next(iter((river / "cohort").glob("sub-*/anat/*_T1w.nii.gz")))
    for what in (("impute", river / "cohort", tmp_path / "out"), ("impute", "--mri", scan)):
        one = () if what[1] != "--mri" else ("--target", "fdg", "-o", out)
        assert sentence in refused(64, *what, *one, "--model", river / "work", *arguments)
    assert not out.exists()
    assert not (tmp_path / "out").exists()


def test_more_than_the_training_told_cannot_be_asked_for(cohort, work, tmp_path, refused):
    for record in (work / "generators").glob("acadiff-*/generator.json"):
        held = json.loads(record.read_text())
        held["recipe"]["conditioning"]["detail"] = "scores"
        record.write_text(json.dumps(held))
    command = ["impute", cohort, tmp_path / "out", "--model", work, "--clinical", "full"]
    assert "was trained with prompts that tell scores; ask for no more" in refused(64, *command)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("codes", "option"),
    [((0, 0), "--assume-orientation"), ((4, 1), "--prefer-form")],
)
def test_what_a_refusal_advises_can_be_said_of_one_scan(river, tmp_path, capsys, codes, option):
    """A scan without a form, and one whose two forms disagree; as advised, they are taken."""
    scan, out = tmp_path / "scan.nii.gz", tmp_path / "out.nii.gz"
    image = nibabel.load(next((river / "cohort").rglob("*_T1w.nii.gz")))
    right = image.affine
    turned = right.copy()
    turned[:3, 3] += 20 * (option == "--prefer-form")
    changed = nibabel.Nifti1Image(np.asanyarray(image.dataobj), right, image.header)
    changed.set_qform(turned, codes[1])
    changed.set_sform(right, codes[0])
    nibabel.save(changed, scan)
    work = river / "work"
    command = [str(x) for x in ("impute", "--mri", scan, "--target", "fdg", "-o", out, "-m", work)]
    assert main(command) == 65
    assert option in capsys.readouterr().err
    assert main([*command, option, "RAS" if "orient" in option else "sform"]) == 0
    assert out.is_file()


def test_strict_refuses_what_is_not_to_be_trusted(tmp_path, capsys):
    """A score that training never saw is said in the record, or with --strict refused."""
    person = phantom.cohort(tmp_path / "people", subjects=1, voxel=4, seed=3).subjects[0]
    out = tmp_path / "out.nii.gz"
    command = ["impute", "--mri", str(person.scans[Modality.MRI]), "--target", "fdg", "-o"]
    asked = ["--mmse", "2", "--draws", "2"]
    assert main([*command, str(tmp_path / "no.nii.gz"), *asked, "--strict"]) == 65
    assert "MMSE is 2; training saw" in capsys.readouterr().err
    assert not (tmp_path / "no.nii.gz").exists()
    assert main([*command, str(out), *asked]) == 0
    warnings = json.loads((tmp_path / "out.json").read_text())["Trust"]["Warnings"]
    assert "W_COND_OOD" in {code for code, _ in warnings}
