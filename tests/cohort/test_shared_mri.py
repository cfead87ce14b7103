"""An MRI beside the sessions serves them; one of another session does not, and nothing is lost."""

import pytest
from gaps import grow, place, placed

from acadiff.cohort.selection import Selection, read_roster
from acadiff.modality import Modality
from acadiff.stages.check import run

MRI, FDG, AV45 = Modality
A, B = "M000", "M012"


def tree(root, layout="bids", **visits):
    """Scans of one person by session; `none` is that of no session."""
    scans = {("1", None if ses == "none" else ses): had for ses, had in visits.items()}
    return grow(root, layout, scans)


def members(root, **asked):
    """Visit → what is used of it, and all codes."""
    made = read_roster(root, Selection(**asked))
    problems = [p for p in made.problems if p.code != "W_NO_TABLE"]
    return {m.session: tuple(m.scans) for m in made.members}, [(p.code, p.where) for p in problems]


@pytest.mark.parametrize("layout", ["bids", "manifest"])
def test_an_mri_without_a_session_serves_those_that_have_none(tmp_path, layout):
    root = tree(tmp_path, layout, none=[MRI], M000=[FDG], M012=[FDG, AV45], M024=[MRI, FDG])
    visits, told = members(root)
    assert visits == {A: (MRI, FDG), B: (MRI, FDG, AV45), "M024": (MRI, FDG)}
    assert told == [("W_SHARED_MRI", f"sub-1_ses-{s} MRI") for s in (A, B)]
    found = run(root)
    assert found.refusals == ()
    assert {scan.state.value for scan in found.scans if scan.modality is MRI} == {"found"}


def test_it_is_there_for_whoever_asks_for_one_session(tmp_path):
    root = tree(tmp_path, none=[MRI], M000=[FDG], M012=[AV45])
    assert members(root, sessions=(B,)) == (
        {B: (MRI, AV45)},
        [("W_SHARED_MRI", f"sub-1_ses-{B} MRI")],
    )


def test_several_without_a_session_are_not_picked_from(tmp_path):
    root = tree(tmp_path, none=[MRI], M000=[FDG])
    path = root / place("bids", "1", None, MRI)
    path.with_name("sub-1_run-2_T1w.nii.gz").write_bytes(path.read_bytes())
    visits, told = members(root)
    assert visits == {A: (FDG,)}
    assert ("E_AMBIGUOUS", f"sub-1_ses-{A} MRI") in told
    assert members(root, run="2")[0] == {A: (MRI, FDG)}


def test_scans_that_nothing_joins_are_told(tmp_path):
    root = tree(tmp_path / "pet", none=[FDG], M000=[MRI])
    assert members(root) == ({None: (FDG,), A: (MRI,)}, [("W_SESSION", "sub-1")])
    root = tree(tmp_path / "both", none=[MRI], M000=[MRI, FDG])
    assert members(root) == ({None: (MRI,), A: (MRI, FDG)}, [("W_SESSION", "sub-1")])
    root = tree(tmp_path / "own", none=[MRI, FDG], M000=[AV45])
    assert members(root)[0] == {None: (MRI, FDG), A: (MRI, AV45)}


def test_an_mri_of_another_session_is_pointed_at_and_a_link_makes_it_serve(tmp_path):
    root = tree(tmp_path, M000=[MRI, FDG], M012=[FDG])
    (problem,) = run(root).refusals
    assert (problem.code, problem.where) == ("E_NO_MRI", f"sub-1_ses-{B}")
    assert f"the MRI of sub-1_ses-{A} shows the same brain, link it" in problem.text
    assert problem.text.endswith(problem.hint)
    link = root / place("bids", "1", B, MRI)
    link.parent.mkdir()
    link.symlink_to(root / place("bids", "1", A, MRI))
    assert run(root).refusals == ()


def test_on_a_template_an_mri_that_lacks_is_a_gap_and_no_more(tmp_path):
    scans = {("1", A): [MRI, FDG], ("1", B): [FDG]}
    found = run(grow(tmp_path, "bids", scans, placed("bids")))
    assert found.refusals == ()
    assert [s.state.value for s in found.scans if s.modality is MRI] == ["found", "not found"]


def test_a_table_may_name_one_mri_for_several_visits_of_its_person_only(tmp_path):
    table = tree(tmp_path, "manifest", M000=[MRI, FDG], M012=[AV45])
    mri = place("manifest", "1", A, MRI)
    lines = table.read_text().replace(f"{B}\tn/a", f"{B}\t{mri}")
    table.write_text(lines)
    assert members(table) == (
        {A: (MRI, FDG), B: (MRI, AV45)},
        [("W_SHARED_MRI", f"sub-1_ses-{s} MRI") for s in (A, B)],
    )
    table.write_text(lines.replace(f"1\t{B}", f"2\t{B}"))
    assert [code for code, _ in members(table)[1]] == ["E_DUPLICATE"]


def test_its_day_is_its_own_and_the_visit_is_that_of_the_other_scans(tmp_path):
    root = tree(tmp_path, none=[MRI], M000=[FDG], M012=[FDG])
    (root / "sub-1" / "sub-1_sessions.tsv").write_text(
        f"session_id\tacq_time\tMMSE\n{A}\t2010-01-01\t28\n{B}\t2012-01-01\t21\n"
    )
    made = read_roster(root, Selection())
    assert [m.scans[MRI].date for m in made.members] == [None, None]
    assert [m.visit.scores.mmse for m in made.members] == [28, 21]
    (root / "sub-1" / "sub-1_scans.tsv").write_text(
        "filename\tacq_time\nanat/sub-1_T1w.nii.gz\t2010-01-01\n"
    )
    made = read_roster(root, Selection())
    assert [m.visit.scores.mmse for m in made.members] == [28, 21]
    told = [(p.where, p.value) for p in made.problems if p.code == "W_SCAN_GAP"]
    assert told == [(f"sub-1_ses-{B} MRI", "730 days")]
