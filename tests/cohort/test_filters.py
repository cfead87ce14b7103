"""A problem of somebody else is not told; one that may be of who is asked for always is."""

from pathlib import Path

import pytest
from gaps import SCAN, clinical, grow, place

from acadiff.cohort.filters import filters
from acadiff.cohort.selection import Selection, read_roster
from acadiff.errors import Problem
from acadiff.modality import Modality

ROOT = Path("data") / "sub-study" / "bids"
SITE = "000"
ADNI = f"{SITE}_S_0295"


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("sub-1/anat/sub-1_T1w.nii.gz", True),
        ("sub-2/anat/sub-2_T1w.nii.gz", False),
        (f"{ROOT}/sub-2/sub-2_sessions.tsv line 3, sub-2_ses-M000", False),
        (f"{ROOT}/sub-1/sub-1_sessions.tsv line 3, sub-1_ses-M000", True),
        (f"{ROOT}/sub-1/sub-1_sessions.tsv line 4, sub-1_ses-M012", False),
        (f"{ROOT}/participants.tsv", True),
        (f"{ROOT}/participants.tsv line 4", True),
        (f"{ROOT}/participants.tsv line 4, sub-11", False),
        (f"{ROOT}/participants.tsv line 4, sub-s1 and sub-1", True),
        ("/share/sub-2/MMSE.csv line 4", True),
        ("/share/sub-2/MMSE.csv line 4, RID 295", True),
        ("/share/sub-2/MMSE.csv line 4, RID 2", False),
        ("table.tsv line 2, sub-1_ses-M000 MRI", True),
        ("table.tsv, sub-2 MRI, sub-1 MRI", True),
        ("sub-a_b", False),
        ("", True),
    ],
)
def test_a_problem_is_of_who_is_named_in_its_place(where, expected):
    wanted = filters(participants=["sub-1", ADNI], sessions=["M00"])
    assert wanted.concern(Problem(where, "E_X", "", "", ""), ROOT) == expected


def test_nothing_asked_for_is_everything():
    assert filters().meet("1", None)
    assert filters().concern(Problem("sub-2", "E_X", "", "", ""), ROOT)


def _told(root, **asked):
    problems = read_roster(root, Selection(**asked)).problems
    return sorted({(p.code, p.where.partition(", ")[2]) for p in problems})


def test_wrong_rows_of_others_are_not_told(tmp_path):
    people = ("1", "2", "11")
    visits = {(who, ses): tuple(Modality) for who in people for ses in ("M000", "M012")}
    root = grow(tmp_path, "bids", visits, SCAN)
    rows = [f"{who}\t{ses}\tCN\t29\t70" for who, ses in visits]
    rows[1] = "1\tM012\tCN\t31\t70"
    rows[2] = "2\tM000\tCN\tmany\t70"
    rows += ["2\tnv\tCN\t29\t70", "11\tM000\tAD\t29\t70"]
    clinical(root / "sessions.tsv", rows)
    (root / "sub-2" / "sub-2_sessions.tsv").write_text("session_id\tacq_time\nM000\tyesterday\n")
    (root / "sub-11" / "sub-11_scans.tsv").write_text("filename\tacq_time\nx\tyesterday\n")
    own = [("E_RANGE", "sub-1_ses-M012")]
    assert ("E_NUMBER", "sub-2_ses-M000") in _told(root)
    every = {"E_DATE", "E_DUPLICATE", "E_NUMBER", "E_RANGE", "W_NO_VISIT"}
    assert {code for code, _ in _told(root)} == every
    assert _told(root, participants=("1",)) == [*own, ("W_NO_VISIT", "")]
    assert _told(root, participants=("1",), sessions=("M000",)) == []
    table = tmp_path / "who.tsv"
    table.write_text("participant_id\tsession_id\n1\tM012\n")
    assert [line for line in _told(root, pairs=table) if line[1]] == own
    codes = {code for code, _ in _told(root, participants=("11",))}
    assert codes == {"E_DUPLICATE", "E_DATE", "W_NO_VISIT"}


def test_the_name_of_a_whole_table_that_is_wrong_is_always_told(tmp_path):
    root = grow(tmp_path, "bids", {("1", None): tuple(Modality), ("2", None): tuple(Modality)})
    (root / "participants.tsv").write_bytes(b"participant_id\tage\n1\t7\xff\n")
    assert _told(root, participants=("2",)) == [("E_ENCODING", ""), ("W_NO_TABLE", "")]


def test_a_scan_of_who_is_asked_for_is_all_that_is_read(tmp_path):
    root = grow(tmp_path, "bids", {(who, None): tuple(Modality) for who in ("1", "2")})
    path = root / place("bids", "2", None, Modality.FDG)
    path.rename(path.with_name("sub-2_pet.nii.gz"))
    assert _told(root, participants=("1",)) == [("W_NO_TABLE", "")]
    assert "E_TRACER" in {code for code, _ in _told(root, participants=("2",))}
