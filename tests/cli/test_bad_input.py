"""Every bad input from the command line: one sentence, in files and on the page; others go on.

One dataset holds simulated people at 8 mm in template space, each spoilt in one way (`spoilt`).
"""

import contextlib
import errno
import io
import json
import os
import re
import shutil

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from spoilt import (
    ODD,
    SCANS,
    STORED,
    TABLES,
    VISITS,
    Person,
    bit,
    cell,
    content,
    formless,
    put,
    stranger,
    two_forms,
)

from acadiff import phantom
from acadiff.bids import Name
from acadiff.cli import main
from acadiff.cohort.dataset import read_cohort
from acadiff.modality import Modality
from acadiff.volume.image import read_scan
from acadiff.volume.resample import onto

MRI, FDG, AV45 = Modality
WHOLE, VICTIM = "SIM0001", "SIM0002"
ALL = {**SCANS, **VISITS, **STORED}
IDS = {name: f"P{number:02d}" for number, name in enumerate(ALL)}


def run(command, source, out, *options):
    """Run a command; returns its status, what it printed, and its `check.json`."""
    where = ["--out", out] if command == "check" else [out, "--voxel", "8"]
    printed, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(err):
        status = main([str(a) for a in (command, source, *where, *options)])
    assert "Traceback" not in err.getvalue()
    assert "unexpected" not in err.getvalue()
    told = json.loads((out / "check.json").read_text(encoding="utf-8"))
    return status, printed.getvalue(), told


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Three whole people, and what `prepare` makes of them."""
    root = tmp_path_factory.mktemp("people")
    phantom.cohort(root / "bids", subjects=3, voxel=8, seed=11, missing=0.0)
    assert run("prepare", root / "bids", root / "out")[0] == 0
    return root


@pytest.fixture
def bids(people, tmp_path):
    """A copy that may be spoilt; beside it, in `out`, what was prepared of it before."""
    shutil.copytree(people / "out", tmp_path / "out")
    return shutil.copytree(people / "bids", tmp_path / "bids")


@pytest.fixture(scope="module")
def study(people, tmp_path_factory):
    """Sixty people of one brain, each spoilt in one way, checked and prepared."""
    root = tmp_path_factory.mktemp("study")
    (root / "bids").mkdir()
    shutil.copy(people / "bids" / "dataset_description.json", root / "bids")
    for who in (WHOLE, *IDS.values()):
        for modality in (MRI, FDG):
            path = root / "bids" / Name(who, modality).path()
            path.parent.mkdir(parents=True)
            shutil.copy(people / "bids" / Name(WHOLE, modality).path(), path)
    for name, how in ALL.items():
        next(filter(callable, how))(Person(root / "bids", IDS[name]))
    checked = run("check", root / "bids", root / "seen", "--thorough")
    return root, checked, run("prepare", root / "bids", root / "out")


def require(told, page, code, who=None):
    """Whole sentences of this code in `check.json` and on the page; no other of the person."""
    own = [p for p in told["problems"] if who is None or of(p, who)]
    refused = [p for p in own if p["code"] == code]
    assert refused, own
    for problem in refused:
        assert set(problem) == {"path", "code", "value", "hint", "text"}
        assert "\n" not in problem["text"]
        assert problem["hint"] in problem["text"]
        start = re.split(", | ", problem["path"])[0]
        assert start in problem["text"]
        assert page is None or start in page
    assert page is None or code in page
    codes = {p["code"] for p in own if p["code"][0] == "E"}
    assert who is None or codes == ({code, "E_MISREG"} if code == "E_FOV" else {code})


def of(problem, who):
    """Whether a problem is of this person."""
    return re.search(rf"sub-{who}(?![0-9A-Za-z])", problem["path"])


def prepared(root):
    """Person → what is prepared."""
    return {s.id: dict(s.scans) for s in read_cohort(root).subjects}


def test_both_commands_say_how_many_are_refused_and_end_with_65(study):
    _, (status, printed, told), (again, said, found) = study
    refused = len(SCANS) + sum(seen for *_, seen in VISITS.values())
    assert (status, again) == (65, 65)
    assert f"{refused} refused inputs, see above" in printed.splitlines()[-1]
    assert f"{refused + 2} refused inputs, see above" in said.splitlines()[-1]
    lost = len(SCANS) + sum(len(scans) for _, _, scans, seen in VISITS.values() if seen)
    people = len(ALL) + 1
    # AV45 lacks everywhere; a PET of an unknown tracer may be that of one.
    assert told["counts"] == {
        "found": 2 * people - lost, "not found": people - 1, "rejected": lost + 1,
    }  # fmt: skip
    assert found["requested"] == found["done"] + found["refused"] == 2 * people + 1


@pytest.mark.parametrize("name", SCANS)
def test_a_scan_that_cannot_be_used_is_told_and_the_others_are_prepared(study, name):
    root, (_, printed, told), (_, _, again) = study
    code, who = SCANS[name][0], IDS[name]
    assert f"{code} (" in printed
    require(told, (root / "seen" / "check.html").read_text(), code, who)
    require(again, (root / "out" / "qc.html").read_text(), code, who)
    assert set(prepared(root / "out")[who]) == {FDG}


@pytest.mark.parametrize("name", VISITS)
def test_a_visit_that_contradicts_itself_is_told_and_the_others_are_prepared(study, name):
    root, (_, _, told), (_, _, again) = study
    (code, _, lost, seen), who = VISITS[name], IDS[name]
    if seen:
        require(told, (root / "seen" / "check.html").read_text(), code, who)
    require(again, (root / "out" / "qc.html").read_text(), code, who)
    assert set(prepared(root / "out").get(who, ())) == {MRI, FDG} - {*lost}


def same(one, other, off=0.0):
    """Whether prepared scans are the same but for this share of the greatest value."""
    assert one.keys() == other.keys() != set()
    for modality, path in one.items():
        made, truth = (read_scan(p, modality).data for p in (path, other[modality]))
        assert np.abs(made - truth).max() <= off * truth.max()


@pytest.mark.parametrize("name", STORED)
def test_however_a_scan_is_stored_the_same_is_prepared(study, name):
    root, (_, _, told), (_, _, again) = study
    for problems in (told["problems"], again["problems"]):
        assert not [p for p in problems if of(p, IDS[name]) and p["code"][0] == "E"]
    made = prepared(root / "out")
    same(made[IDS[name]], made[WHOLE], STORED[name][1])


@pytest.mark.parametrize(
    ("spoil", "options", "code"),
    [
        (formless, ("--assume-orientation", "RAS"), "W_NOFORM"),
        (two_forms, ("--prefer-form", "qform"), "W_QSFORM"),
    ],
    ids=["no orientation", "two orientations"],
)
def test_what_the_user_says_of_a_scan_is_believed_told_and_recorded(
    people, bids, tmp_path, spoil, options, code
):
    spoil(Person(bids, VICTIM))
    only = ("--participant-label", VICTIM)
    for command in ("check", "prepare"):
        status, _, told = run(command, bids, tmp_path / command, *options, *only)
        assert status == 0
        require(told, None, code, None)
    same(prepared(tmp_path / "prepare")[VICTIM], prepared(people / "out")[VICTIM])
    assert options[1] in told["options"].values()


def test_an_oblique_scan_of_another_shape_is_prepared_as_the_straight_one(people, bids, tmp_path):
    person = Person(bids, VICTIM)
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", [9, -5, 7], True).as_matrix() * [3, 2, 2.5]
    affine[:3, 3] = [0, -17, 5] - affine[:3, :3] @ [35, 53, 40]
    oblique = onto(read_scan(person.path(FDG), FDG), (71, 107, 81), affine)
    put(person.named(FDG, "_pet", "_space-MNI152NLin2009aSym_pet"), oblique.data[0], affine)
    person.path(FDG).unlink()
    only = ("--participant-label", VICTIM)
    status, _, told = run("check", bids, tmp_path / "seen", *only)
    assert status == 0
    assert "W_GRID" in {p["code"] for p in told["problems"] if of(p, VICTIM)}
    assert run("prepare", bids, tmp_path / "made", *only)[0] == 0
    paths = (prepared(root)[VICTIM][FDG] for root in (tmp_path / "made", people / "out"))
    made, truth = (read_scan(path, FDG).data for path in paths)
    assert ((made > 0) == (truth > 0)).all()
    # Interpolated twice at 8 mm; a shift by half a voxel gives less.
    assert np.corrcoef(made[truth > 0], truth[truth > 0])[0, 1] > 0.97


@pytest.mark.parametrize("name", TABLES)
def test_a_bad_table_or_row_is_told_and_every_scan_is_prepared(bids, tmp_path, name):
    code, spoil = TABLES[name]
    spoil(Person(bids, VICTIM))
    status, printed, told = run("check", bids, tmp_path / "seen")
    assert (status, printed.splitlines()[-1][:6]) == (65, "9 of 9")
    require(told, (tmp_path / "seen" / "check.html").read_text(), code)
    status, printed, told = run("prepare", bids, tmp_path / "out")
    assert status == 65
    assert f"{code}: " in printed
    assert printed.splitlines()[-1].endswith("see above")
    require(told, None, code)
    assert {who: len(own) for who, own in prepared(tmp_path / "out").items()} == {
        "SIM0001": 3, "SIM0002": 3, "SIM0003": 3,
    }  # fmt: skip
    known = {s.id: s.diagnosis for s in read_cohort(tmp_path / "out").subjects}
    whole = code in ("E_ROW", "E_COLUMN", "E_ENCODING", "E_QUOTE")
    assert known[VICTIM] is None
    assert (known[WHOLE] is None) == whole


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_is_told_and_used(bids, tmp_path, name):
    code, spoil = ODD[name]
    spoil(Person(bids, VICTIM))
    for command, page in (("check", "check.html"), ("prepare", None)):
        status, printed, told = run(
            command, bids, tmp_path / command if page else tmp_path / "out"
        )
        assert status == 0
        assert printed.splitlines()[-1].endswith("was refused")
        require(told, page and (tmp_path / command / page).read_text(), code)
    assert sum(map(len, prepared(tmp_path / "out").values())) == 9


def test_persons_who_are_taken_for_one_another_are_both_refused(bids, tmp_path):
    again = shutil.copytree(bids / f"sub-{VICTIM}", bids / "sub-sim0002")
    for path in sorted(again.rglob("*.nii.gz")):
        path.rename(path.with_name(path.name.replace(VICTIM, "sim0002")))
    for command in ("check", "prepare"):
        status, _, told = run(command, bids, tmp_path / ("out" if command == "prepare" else "x"))
        assert status == 65
        (problem,) = [p for p in told["problems"] if p["code"] == "E_ID_CLASH"]
        assert problem["path"] == f"sub-{VICTIM} and sub-sim0002"
    assert set(prepared(tmp_path / "out")) == {"SIM0001", "SIM0003"}


def test_loops_of_links_and_names_that_no_text_can_be_are_told(bids, tmp_path):
    person = Person(bids, VICTIM)
    (bids / f"sub-{VICTIM}" / "again").symlink_to(bids / f"sub-{VICTIM}")
    (bids / "sub-SIM0003" / "anat" / "loop").symlink_to(bids / "sub-SIM0003")
    strange = os.fsencode(person.path().parent) + b"/sub-SIM0002_T1w\xff.nii.gz"
    shutil.copy(person.path(), os.fsdecode(strange))
    stranger(Person(bids, WHOLE))
    for command, out in (("check", "x"), ("prepare", "out")):
        status, _, told = run(command, bids, tmp_path / out)
        assert status == 65
        for code in ("E_LINK", "E_NAME", "E_FOLDER"):
            require(told, None, code)
    made = {who: set(own) for who, own in prepared(tmp_path / "out").items()}
    assert made == {WHOLE: {FDG, AV45}, VICTIM: {*Modality}, "SIM0003": {*Modality}}


def refused(capsys, *arguments):
    """The status and the one sentence of a command that cannot begin."""
    capsys.readouterr()
    status = main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("acadiff: ")
    assert "unexpected" not in err
    return status, err


@pytest.mark.parametrize("inside", ["", f"sub-{VICTIM}", "prepared"])
def test_nothing_is_written_among_the_scans(capsys, bids, inside):
    before = sorted(bids.rglob("*"))
    for command in (["check", bids, "--out", bids / inside], ["prepare", bids, bids / inside]):
        status, sentence = refused(capsys, *command)
        assert status == 73
        assert "derivatives" in sentence
    assert sorted(bids.rglob("*")) == before


def in_place(path, monkeypatch):
    """A file is there where a folder is needed."""
    path.write_text("a file")
    return path / "out"


def read_only(path, monkeypatch):
    """What a read-only file system answers; permissions mean nothing to root."""

    def refuse(call):
        def guarded(name, *args, **more):
            if str(name).startswith(str(path)):
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(name))
            return call(name, *args, **more)

        return guarded

    monkeypatch.setattr(os, "mkdir", refuse(os.mkdir))
    monkeypatch.setattr(os, "open", refuse(os.open))
    return path


@pytest.mark.parametrize("place", [in_place, read_only])
def test_a_place_that_cannot_be_written_is_told_before_anything_is_done(
    capsys, monkeypatch, people, tmp_path, place
):
    out = place(tmp_path / "results", monkeypatch)
    before = sorted(tmp_path.rglob("*"))
    source = people / "bids"
    for command in (["check", source, "--out", out], ["prepare", source, out]):
        status, sentence = refused(capsys, *command)
        assert status == 73
        assert "cannot be written" in sentence
    assert sorted(tmp_path.rglob("*")) == before


def test_what_is_wrong_with_others_does_not_count(bids, tmp_path):
    victim = Person(bids, VICTIM)
    cell("MMSE", "34")(victim)
    content(bit)(victim)
    only = ("--thorough", "--participant-label", WHOLE)
    status, _, told = run("check", bids, tmp_path / "x", *only)
    assert (status, told["problems"]) == (0, [])
    status, _, told = run("prepare", bids, tmp_path / "out", *only[1:])
    assert (status, [p for p in told["problems"] if p["code"][0] == "E"]) == (0, [])
    assert run("check", bids, tmp_path / "y", "--thorough")[0] == 65
