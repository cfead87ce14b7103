"""Jobs to tables, by the command line: what is there, what is gone on with, what is refused."""

import contextlib
import json
import os
import shutil
import signal
import time
import warnings

import numpy as np
import pytest
import torch
from brook import contents
from safetensors.torch import load_file

from acadiff.benchmark.generation import bench
from acadiff.benchmark.generation.scores import KEYS
from acadiff.cli import main
from acadiff.evaluation.tables import read_table
from acadiff.imputer import MICROBATCH
from acadiff.training.arithmetic import HALF

TABLES = ("generation.tsv", "regional.tsv", "table.tsv", "table.md")
TEXT = ("method", "task", "image", "metric", "target", "sources", "subject")


def command(place, *more):
    tasks = ["--task", "MRI+FDG-AV45", "--task", "MRI-AV45"]
    how = ["--methods", "acadiff,mean", "--draws", "2", "--device", "cpu"]
    start = ["benchmark", "generation", place / "cohort", place / "work", "--out", place / "out"]
    return [str(a) for a in [*start, "--recipe", place / "tiny.toml", *tasks, *how, *more]]


def tables(folder):
    return {name: (folder / name).read_bytes() for name in TABLES}


@pytest.fixture(scope="module")
def compared(brook_of_all, tmp_path_factory):
    """The comparison, made once."""
    place = shutil.copytree(brook_of_all, tmp_path_factory.mktemp("compared") / "place")
    assert main(command(place, "--no-train")) == 0
    return place


@pytest.fixture
def done(compared, tmp_path):
    return shutil.copytree(compared, tmp_path / "done")


def refused(capsys, *arguments):
    capsys.readouterr()
    status = main([str(a) for a in arguments])
    sentence = capsys.readouterr().err.splitlines()[-1]
    assert sentence.startswith("acadiff: ")
    assert "unexpected" not in sentence
    return status, sentence


def test_every_person_image_and_metric_is_in_one_tidy_table(compared):
    scores = read_table(compared / "out" / "generation.tsv", text=TEXT)
    assert list(scores.columns) == [
        "method",
        "target",
        "sources",
        "subject",
        "image",
        "metric",
        "value",
    ]
    assert set(scores.method) == {"acadiff", "mean"}
    assert set(scores.sources) == {"MRI", "MRI+FDG"}
    assert set(scores.metric) == {"psnr", "ssim", "nmi", "mae", "sharpness", "suvr_error"}
    assert len(scores) == 2 * 2 * 3 * 2 * 6
    assert np.isfinite(scores.value).all()


def test_one_answer_is_its_own_draw_and_a_mean_of_two_is_none(compared):
    scores = read_table(compared / "out" / "generation.tsv", text=TEXT)
    psnr = scores[scores.metric == "psnr"]
    wide = psnr.pivot_table("value", ["method", "sources", "subject"], "image")
    same = np.isclose(wide["draw"], wide["mean"])
    assert same[wide.index.get_level_values("method") == "mean"].all()
    assert not same[wide.index.get_level_values("method") == "acadiff"].any()


def test_the_table_averages_people_and_tells_of_no_machine(compared):
    table = read_table(compared / "out" / "table.tsv", text=TEXT)
    scores = read_table(compared / "out" / "generation.tsv", text=TEXT)
    row = table.query("method == 'mean' and task == 'two sources' and metric == 'psnr'").iloc[0]
    one = scores.query("method == 'mean' and sources == 'MRI+FDG' and metric == 'psnr'")
    assert row["value"] == pytest.approx(one[one.image == "draw"]["value"].mean(), rel=1e-5)
    assert set(table.task) == {"two sources", "one source", "MRI+FDG-AV45", "MRI-AV45"}
    assert not {c for c in table.columns if "seconds" in c or "mb" in c}
    text = (compared / "out" / "table.md").read_text()
    assert "SIMULATED" in text
    assert "paper, ADNI, 1 mm" in text
    assert "not measured" in text


def test_the_cost_of_every_job_is_told(compared):
    cost = read_table(compared / "out" / "compute.tsv", text=("method", "target", "clinical"))
    ours, mean = (cost[cost.method == m].iloc[0] for m in ("acadiff", "mean"))
    assert (ours.steps, ours.people_seen, ours.clinical) == (24, 48, "diagnosis, scores")
    assert (mean.steps, mean.parameters, mean.evaluations, mean.clinical) == (0, 0, 0, "nothing")
    assert ours.evaluations == 1 + MICROBATCH * 2  # the anchor once, two steps of padded draws
    assert ours.seconds_a_volume > 0
    assert ours.gflop_a_volume > 0


