import json
import shutil

import pandas as pd
import pytest
from brook import contents
from makers import write_cohort

from acadiff.cli import main
from acadiff.cohort.dataset import read_cohort

SETTINGS = ("voxel=8", "diagnosis.people.fit=0.5", "diagnosis.people.validation=0.1")
CHANGES = [f"--set={s}" for s in (*SETTINGS, "diagnosis.people.test=0.4")]


@pytest.fixture(scope="module")
def strangers(tmp_path_factory):
    """Fourteen people with CN and as many with AD, whom no model has seen."""
    rows = [f"sub-{d}{n:02}\t{d}\t70\tF\t0\t28\t8\t0" for n in range(14) for d in ("CN", "AD")]
    return write_cohort(tmp_path_factory.mktemp("strangers") / "cohort", rows)


def command(cohort, work, out, *more):
    asked = ("--methods", "acadiff:none,mean", "--rates", "40,80", "--runs", "2")
    return [str(a) for a in ("benchmark", "diagnosis", cohort, work, "--out", out, *asked, *more)]


@pytest.fixture(scope="module")
def told(river, strangers, tmp_path_factory):
    """A finished study: its people, the models' folder and its results."""
    root = tmp_path_factory.mktemp("study")
    work = shutil.copytree(river / "work", root / "work")
    assert main([*command(strangers, work, root / "out"), *CHANGES]) == 0
    return strangers, work, root / "out"


def test_tables_and_page_tell_of_every_row(told):
    _, _, out = told
    table = pd.read_csv(out / "summary.tsv", sep="\t")
    rows = {"oracle", "drop", "zerofill", "observed-mean", "acadiff:none", "mean"}
    assert set(table.method) == rows
    assert set(table[table.method == "oracle"].rate) == {0}
    assert set(table[table.method == "mean"].rate) == {40, 80}
    held = json.loads((out / "diagnosis.json").read_bytes())
    assert held["people"]["fit"] == {"CN": 7, "MCI": 0, "AD": 7}
    page = (out / "diagnosis.html").read_text()
    assert "SIMULATED cohort" in page
    assert "https://" not in page.replace("http://www.w3.org", "")
    assert "ACADiff, no clinical data" in (out / "table.md").read_text()


def test_what_a_kill_left_is_finished_to_the_same_bytes(told, capsys):
    cohort, work, out = told
    before, kept = contents(out), sorted((work / "completed").rglob("*.safetensors"))
    times = {path: path.stat().st_mtime_ns for path in kept}
    journal = (out / "runs.jsonl").read_text().splitlines()
    (out / "runs.jsonl").write_text("\n".join(journal[: len(journal) // 2])[:-20])
    victim = next(path for path in kept if "-from-" in path.name)
    victim.unlink()
    (victim.parent / f".acadiff-999999999-{'0' * 32}.safetensors").write_bytes(b"half")
    (out / "table.md").unlink()
    assert main([*command(cohort, work, out), *CHANGES]) == 0
    after = contents(out)
    assert {k: v for k, v in after.items() if k != "runs.jsonl"} == {
        k: v for k, v in before.items() if k != "runs.jsonl"
    }
    moved = {path for path in kept if path.stat().st_mtime_ns != times[path]}
    assert moved == {victim}
    assert not list(victim.parent.glob(".acadiff-*"))


def test_results_of_two_splits_are_not_mixed(told, refused):
    cohort, work, out = told
    other = [*CHANGES, "--set=diagnosis.people.seed=1"]
    assert "results of another split" in refused(73, *command(cohort, work, out), *other)


@pytest.mark.parametrize(
    ("more", "status", "sentence"),
    [
        (("--rates", "0,20"), 64, "the missing rate is 0"),
        (("--rates", "20%"), 64, "'20%' is no whole number"),
        (("--methods", "magic"), 64, "there is no 'magic'"),
        (("--methods", "ldm"), 66, "has no weights of ldm"),
        (("--classifier", "forest"), 64, "there is no 'forest' to run"),
        (("--scenario", "three-way"), 65, "has 0 people with MCI"),
        (("--set", "voxel=4"), 64, "the models in"),
    ],
)
def test_what_cannot_be_run_is_one_sentence(more, status, sentence, told, tmp_path, refused):
    cohort, work, _ = told
    asked = [*command(cohort, work, tmp_path / "out"), *CHANGES, *more]
    assert sentence in refused(status, *asked)
    assert not (tmp_path / "out").exists()


def test_people_whom_a_model_has_seen_are_refused(river, told, tmp_path, refused):
    _, work, _ = told
    found = refused(65, *command(river / "cohort", work, tmp_path / "out"), *CHANGES)
    assert "trained on 10 of its people" in found


def test_utility_says_whether_it_is_worth_it(told, tmp_path, capsys):
    cohort, work, _ = told
    out = tmp_path / "out"
    asked = ("utility", cohort, work, "--out", out, "--target", "AV45", "--method", "mean")
    assert main([str(a) for a in (*asked, "--runs", 2)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert "mputing AV45-PET is" in said[0]
    page = (out / "utility.html").read_text()
    assert said[0] in page
    assert "SIMULATED cohort" in page
    table = pd.read_csv(out / "utility-summary.tsv", sep="\t")
    assert set(table.scenario) == {"AV45 learn", "AV45 judge"}
    learn = table[table.scenario == "AV45 learn"]
    assert {"oracle", "drop", "observed-mean", "without", "mean"} <= set(learn.method)
    before = contents(out)
    assert main([str(a) for a in (*asked, "--runs", 2)]) == 0
    assert contents(out) == before


def test_the_report_has_a_section_of_either_study_and_names_the_folder_that_is_none(
    river, told, tmp_path, refused
):
    cohort, work, study = told
    made, out = tmp_path / "made", tmp_path / "out"
    one = [river / "cohort", made, "--model", river / "work", "--draws", "2"]
    who = next(s.id for s in read_cohort(river / "cohort").subjects if len(s.scans) < 3)
    assert main([str(a) for a in ("impute", *one, "--participant-label", who)]) == 0
    asked = ("utility", cohort, work, "--out", out, "--target", "AV45", "--method", "mean")
    assert main([str(a) for a in (*asked, "--runs", 1)]) == 0
    page = ["report", made, "--cohort", river / "cohort", "--out", tmp_path]
    found = ["--diagnosis", study, "--utility", out]
    assert main([str(a) for a in (*page, *found)]) == 0
    html = (tmp_path / "report.html").read_text()
    section, _, rest = html.partition('<section id="diagnosis">')[2].partition("</section>")
    held = json.loads((study / "diagnosis.json").read_bytes())
    assert held["simulated"]
    assert "Against the bars" in section
    assert section.count("data:image/svg+xml") == 3  # AUC, accuracy, and gains at 80 %
    assert "SIMULATED" in section
    assert "mputing AV45-PET is" in rest.partition('<section id="utility">')[2]
    for option, folder in (("--diagnosis", out), ("--utility", study)):
        assert "run `acadiff" in refused(66, *map(str, page), option, str(folder))


def test_utility_refuses_a_cohort_that_is_too_small(river, told, tmp_path, refused):
    _, work, _ = told
    asked = ("utility", river / "cohort", work, "--out", tmp_path / "out")
    assert "are needed" in refused(65, *asked)
