import json
import shutil

import pytest
from tiny import TINY, contents

from acadiff.cli import main


def test_it_writes_a_generator_for_each_target_that_is_named(work):
    assert {p.name for p in (work / "generators").iterdir()} == {
        "acadiff-FDG",
        *("mean-MRI", "mean-FDG", "mean-AV45"),
    }
    record = json.loads((work / "generators/acadiff-FDG/generator.json").read_text())
    assert (record["name"], record["target"]) == ("acadiff", "FDG")


def test_again_changes_no_byte(cohort, work):
    before = contents(work)
    assert main(["train", str(cohort), str(work), "--target", "FDG", *TINY]) == 0
    assert contents(work) == before


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["--method", "magic"], 64, "method 'magic': known are acadiff, mean"),
        (["--target", "CT"], 64, "no modality 'CT'; known are MRI, FDG, AV45"),
        (["--device", "abacus"], 64, "--device abacus: "),
        (["--set", "voxel=4"], 64, "voxel is 4 mm, but "),
        (["--set", "training.steps=2", "--target", "FDG"], 65, "holds a generator of another rec"),
        (["--set", "anchor.widths=[8,16,16,16]", "--target", "MRI"], 64, "does not fit a latent"),
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
    sentence = refused(
        *(65, "train", cohort, work, "--target", "FDG", *TINY, "--set", "training.rate=0.5"),
        *("--set", "anchoring.rate=0.5"),
    )
    assert str(generator) in sentence
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
    assert sentence in refused(66, "train", cohort, work, "--target", "MRI", *TINY)


@pytest.mark.parametrize("part", ["codecs/MRI/codec.safetensors", "latents/MRI.safetensors"])
def test_damaged_parts_are_named(part, cohort, work, refused):
    path = work / part
    path.write_bytes(path.read_bytes()[:-4] + b"\0\1\2\3")
    assert str(path) in refused(65, "train", cohort, work, "--target", "AV45", *TINY)


def test_subjects_that_left_the_cohort_are_missed(cohort, work, refused):
    table = cohort / "participants.tsv"
    trained = [
        row.split("\t")[0]
        for row in (work / "split.tsv").read_text().splitlines()
        if "train" in row
    ]
    kept = [row for row in table.read_text().splitlines() if not row.startswith(trained[0])]
    table.write_text("\n".join([*kept, ""]))
    shutil.rmtree(cohort / trained[0])
    assert trained[0] in refused(65, "train", cohort, work, "--target", "MRI", *TINY)