def test_draws_go_when_they_are_scored_and_their_records_stay_true(compared, place):
    kept = list((compared / "out").rglob("*synthdraws*"))
    assert not kept
    record = next((compared / "out").rglob("*_desc-synth_pet.json"))
    told = json.loads(record.read_text())
    assert told["DrawsKept"] is False
    assert all((record.parent / name).is_file() for name in told["SHA256"])


def test_again_changes_no_byte(done):
    before = contents(done)
    assert main(command(done)) == 0
    after = contents(done)
    assert {k for k in after if after[k] != before.get(k)} == set()


def test_killed_and_run_again_the_tables_are_the_same(compared, place):
    for enough in (5, 25, 60):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of forking with threads, which the child never uses
            child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException):
                main(command(place))
            os._exit(0)
        while len(list(place.rglob("out/**/*"))) < enough and not os.waitpid(child, os.WNOHANG)[0]:
            time.sleep(0.002)
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        assert not (place / "out" / "table.tsv").exists()
    assert main(command(place)) == 0
    assert tables(place / "out") == tables(compared / "out")


def test_jobs_may_be_done_one_by_one_and_the_last_makes_the_tables(compared, place, capsys):
    assert main(command(place, "--job", "mean-AV45")) == 0
    assert (
        "1 jobs are not done yet, and then come the tables: acadiff-AV45"
        in capsys.readouterr().out
    )
    assert not (place / "out" / "table.tsv").exists()
    assert main(command(place, "--job", "acadiff-AV45")) == 0
    assert tables(place / "out") == tables(compared / "out")


def test_what_is_done_needs_no_weights_and_trains_none(done):
    before = tables(done / "out")
    shutil.rmtree(done / "work" / "generators" / "mean-AV45")
    assert main(command(done)) == 0
    assert not (done / "work" / "generators" / "mean-AV45").exists()
    assert tables(done / "out") == before
    (done / "out" / "jobs" / "mean-AV45" / "job.json").unlink()
    assert main(command(done)) == 0
    assert (done / "work" / "generators" / "mean-AV45").exists()


def test_a_variant_that_is_only_sampled_otherwise_takes_the_weights_there_are(place):
    more = ["--variant", "more=diffusion.steps=3", "--variant", "one=draws=1"]
    assert main(command(place, "--no-train", *more, "--job", "acadiff@more-AV45")) == 0
    own = place / "work" / "generators"
    weights = [
        own / name / "generator.safetensors" for name in ("acadiff-AV45", "acadiff@more-AV45")
    ]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert (
        json.loads((own / "acadiff@more-AV45" / "generator.json").read_text())["diffusion"][
            "steps"
        ]
        == 3
    )
    assert main(command(place, "--no-train", *more, "--job", "acadiff@one-AV45")) == 0
    assert not (own / "acadiff@one-AV45").exists()


def test_a_variant_with_other_numbers_is_trained_beside_the_method(place):
    more = ["--variant", "plain=diffusion.consistency=0", "--job", "acadiff@plain-AV45"]
    assert main(command(place, *more)) == 0
    folder = place / "work" / "generators" / "acadiff@plain-AV45"
    assert json.loads((folder / "generator.json").read_text())["name"] == "acadiff"
    assert json.loads((folder / "training.json").read_text())["seconds"] > 0
    record = json.loads((place / "out" / "jobs" / "acadiff@plain-AV45" / "job.json").read_text())
    assert record["cost"]["training_seconds"] > 0
    made, own = (
        load_file(folder.with_name(name) / "generator.safetensors")
        for name in ("acadiff@plain-AV45", "acadiff-AV45")
    )
    differ = {name.partition(".")[0] for name in made if not torch.equal(made[name], own[name])}
    assert "denoiser" in differ <= {"denoiser", "shared_error"}
    assert not (folder / "anchor").exists()


def changed(path, row):
    table = read_table(path, text=TEXT)
    table.loc[row, "value"] += 0.01
    table.to_csv(path, sep="\t", index=False, na_rep="n/a")
    return table.loc[row]


def test_what_figures_say_is_plain_text(compared):
    drawn = list((compared / "out" / "figures").glob("*.svg"))
    assert drawn
    assert not [path.name for path in drawn if "mathdefault" in path.read_text()]


def test_it_is_held_against_what_was_committed(done, capsys):
    shutil.copytree(done / "out", done / "committed")
    assert main(command(done, "--check", done / "committed")) == 0
    assert "rows of the table agree" in capsys.readouterr().out
    other = changed(done / "committed" / "table.tsv", 3)
    status, sentence = refused(capsys, *command(done, "--check", done / "committed"))
    assert status == 1
    assert f"value of {' '.join(other[['method', 'task', 'image', 'metric']])} is" in sentence
    wide = ["--check", done / "committed", "--tolerance", "1"]
    assert main(command(done, *wide)) == 0


