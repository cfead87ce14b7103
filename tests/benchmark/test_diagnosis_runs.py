import json
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from makers import write_cohort

from acadiff.benchmark.diagnosis.check import check
from acadiff.benchmark.diagnosis.comparison import fill, refuse_others, tell
from acadiff.benchmark.diagnosis.rows import SIMPLE, Kind, Row
from acadiff.benchmark.diagnosis.runs import finished, forget, jobs_of, run_jobs
from acadiff.benchmark.diagnosis.setting import JOURNAL, Request, Setting, rows_in
from acadiff.benchmark.diagnosis.shelf import Sampling, Shelf
from acadiff.benchmark.diagnosis.study import TWO, study
from acadiff.clinical.prompt import Detail
from acadiff.cohort.dataset import read_cohort
from acadiff.errors import AcadiffError, OutputError, UsageError
from acadiff.evaluation.diagnosis_verdict import over_patterns
from acadiff.recipe import load_recipe

SHARES = [f"diagnosis.people.{k}" for k in ("fit=0.5", "validation=0.1", "test=0.4")]
RECIPE = load_recipe("phantom-4mm", ["voxel=8", *SHARES])
GENERATOR = Row(Kind.GENERATOR, "acadiff", told=True)


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    """A study of 28 people by the rows that need no model, all its volumes on the shelf."""
    root = tmp_path_factory.mktemp("runs")
    rows = [f"sub-{d}{n:02}\t{d}\t70\tF\t0\t28\t8\t0" for n in range(14) for d in ("CN", "AD")]
    people = read_cohort(write_cohort(root / "cohort", rows))
    held = study(people, root, [], RECIPE.diagnosis.people, simulated_model=True)
    request = Request(SIMPLE, rates=(40,), runs=2, sampling=Sampling(2))
    made = Setting(
        held, Shelf(root / "completed", 8), root, RECIPE, request, root / "out", lambda _: None
    )
    fill(made)
    forget()
    return made


@pytest.fixture
def fresh(setting, tmp_path):
    """The same with nothing run."""
    return replace(setting, out=tmp_path / "out")


def test_every_row_is_run_and_the_oracle_once(fresh):
    run_jobs(fresh)
    found = finished(fresh)
    assert {(cell.method, cell.rate) for cell in found} == {
        ("oracle", 0),
        *((name, 40) for name in ("drop", "zerofill", "observed-mean")),
    }
    judged = len(fresh.study.of("test", TWO))
    assert {runs.test.shape for runs in found.values()} == {(2, judged, 2)}
    tell(fresh)
    assert len(pd.read_csv(fresh.out / "diagnosis.tsv", sep="\t")) == 4 * 2 * 9


def test_a_finished_run_is_not_done_again_and_a_line_cut_short_is(fresh):
    run_jobs(fresh)
    path = fresh.out / JOURNAL
    lines = [line for line in path.read_text().splitlines() if line]
    path.write_text("\n".join(lines[:5]) + "\n" + lines[5][:40])
    said = []
    run_jobs(replace(fresh, on_step=said.append))
    assert len(said) == len(lines) - 5
    again = {json.dumps(json.loads(line)) for line in lines}
    kept = [line for line in path.read_text().splitlines() if line and line[-1] == "}"]
    assert {json.dumps(json.loads(line)) for line in kept} == again


def test_other_numbers_of_a_classifier_are_other_runs(fresh):
    run_jobs(fresh)
    other = replace(fresh, recipe=load_recipe("phantom-4mm", ["diagnosis.strength=1", *SHARES]))
    assert not finished(other)
    run_jobs(other)
    assert finished(other).keys() == finished(fresh).keys()


def test_of_a_row_with_new_weights_the_old_runs_do_not_count(fresh):
    run_jobs(fresh)
    path = fresh.out / JOURNAL
    lines = [json.loads(line) for line in path.read_text().splitlines() if line]
    newer = next(line for line in lines if line["method"] == "drop")
    newer = {**newer, "key": "0" * 24, "weights": "new"}
    path.write_text(path.read_text() + json.dumps(newer) + "\n")
    counts = {cell.method: len(runs.test) for cell, runs in finished(fresh).items()}
    assert counts == {"oracle": 2, "drop": 1, "zerofill": 2, "observed-mean": 2}


