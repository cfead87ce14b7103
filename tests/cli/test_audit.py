import json
import shutil

import nibabel
import numpy as np
import pandas as pd
import pytest

from acadiff.cli import main
from acadiff.cohort.dataset import read_cohort
from acadiff.cohort.ledger import read_split
from acadiff.modality import Modality
from acadiff.stages import audit


@pytest.fixture(scope="module")
def told(river, tmp_path_factory):
    """Both test subjects, audited: cohort, work folder and the folder of the audit."""
    root = tmp_path_factory.mktemp("audit")
    work, out = shutil.copytree(river / "work", root / "work"), root / "out"
    one = audited(river / "cohort", work)[0]
    assert run(river / "cohort", work, out, "--counterfactual", one) == 0
    return river / "cohort", work, out


def audited(cohort, work):
    """Test subjects with an MRI."""
    people = read_cohort(cohort).named(read_split(work / "split.tsv")["test"])
    return [s.id for s in people.subjects if Modality.MRI in s.scans]


def run(cohort, work, out, *more):
    command = ["audit", cohort, work, "--out", out, "--draws", 2, *more]
    return main([str(a) for a in command])


def test_it_tells_on_a_page_and_in_tables_what_the_prompt_writes(told):
    cohort, work, out = told
    page = (out / "audit.html").read_text()
    assert page.count("SYNTHETIC") > 5
    assert "SIMULATED cohort" in page
    assert "https://" not in page.replace("http://www.w3.org", "")
    held = json.loads((out / "audit.json").read_text())
    assert sum(held["subjects"].values()) == len(audited(cohort, work))
    assert all(sentence in page for sentence in held["verdict"])
    table = pd.read_csv(out / "audit.tsv", sep="\t")
    assert tuple(table.columns) == audit.COLUMNS
    people = {f"sub-{name}" for name in audited(cohort, work)}
    assert set(table.subject.dropna()) == people
    own = table[(table.condition == "own") & (table.measure == "RMS change")]
    assert (own.value == 0).all()
    assert {"withheld", "shuffled", "acquired", "sources"} <= set(table.condition)


def test_counterfactuals_are_labelled_and_reach_from_29_to_15(told):
    _, _, out = told
    held = json.loads((out / "counterfactual" / "counterfactual.json").read_text())
    assert [panel["row"] for panel in held["panels"]] == ["MMSE alone", "diagnosis and all scores"]
    for panel in held["panels"]:
        mmse = [point["mmse"] for point in panel["points"]]
        assert (mmse[0], mmse[-1]) == (29, 15)
        images = [point["image"] for point in panel["points"] if point["image"]]
        assert len(images) == 2
        for name in images:
            header = nibabel.load(out / "counterfactual" / name).header
            assert bytes(header["descrip"]).startswith(b"SYNTHETIC")


def test_a_run_that_was_cut_short_goes_on_and_ends_alike(told, tmp_path):
    cohort, work, done = told
    out, one = shutil.copytree(done, tmp_path / "out"), audited(cohort, work)[0]
    whole, before = (out / "audit.jsonl").read_bytes(), scans(out)
    assert run(cohort, work, out, "--counterfactual", one) == 0
    assert (out / "audit.jsonl").read_bytes() == whole
    (out / "audit.jsonl").write_bytes(whole[: len(whole) // 2])
    for name in ("audit.tsv", "audit.json", "audit.html"):
        (out / name).unlink()
    assert run(cohort, work, out, "--counterfactual", one) == 0
    assert (out / "audit.json").read_bytes() == (done / "audit.json").read_bytes()
    assert (out / "audit.html").is_file()
    after = scans(out)
    pd.testing.assert_frame_equal(after.drop(columns="value"), before.drop(columns="value"))
    np.testing.assert_allclose(after.value, before.value, atol=1e-5)


def scans(out):
    """What was read of every scan."""
    table = pd.read_csv(out / "audit.tsv", sep="\t")
    return table[table.level == "scan"]


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("--target", "MRI"), 64, "MRI has no regional SUVR; there are AV45 and FDG"),
        (("--source", "AV45"), 64, "name sources other than the target, AV45"),
        (("--target", "CT"), 64, "no modality 'CT'"),
        (("--method", "magic"), 66, "holds no trained magic"),
        (("--counterfactual", "nobody"), 65, "there is no sub-nobody in its table"),
    ],
)
def test_what_cannot_be_audited_is_one_sentence(
    arguments, status, sentence, river, tmp_path, refused
):
    command = ["audit", river / "cohort", river / "work", "--out", tmp_path / "out"]
    assert sentence in refused(status, *command, *arguments)
    assert not (tmp_path / "out").exists()


def test_a_model_that_has_seen_everybody_cannot_be_audited(cohort, work, tmp_path, refused):
    path = work / "split.tsv"
    path.write_text(path.read_text().replace("\ttest\t", "\ttrain\t"))
    command = ["audit", cohort, work, "--out", tmp_path / "out"]
    assert "the model has seen everybody" in refused(65, *command)


def test_the_report_shows_an_audit_and_names_one_that_is_not_there(told, tmp_path, capsys):
    cohort, work, out = told
    made = tmp_path / "imputed"
    assert main([str(a) for a in ("impute", cohort, made, "-m", work, "--method", "mean")]) == 0
    command = ["report", made, "--cohort", cohort, "--out", tmp_path, "--audit"]
    assert main([str(a) for a in (*command, out)]) == 0
    page = (tmp_path / "report.html").read_text()
    assert 'id="audit"' in page
    assert json.loads((out / "audit.json").read_text())["verdict"][0] in page
    assert page.count("told MMSE 15") == (out / "audit.html").read_text().count("told MMSE 15")
    capsys.readouterr()
    assert main([str(a) for a in (*command, tmp_path)]) == 66
    assert "run `acadiff audit` first" in capsys.readouterr().err
