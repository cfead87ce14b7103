"""A dozen small phantoms through every stage, and what must hold along the way."""

import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import time
import warnings
from dataclasses import replace

import numpy as np
import pytest
from brook import RECIPE, contents, cpu

from acadiff.cohort.dataset import hidden_truth, read_cohort
from acadiff.cohort.ledger import read_split
from acadiff.errors import CheckpointError, CohortError, RecipeError
from acadiff.imputer import Imputer
from acadiff.modality import Modality
from acadiff.recipe import load_recipe, to_toml
from acadiff.stages import compress, impute, report, score, train

MRI, FDG, AV45 = Modality
REQUEST = impute.Request(draws=3)


def quiet(_):
    """Nobody looks at the progress."""


@pytest.fixture(scope="module")
def imputer(river):
    return Imputer.load(river / "work")


@pytest.fixture(scope="module")
def cohort(river):
    return river / "cohort"


@pytest.fixture(scope="module")
def whole(cohort, imputer, tmp_path_factory):
    """Everything that is missing, imputed once: the derivative dataset."""
    out = tmp_path_factory.mktemp("whole") / "derivatives"
    assert impute.run(cohort, imputer, out, REQUEST, quiet) == {}
    return out


def missing(cohort):
    """Every (subject, target) that lacks."""
    return {(s.id, m) for s in read_cohort(cohort).subjects for m in Modality if m not in s.scans}


def made(out):
    """Every (subject, target) that is on record."""
    records = [json.loads(p.read_text()) for p in out.rglob("*_desc-synth_*.json")]
    paths = list(out.rglob("*_desc-synth_*.json"))
    return {
        (path.name.split("_")[0].removeprefix("sub-"), Modality[record["TargetModality"]])
        for path, record in zip(paths, records, strict=True)
    }


def tree(out):
    """One hash of all names and bytes, but for the account of the last run."""
    files = {name: content for name, content in contents(out).items() if name != "run.json"}
    return hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()


def counts(out):
    return json.loads((out / "run.json").read_text())


def test_a_codec_keeps_more_than_the_mean_scan(river):
    for modality in Modality:
        found = json.loads(
            (river / "work" / "codecs" / modality.name / "codec_eval.json").read_text()
        )
        assert found["psnr"] > found["baseline_mean_psnr"] + 1


def test_the_folder_tells_its_recipe(river):
    assert (river / "work" / "recipe.toml").read_text() == to_toml(RECIPE)
    assert (
        load_recipe(str(river / "work" / "generators" / "acadiff-FDG" / "recipe.toml")) == RECIPE
    )


def test_every_missing_scan_is_filled_and_no_other(whole, cohort):
    assert made(whole) == missing(cohort)
    n = len(missing(cohort))
    found = counts(whole)
    assert sum(of["scans"] for of in found.pop("trust")["targets"].values()) == n
    assert found == {"requested": n, "done": n, "skipped": 0, "failed": {}}


def test_it_is_scored_against_what_was_hidden_and_told_on_a_page(whole, river, tmp_path):
    truths = hidden_truth(read_cohort(river / "cohort"))
    with pytest.raises(CohortError, match="its model was trained on sub-SIM") as caught:
        score.score([whole], river / "cohort", jobs=1)
    assert caught.value.code == "E_LEAK"
    scores = score.run([whole], river / "cohort", tmp_path / "results", jobs=1, trained=True)
    table, summary = scores.generation, scores.summary
    assert {(f"sub-{r.subject}", Modality[r.target]) for r in table.itertuples()} == set(truths)
    assert np.isfinite(table[["mae", "psnr", "ssim", "nmi"]]).all(axis=None)
    assert set(table.method) == set(summary.method) == {"acadiff"}
    page = report.run(
        [whole], river / "cohort", tmp_path / "results", river / "work", tmp_path
    ).read_text()
    assert all(visit in page for visit, _ in truths)
    assert "SYNTHETIC" in page
    assert "SIMULATED" in page


@pytest.fixture(scope="module")
def lacking(cohort):
    """Three people who lack something."""
    return tuple(sorted({subject for subject, _ in missing(cohort)})[:3])


def test_somebody_alone_is_imputed_as_among_others_bit_by_bit(
    whole, cohort, imputer, tmp_path, lacking
):
    for name in lacking[::-1]:
        request = impute.Request(draws=3, subjects=(name,))
        impute.run(cohort, imputer, tmp_path / name, request, quiet)
        alone = contents(tmp_path / name / f"sub-{name}")
        assert alone
        assert alone == contents(whole / f"sub-{name}")


def test_again_skips_what_is_done(whole, cohort, imputer, tmp_path):
    shutil.copytree(whole, tmp_path / "out")
    before = tree(whole)
    stamps = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*.nii.gz")}
    assert impute.run(cohort, imputer, tmp_path / "out", REQUEST, quiet) == {}
    assert counts(tmp_path / "out")["skipped"] == len(missing(cohort))
    assert tree(tmp_path / "out") == before
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*.nii.gz")} == stamps