def test_rows_that_too_few_people_are_left_for_are_passed_over(fresh):
    empty = replace(fresh, request=replace(fresh.request, rates=(100,)))
    assert {job.cell.method for job in jobs_of(empty)} >= {"oracle", "zerofill"}
    assert "drop" not in {job.cell.method for job in jobs_of(empty)}


def test_results_of_another_split_are_left_alone(fresh):
    run_jobs(fresh)
    tell(fresh)
    refuse_others(fresh.out, fresh.study)
    people = {**fresh.study.parts, "fit": fresh.study.parts["test"]}
    with pytest.raises(OutputError, match="results of another split") as raised:
        refuse_others(fresh.out, replace(fresh.study, parts=people))
    assert raised.value.code == "E_OTHER_SPLIT"
    (fresh.out / "diagnosis.json").write_text("{")
    with pytest.raises(OutputError, match="results of another split"):
        refuse_others(fresh.out, fresh.study)


def test_several_patterns_of_gaps_are_averaged_on_the_same_people(fresh):
    several = replace(fresh, request=replace(fresh.request, mask_seeds=(0, 1)))
    fill(several)
    run_jobs(several)
    tell(several)
    each = pd.read_csv(fresh.out / "differences.tsv", sep="\t", dtype={"threshold": str})
    whole = pd.read_csv(fresh.out / "patterns.tsv", sep="\t")
    assert set(whole["patterns"]) == {2}
    assert set(whole["against"]) == {"drop", "observed-mean", "oracle"}
    for row in whole.to_dict("records"):
        same = (each["metric"] == "AUC") & (each["against"] == row["against"])
        own = each[same & (each["method"] == row["method"])]
        assert len(own) == 2
        assert row["difference"] == pytest.approx(own["difference"].mean(), abs=1e-6)
        assert row["low"] <= row["difference"] <= row["high"]
    assert "patterns of gaps" in (fresh.out / "table.md").read_text()


def test_what_acadiff_gains_over_patterns_is_said_in_words():
    found = {"method": "acadiff", "rate": 80, "against": "drop", "patterns": 5}
    table = pd.DataFrame([{**found, "difference": 0.02, "low": 0.01, "high": 0.03}])
    (said,) = over_patterns(table)
    assert said == (
        "ACADiff, 80 % missing, over 5 patterns: better than Drop (+0.020, +0.010 to +0.030)."
    )
    assert over_patterns(table.iloc[:0]) == []


def test_a_study_is_held_to_the_numbers_that_were_committed(fresh, tmp_path):
    run_jobs(fresh)
    tell(fresh)
    committed = Path(shutil.copytree(fresh.out, tmp_path / "committed"))
    assert check(fresh.out, committed).endswith("worst 0")
    path = committed / "summary.tsv"
    table = pd.read_csv(path, sep="\t", keep_default_na=False, dtype=str)
    row = table.index[(table["method"] == "drop") & (table["metric"] == "AUC")][0]
    table.loc[row, "mean"] = str(float(table.loc[row, "mean"]) - 0.002)
    table.to_csv(path, sep="\t", index=False)
    with pytest.raises(AcadiffError, match="mean of train regional 0 40 drop any AUC 2") as raised:
        check(fresh.out, committed)
    assert raised.value.code == "E_NOT_REPRODUCED"
    assert "within 0.01" in check(fresh.out, committed, 0.01)
    table["runs"] = "3"
    table.to_csv(path, sep="\t", index=False)
    with pytest.raises(AcadiffError, match="has no cell that"):
        check(fresh.out, committed)


def test_nobody_who_is_judged_is_dropped_or_has_a_label_told():
    rows = rows_in((*SIMPLE, GENERATOR, replace(GENERATOR, detail=Detail.SCORES)), "test")
    assert [row.name for row in rows] == ["oracle", "zerofill", "observed-mean", "acadiff:none"]
    assert rows_in(SIMPLE, "train") == SIMPLE


@pytest.mark.parametrize(
    "wrong", [{"classifiers": ("forest",)}, {"scenarios": ("never",)}, {"runs": 11}]
)
def test_what_cannot_be_run_is_refused(wrong):
    with pytest.raises(UsageError):
        Request(SIMPLE, **wrong)
