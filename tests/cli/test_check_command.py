"""`acadiff check`: exit status and last line say the same, and nothing is said in secret."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from gaps import SCAN, clinical, grow, place

from acadiff.cli import main
from acadiff.modality import Modality

ALL = tuple(Modality)
PEOPLE = {("1", None): ALL, ("2", None): ALL[:2]}


@pytest.fixture
def source(tmp_path):
    return grow(tmp_path / "in", "bids", PEOPLE)


@pytest.fixture
def check(capsys):
    """Run it; returns the status, the lines of stdout, and stderr."""

    def run(*arguments):
        capsys.readouterr()
        status = main(["check", *map(str, arguments)])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return status, out.splitlines(), err

    return run


def spoil(source):
    (source / place("bids", "2", None, Modality.FDG)).write_bytes(SCAN[:200])


def test_nothing_refused_is_0(check, source):
    status, out, err = check(source)
    assert status == 0
    assert out[-1] == "5 of 6 expected scans can be used; nothing was refused"
    assert err == ""
    assert any("all" in line and "2 of 2" in line and "1 of 2" in line for line in out)


def test_something_refused_is_65_and_counted(check, source, tmp_path):
    spoil(source)
    status, out, err = check(source, "--out", tmp_path / "out")
    assert status == 65
    assert out[-1] == "4 of 6 expected scans can be used; 1 refused input, see above"
    assert out[-2] == str(tmp_path / "out" / "check.html")
    assert "E_TRUNC (1)" in out
    assert err == ""
    assert Path(out[-2]).is_file()


@pytest.mark.parametrize(
    ("status", "arguments"),
    [
        (66, ["gone"]),
        (66, ["in", "--clinical", "gone.csv"]),
        (66, ["in", "-tsv", "gone.tsv"]),
        (66, ["in", "--clinical-map", "gone.toml"]),
        (18, ["in", "--participant-label", "99"]),
        (18, ["in", "--participant-label", "sub-99"]),
        (18, ["in", "--session-label", "M012"]),
        (64, ["in", "--layout", "dicom"]),
        (64, ["in", "--reconstruction", "coregavg"]),
        (64, ["in", "--reconstruction", "CT=x"]),
        (64, ["in", "--tracer-map", "x=FDG", "--tracer-map", "x=AV45"]),
        (64, ["in", "--nonfinite", "ignore"]),
        (64, ["in", "--nope"]),
        (65, ["empty"]),
        (73, ["in", "--out", "in"]),
        (73, ["in", "--out", "in/sub-1/report"]),
        (73, ["in", "--out", "in/dataset_description.json/x"]),
    ],
)
def test_what_cannot_begin_is_one_sentence(check, source, monkeypatch, status, arguments):
    monkeypatch.chdir(source.parent)
    (source.parent / "empty").mkdir()
    before = sorted(source.parent.rglob("*"))
    got, out, err = check(*arguments)
    assert (got, out, err.count("\n")) == (status, [], 1)
    assert err.startswith("acadiff: ")
    assert "unexpected" not in err
    assert sorted(source.parent.rglob("*")) == before


def test_the_options_reach_the_check(check, source, tmp_path):
    path = source / place("bids", "2", None, Modality.FDG)
    for made in ("a", "b"):
        shutil.copy(path, path.with_name(f"sub-2_trc-18FFDG_rec-{made}_pet.nii.gz"))
    path.rename(path.with_name("sub-2_trc-x_pet.nii.gz"))
    other = source / place("bids", "1", None, Modality.FDG)
    other.rename(other.with_name("sub-1_trc-18FFDG_rec-a_pet.nii.gz"))
    status, out, _ = check(source)
    assert (status, out[-1][:6]) == (65, "4 of 6")
    table = tmp_path / "who.tsv"
    table.write_text("participant_id\nsub-1\nsub-2\n")
    status, out, _ = check(
        source, "-rec", "fdg=a", "--tracer-map", "x=AV45", "-tsv", table, "--layout", "bids",
        "--run", "1", "--space", "none", "--resolution", "none", "--desc", "none",
    )  # fmt: skip
    assert (status, out[-1]) == (0, "6 of 6 expected scans can be used; nothing was refused")


def test_clinical_options_reach_the_check(check, source, tmp_path):
    table = clinical(tmp_path / "t.csv", ["1\tM000\tAD\t20\t70", "2\tM000\tn/a\t20\t70"])
    table.write_text(table.read_text().replace("MMSE", "points"))
    names = tmp_path / "map.toml"
    names.write_text('MMSE = "points"\n')
    status, out, _ = check(source, "--clinical", table, "--clinical-map", names)
    assert status == 0
    assert any(line.split() == ["t.csv", "MMSE", "points"] for line in out)
    assert any(line.split()[:2] == ["AD", "1"] for line in out)
    assert any(line.split()[:2] == ["unknown", "1"] for line in out)


def test_many_problems_of_one_kind_are_shortened_on_the_terminal(check, tmp_path):
    source = grow(tmp_path, "bids", {(str(n), None): ALL[1:] for n in range(8)})
    _, out, _ = check(source)
    assert "E_NO_MRI (8)" in out
    assert "  … and 5 more; --out lists all" in out


def test_markup_in_names_is_shown_as_it_is(check, source):
    name = "sub-1_[bold]x[link]_T1w.nii.gz"
    (source / "sub-1" / "anat" / name).write_bytes(SCAN)
    status, out, _ = check(source)
    assert status == 65
    assert any(name in line for line in out)


def test_values_of_persons_are_neither_printed_nor_logged(check, source, tmp_path):
    rows = [f"{n}\tM000\tMCI\t2{n}.625\t7{n}.875" for n in (1, 2)]
    clinical(source / "participants.tsv", rows)
    before = {*Path("/tmp").glob("acadiff-*")}
    _, out, err = check(source, "--out", tmp_path / "out")
    assert ".625" not in "".join(out) + err
    assert ".875" not in "".join(out) + err
    assert {*Path("/tmp").glob("acadiff-*")} == before


def test_strict_bids_is_16(check, source):
    if shutil.which("bids-validator-deno", path=Path(sys.executable).parent) is None:
        pytest.skip("bids-validator-deno is not installed")
    status, out, _ = check(source, "--strict-bids")
    assert status == 16
    assert out[-1].startswith("5 of 6 expected scans can be used; nothing was refused; ")
    assert out[-1].endswith(" errors of BIDS validation")
    assert any(line.startswith("E_BIDS (") for line in out)


def test_strict_bids_without_the_validator_is_64(check, source, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    status, out, err = check(source, "--strict-bids")
    assert (status, out) == (64, [])
    assert "pip install bids-validator-deno" in err


def test_the_command_is_loaded_without_anything_heavy():
    code = "import sys, acadiff.cli.check; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"numpy", "scipy", "nibabel", "rich.table", "acadiff.stages.check"}
