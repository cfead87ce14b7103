import shutil

import pytest
from brook import CHANGES, contents

from acadiff.cli import main

TINY = [*(f"--set={change}" for change in CHANGES), "--device=cpu"]


def test_again_changes_no_byte(cohort, work, capsys):
    before = contents(work)
    assert main(["train", str(cohort), str(work), "--target", "fdg", *TINY]) == 0
    assert contents(work) == before
    assert capsys.readouterr().out == f"{work / 'generators'}\n"


def test_only_the_targets_that_are_named_are_trained(cohort, work):
    shutil.rmtree(work / "generators")
    command = ["train", str(cohort), str(work), "--method", "mean", *TINY]
    assert main([*command, "--target", "MRI", "--target", "av45"]) == 0
    assert {p.name for p in (work / "generators").iterdir()} == {"mean-MRI", "mean-AV45"}


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["--method", "magic"], 64, "method 'magic': known are acadiff, "),
        (["--target", "CT"], 64, "no modality 'CT'; known are MRI, FDG, AV45"),
        (["--device", "abacus"], 64, "--device abacus: "),
        (["--set", "voxel=4"], 64, "voxel is 4 mm, but "),
        (["--set", "training.steps=2"], 65, "holds a generator of another recipe"),
    ],
)
def test_what_cannot_be_trained_leaves_the_work_folder_alone(
    arguments, status, sentence, cohort, work, refused
):
    before = contents(work)
    assert sentence in refused(status, "train", cohort, work, *TINY, *arguments)
    assert contents(work) == before


def test_an_interrupted_training_of_another_recipe_is_not_taken_up(cohort, work, refused):
    generator = work / "generators" / "acadiff-FDG"
    (generator / "generator.json").unlink()
    before = contents(work)
    changes = ("--set", "anchoring.rate=0.5", "--target", "FDG")
    sentence = refused(65, "train", cohort, work, *TINY, *changes)
    assert sentence.startswith(str(generator))
    assert "the checkpoint was made with another rate" in sentence
    assert contents(work) == before


@pytest.mark.parametrize(
    ("gone", "sentence"),
    [
        ("split.tsv", "there is no split; run `acadiff compress` first"),
        ("codecs/AV45", "holds no codec"),
        ("latents", "there are no latents; run `acadiff compress` first"),
    ],
)
def test_what_compress_would_have_made_is_asked_for(gone, sentence, cohort, work, refused):
    path = work / gone
    path.unlink() if path.is_file() else shutil.rmtree(path)
    shutil.rmtree(work / "generators")
    assert sentence in refused(66, "train", cohort, work, "--target", "MRI", *TINY)
    assert not (work / "generators").exists()


@pytest.mark.parametrize("part", ["codecs/MRI/codec.safetensors", "latents/MRI.safetensors"])
def test_damaged_parts_are_named(part, cohort, work, refused):
    path = work / part
    path.write_bytes(path.read_bytes()[:-4] + b"\0\1\2\3")
    shutil.rmtree(work / "generators")
    sentence = refused(65, "train", cohort, work, "--target", "AV45", *TINY)
    assert sentence.startswith(f"{path}: ")


def test_people_who_left_the_cohort_are_missed(cohort, work, refused):
    split, table = work / "split.tsv", cohort / "participants.tsv"
    gone = next(r.split("\t")[0] for r in split.read_text().splitlines() if "\ttrain" in r)
    kept = [row for row in table.read_text().splitlines() if not row.startswith(gone)]
    table.write_text("\n".join([*kept, ""]))
    shutil.rmtree(cohort / gone)
    shutil.rmtree(work / "generators")
    assert f"there is no {gone}" in refused(65, "train", cohort, work, *TINY)