def test_other_draws_are_not_taken_for_these(whole, cohort, imputer, tmp_path, lacking):
    shutil.copytree(whole, tmp_path / "out")
    for request in (
        impute.Request(draws=3, seed=1, subjects=lacking[:1]),
        impute.Request(draws=2, subjects=lacking[:1]),
    ):
        impute.run(cohort, imputer, tmp_path / "out", request, quiet)
        assert counts(tmp_path / "out")["skipped"] == 0
        assert tree(tmp_path / "out") != tree(whole)


def forked(work):
    """Do some work in a child process; returns its id."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of forking with threads, which the child never uses
        child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return child


def test_killed_and_run_again_it_writes_the_same_bytes(whole, cohort, imputer, tmp_path, lacking):
    request, out = impute.Request(draws=3, subjects=lacking), tmp_path / "killed"
    impute.run(cohort, imputer, tmp_path / "calm", request, quiet)
    chance, killed = random.Random(0), 0
    for _ in range(5):
        child = forked(lambda: impute.run(cohort, imputer, out, request, quiet))
        enough = len(list(out.rglob("*"))) + chance.randint(1, 6)
        while len(list(out.rglob("*"))) < enough and os.waitpid(child, os.WNOHANG)[0] == 0:
            time.sleep(chance.uniform(0, 0.004))
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(child, signal.SIGKILL)
            killed += os.WIFSIGNALED(os.waitpid(child, 0)[1])
    assert killed
    assert impute.run(cohort, imputer, out, request, quiet) == {}
    assert contents(out).keys() == contents(tmp_path / "calm").keys()
    assert tree(out) == tree(tmp_path / "calm")
    for name in lacking:
        assert contents(out / f"sub-{name}") == contents(whole / f"sub-{name}")


def test_a_corrupt_scan_fails_its_subject_and_no_other(whole, cohort, imputer, tmp_path, lacking):
    spoilt, out = tmp_path / "cohort", tmp_path / "out"
    shutil.copytree(cohort, spoilt)
    victim = read_cohort(spoilt).named([lacking[1]]).subjects[0]
    path = next(iter(victim.scans.values()))
    path.write_bytes(path.read_bytes()[:-20])
    failed = impute.run(spoilt, imputer, out, REQUEST, quiet)
    lost = {(s, m) for s, m in missing(cohort) if s == victim.id}
    assert set(failed) == {f"{victim.key} {m.title}" for _, m in lost}
    assert all(path.name in why for why in failed.values())
    assert made(out) == missing(cohort) - lost
    found = counts(out)
    assert found["failed"] == failed
    assert found["requested"] == found["done"] + len(failed) == len(missing(cohort))
    for subject in {s for s, _ in missing(cohort)} - {victim.id}:
        assert contents(out / f"sub-{subject}") == contents(whole / f"sub-{subject}")
    shutil.copy(cohort / path.relative_to(spoilt), path)
    assert impute.run(spoilt, imputer, out, REQUEST, quiet) == {}
    assert counts(out)["skipped"] == len(missing(cohort)) - len(lost)
    assert contents(out / f"sub-{victim.id}") == contents(whole / f"sub-{victim.id}")


def test_a_scan_is_made_again_when_what_is_said_of_the_subject_changed(cohort, imputer, tmp_path):
    changed, out = tmp_path / "changed", tmp_path / "out"
    shutil.copytree(cohort, changed)
    lacking = next(s for s in read_cohort(changed).subjects if len(s.scans) < 3)
    request = replace(REQUEST, subjects=(lacking.id,))
    impute.run(changed, imputer, out, request, quiet)
    assert counts(out)["skipped"] == 0
    table = changed / "participants.tsv"
    header, *lines = table.read_text().splitlines()
    column, cells = header.split("\t").index("MMSE"), {}
    for line in lines:
        cells[line.split("\t")[0]] = line.split("\t")
    cells[f"sub-{lacking.id}"][column] = "12"
    table.write_text("\n".join([header, *("\t".join(row) for row in cells.values()), ""]))
    impute.run(changed, imputer, out, request, quiet)
    assert counts(out)["skipped"] == 0
    impute.run(changed, imputer, out, request, quiet)
    assert counts(out)["skipped"] == counts(out)["requested"]


def test_scans_that_exist_are_imputed_from_named_sources_for_measuring(cohort, imputer, tmp_path):
    full = [s.id for s in read_cohort(cohort).subjects if len(s.scans) == 3][:1]
    request = impute.Request(draws=1, sources=(MRI,), subjects=tuple(full))
    impute.run(cohort, imputer, tmp_path, request, quiet)
    assert made(tmp_path) == {(full[0], FDG), (full[0], AV45)}
    table = score.score([tmp_path], cohort, jobs=1, trained=True).generation
    assert set(table.sources) == {"MRI"}


def test_somebody_without_any_such_scan_is_one_sentence(cohort, imputer, tmp_path):
    subject, target = sorted(missing(cohort), key=str)[0]
    request = impute.Request(sources=(target,), subjects=(subject,))
    with pytest.raises(CohortError, match=f"sub-{subject} has no such scan at all"):
        impute.run(cohort, imputer, tmp_path / "out", request, quiet)
    assert not (tmp_path / "out").exists()


def test_to_train_again_changes_nothing(river, tmp_path):
    shutil.copytree(river / "work", tmp_path / "work")
    before = contents(tmp_path / "work")
    compress.run(river / "cohort", tmp_path / "work", RECIPE, cpu(), quiet)
    train.run(river / "cohort", tmp_path / "work", RECIPE, "acadiff", (FDG,), cpu(), quiet)
    assert contents(tmp_path / "work") == before


def test_to_train_anew_ends_in_the_same_bytes(river, tmp_path):
    """Also without the checkpoints, and with one target at a time."""
    shutil.copytree(river / "work", tmp_path / "work")
    shutil.rmtree(tmp_path / "work" / "generators")
    train.run(river / "cohort", tmp_path / "work", RECIPE, "acadiff", (FDG,), cpu(), quiet)
    made_again = contents(tmp_path / "work" / "generators" / "acadiff-FDG")
    assert made_again == contents(river / "work" / "generators" / "acadiff-FDG")


@pytest.mark.parametrize(
    "change", ["training.rate=0.5", "conditioning.both=1.0", "diffusion.prediction=epsilon"]
)
def test_a_generator_of_another_recipe_is_not_taken_for_this_one(river, tmp_path, change):
    other = load_recipe(_saved(RECIPE, tmp_path), [change])
    shutil.copytree(river / "work", tmp_path / "work")
    with pytest.raises(CheckpointError, match="holds a generator of another recipe"):
        train.run(river / "cohort", tmp_path / "work", other, "acadiff", (FDG,), cpu(), quiet)


@pytest.mark.parametrize("change", ["codec.channels=8", "codec.training.rate=0.5"])
def test_a_codec_of_another_recipe_is_not_taken_for_this_one(river, tmp_path, change):
    other = load_recipe(_saved(RECIPE, tmp_path), [change])
    shutil.copytree(river / "work", tmp_path / "work")
    before = contents(tmp_path / "work")
    with pytest.raises(CheckpointError, match="holds a codec of another recipe"):
        compress.run(river / "cohort", tmp_path / "work", other, cpu(), quiet)
    assert contents(tmp_path / "work") == before


@pytest.mark.parametrize("change", ["conditioning.both=1.0", "anchoring.batch=3"])
def test_an_unfinished_training_of_another_recipe_is_not_gone_on_with(river, tmp_path, change):
    other = load_recipe(_saved(RECIPE, tmp_path), [change])
    shutil.copytree(river / "work", tmp_path / "work")
    (tmp_path / "work" / "generators" / "acadiff-FDG" / "generator.json").unlink()
    named = change.split(".")[0 if "conditioning" in change else 1].split("=")[0]
    with pytest.raises(CheckpointError, match=f"made with another {named}"):
        train.run(river / "cohort", tmp_path / "work", other, "acadiff", (FDG,), cpu(), quiet)


def test_a_codec_is_not_gone_on_with_on_other_scans(river, tmp_path):
    shutil.copytree(river / "cohort", tmp_path / "cohort")
    shutil.copytree(river / "work", tmp_path / "work")
    (tmp_path / "work" / "codecs" / "MRI" / "codec.json").unlink()
    train_ids = read_split(river / "work" / "split.tsv")["train"]
    people = read_cohort(tmp_path / "cohort").named(train_ids).subjects
    one, two, *_ = (s.scans[MRI] for s in people if MRI in s.scans)
    shutil.copy(one, two)
    with pytest.raises(CheckpointError, match="made with another scans"):
        compress.run(tmp_path / "cohort", tmp_path / "work", RECIPE, cpu(), quiet)


def test_an_unknown_text_encoder_is_refused_by_name(river, tmp_path):
    other = load_recipe(_saved(RECIPE, tmp_path), ["conditioning.encoder=parrot"])
    with pytest.raises(RecipeError, match="'parrot': known are local"):
        train.run(river / "cohort", river / "work", other, "acadiff", (FDG,), cpu(), quiet)


def test_another_voxel_size_than_the_codecs_is_refused(river):
    other = RECIPE.model_copy(update={"voxel": 4})
    with pytest.raises(RecipeError, match="voxel is 4 mm"):
        train.run(river / "cohort", river / "work", other, "mean", (FDG,), cpu(), quiet)


def _saved(recipe, folder):
    path = folder / "mine.toml"
    path.write_text(to_toml(recipe))
    return str(path)
