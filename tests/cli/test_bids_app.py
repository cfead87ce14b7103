import json

import pytest

from acadiff.cli import main
from acadiff.cli.bids_app import is_bids_app
from acadiff.cohort.dataset import read_cohort
from acadiff.modality import Modality


def made(out):
    """Every (subject, target) that was imputed."""
    return {
        (p.name.split("_")[0][4:], json.loads(p.read_text())["TargetModality"])
        for p in (out / "imputed").rglob("*_desc-synth_*.json")
    }


def missing(cohort):
    return {
        (s.id, m.name) for s in read_cohort(cohort).subjects for m in Modality if m not in s.scans
    }


def app(*arguments):
    return main([str(a) for a in arguments])


def test_the_form_of_a_bids_app_prepares_imputes_and_reports(
    cohort, work, tmp_path, lacking, capsys
):
    out, few = tmp_path / "out", ("--model", work, "--draws", 2)
    first, second = lacking[:2]
    for one in (first, second):  # as two jobs of a cluster would
        assert app(cohort, out, "participant", "--participant-label", one.id, *few) == 0
    assert made(out) == {pair for pair in missing(cohort) if pair[0] in (first.id, second.id)}
    assert {s.id for s in read_cohort(out / "prepared").subjects} == {first.id, second.id}
    assert app(cohort, out, "participant", *few) == 0
    assert made(out) == missing(cohort)
    assert capsys.readouterr().out.splitlines()[-1].endswith("no acquired scan was refused")
    assert app(cohort, out, "group", "--model", work) == 0
    assert "SYNTHETIC" in (out / "report.html").read_text()


def test_somebody_who_lacks_nothing_is_no_failure(cohort, work, tmp_path):
    full = next(s for s in read_cohort(cohort).subjects if len(s.scans) == 3)
    arguments = ("--participant-label", full.id, "--model", work)
    assert app(cohort, tmp_path / "out", "participant", *arguments) == 0


def test_a_scan_that_is_refused_is_told_by_status_and_last_line(
    cohort, work, tmp_path, lacking, capsys
):
    victim = next(iter(lacking[0].scans.values()))
    victim = cohort / victim.relative_to(victim.parents[2])
    victim.write_bytes(victim.read_bytes()[:-20])
    out = tmp_path / "out"
    assert app(cohort, out, "participant", "--model", work, "--draws", 1) == 65
    told = capsys.readouterr().out
    assert victim.name in told
    assert told.splitlines()[-1].endswith("1 acquired scans were refused")
    assert len(made(out)) >= len(missing(cohort)) - 1


def test_another_level_has_the_status_of_bids_apps(cohort, tmp_path, refused):
    told = refused(17, cohort, tmp_path / "out", "session")
    assert "the analysis level is 'session'; there are participant and group" in told


@pytest.mark.parametrize(
    ("arguments", "whether"),
    [
        (["/", "out", "participant"], True),
        (["--debug", "/", "out", "group"], True),
        (["/", "out", "nonsense"], True),
        (["nowhere", "out", "participant"], True),
        (["nowhere", "out", "nonsense"], False),
        (["score", "participant", "group"], False),
        (["/", "--version", "group"], False),
        (["/", "out"], False),
    ],
)
def test_no_command_is_taken_for_a_dataset(arguments, whether):
    assert is_bids_app(arguments, {"score"}) is whether