def test_some_of_the_people_are_held_against_their_own_numbers(done, capsys):
    shutil.copytree(done / "out", done / "committed")
    some = command(done, "--check", done / "committed", "--subjects", "2")
    some[some.index("--out") + 1] = str(done / "some")
    changed(done / "committed" / "table.tsv", 3)
    assert main(some) == 0
    assert "numbers of 2 people agree" in capsys.readouterr().out
    people = read_table(done / "some" / "generation.tsv", text=TEXT)["subject"]
    whole = read_table(done / "committed" / "generation.tsv", text=TEXT)
    other = changed(
        done / "committed" / "generation.tsv", whole.index[whole["subject"] == people[0]][0]
    )
    status, sentence = refused(capsys, *some)
    assert status == 1
    assert f"value of {' '.join(other[list(KEYS)])} is" in sentence


@pytest.mark.parametrize(
    ("change", "what"),
    [(["--seed", "1"], "seed"), (["--draws", "3"], "draws"), (["--subjects", "2"], "test people")],
)
def test_results_of_another_run_are_not_mixed_in(change, what, done, capsys):
    before = contents(done)
    status, sentence = refused(capsys, *command(done, *change))
    assert status == 73
    assert f"holds results of another {what}" in sentence
    assert contents(done) == before


def test_results_of_another_precision_are_not_mixed_in(done, capsys, monkeypatch):
    monkeypatch.setattr(bench, "usable", lambda *_: HALF)
    status, sentence = refused(capsys, *command(done))
    assert (status, "holds results of another precision" in sentence) == (73, True)


def test_results_of_another_recipe_are_not_mixed_in(done, capsys):
    status, sentence = refused(capsys, *command(done, "--set", "training.rate=0.5"))
    assert (status, "holds results of another recipe" in sentence) == (73, True)


def test_results_of_other_weights_are_not_mixed_in(done, capsys):
    path = done / "out" / "jobs" / "mean-AV45" / "job.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"weights": "0" * 64}))
    status, sentence = refused(capsys, *command(done))
    assert (status, "holds results of another weights" in sentence) == (73, True)


def test_weights_of_another_recipe_are_refused(place, capsys):
    changed = command(place, "--set", "training.rate=0.5", "--job", "acadiff-AV45")
    status, sentence = refused(capsys, *changed)
    assert (status, "holds a generator of another recipe" in sentence) == (65, True)


def test_half_trained_and_absent_weights_are_refused_where_nothing_is_to_be_trained(place, capsys):
    folder = place / "work" / "generators" / "acadiff-AV45"
    (folder / "generator.json").unlink()
    assert refused(capsys, *command(place, "--no-train"))[0] == 65
    shutil.rmtree(folder)
    status, sentence = refused(capsys, *command(place, "--no-train"))
    assert (status, "there are no weights" in sentence) == (66, True)
    assert not folder.exists()


def test_weights_of_another_split_are_refused(place, capsys):
    path = place / "work" / "generators" / "mean-AV45" / "generator.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"trained_on": record["trained_on"][1:]}))
    status, sentence = refused(capsys, *command(place, "--job", "mean-AV45"))
    assert status == 65
    assert "was trained on 3 people of another split than the 4" in sentence


def test_weights_that_have_seen_test_people_are_refused(place, capsys):
    split = place / "work" / "split.tsv"
    rows = split.read_text().splitlines()
    other = next(row for row in rows if "\ttest\t" in row)
    path = place / "work" / "generators" / "mean-AV45" / "generator.json"
    record = json.loads(path.read_text())
    seen = [*record["trained_on"][1:], other.split("\t")[2]]
    path.write_text(json.dumps(record | {"trained_on": sorted(seen)}))
    status, sentence = refused(capsys, *command(place, "--job", "mean-AV45"))
    assert (status, "was trained on 1 of the test subjects" in sentence) == (65, True)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (["--methods", "magic"], "there is no method 'magic'"),
        (["--task", "FDG-FDG"], "--task: there is no 'FDG-FDG'"),
        (["--job", "mean-FDG"], "there is no 'mean-FDG' in this comparison"),
        (["--variant", "x=conditioning.both=1"], "--task MRI-AV45: acadiff@x is never trained"),
        (["--variant", "x=no.such=1"], "there is no no; known are"),
    ],
)
def test_what_there_is_not_is_refused_before_anything_is_written(change, sentence, place, capsys):
    before = contents(place)
    status, told = refused(capsys, *command(place, *change))
    assert status == 64
    assert sentence in told
    assert contents(place) == before
