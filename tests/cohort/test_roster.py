"""Every scan that a visit lacks has its reason, and every visit its row or a word why not."""

import datetime
from pathlib import Path

import pytest
from trees import AV45, T1W, grow, people, tell

from acadiff.cohort.candidate import Candidate, Inventory
from acadiff.cohort.clinical.visit import Clinical, Visit
from acadiff.cohort.files.scan_dates import ScanDates
from acadiff.cohort.inventory import Choice
from acadiff.cohort.refusals import concerned, refusals
from acadiff.cohort.roster import roster, without_scans
from acadiff.cohort.selection import Selection, read_roster
from acadiff.cohort.table import Diagnosis, Scores
from acadiff.errors import MissingInputError, NothingSelectedError, Problem
from acadiff.modality import Modality

MRI, PETS, ALL = (Modality.MRI,), (Modality.FDG, Modality.AV45), tuple(Modality)
ROOT = Path("data")


def problem(where, code="E_X"):
    return Problem(where, code, "", "", f"{where}: x")


def scan(subject, session, modality, date=None):
    path = ROOT / f"sub-{subject}_{modality.name}.nii.gz"
    return Candidate(path, subject, session, modality, date=date)


def visit(subject, session=None, date=None, diagnosis=Diagnosis.CN):
    nothing = (None,) * 5
    return Visit(subject, session, date, diagnosis, Scores(), *nothing)


def joined(scans, visits=(), problems=(), **more):
    inventory = Inventory(ROOT, "bids", tuple(scans), tuple(problems))
    choice = Choice({s.key: s for s in scans}, ())
    return roster(inventory, choice, Clinical(tuple(visits), (), ()), **more)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("sub-1/anat/sub-1_T1w.nii.gz", [(("1", None), MRI)]),
        ("sub-1/ses-M00/anat/sub-1_ses-M00_T1w.nii", [(("1", "M000"), MRI)]),
        ("sub-1/pet/sub-1_trc-18FFDG_pet.nii.gz", [(("1", None), (Modality.FDG,))]),
        ("sub-1/pet/sub-1_acq-av45_pet.nii.gz", [(("1", None), (Modality.AV45,))]),
        ("sub-1/pet/sub-1_pet.nii.gz", [(("1", None), PETS)]),
        ("sub-1/pet/brain.nii.gz", [(("1", None), PETS)]),
        ("sub-1/anat/sub-1_T1w.mgz", [(("1", None), MRI)]),
        ("sub-2/anat/sub-1_T1w.nii.gz", [(("1", None), MRI)]),
        ("sub-1/ses-M000", [(("1", "M000"), ALL)]),
        ("sub-1", [(("1", None), ALL)]),
        ("sub-1/ses-M000/pet", [(("1", "M000"), PETS)]),
        ("sub-1_ses-M000 FDG", [(("1", "M000"), (Modality.FDG,))]),
        ("sub-s1 and sub-S1", [(("s1", None), ALL), (("S1", None), ALL)]),
        ("cohort.tsv line 3, sub-1_ses-M000 AV45", [(("1", "M000"), (Modality.AV45,))]),
        ("cohort.tsv line 3 and 4, sub-1", [(("1", None), ALL)]),
        ("cohort.tsv, sub-1 MRI, sub-2 MRI", [(("1", None), MRI), (("2", None), MRI)]),
        (
            "subjects/sub-1/ses-M00/pet_linear/"
            "sub-1_ses-M00_task-rest_acq-fdg_pet_space-X_pet.nii.gz",
            [(("1", "M000"), (Modality.FDG,))],
        ),
        ("sub-a_b", []),
        ("participants.tsv line 7", []),
        ("x/sub-/anat/y.nii.gz", []),
    ],
)
def test_a_place_tells_whom_and_what_a_problem_is_about(where, expected):
    assert list(concerned(problem(where))) == expected


def test_a_refusal_of_a_whole_person_is_one_of_each_visit():
    told = [problem("sub-1", "E_ACCESS"), problem("sub-2", "E_ACCESS")]
    found = refusals(told, [("1", "M000"), ("1", "M012")])
    assert {who: tuple(why) for who, why in found.items()} == {
        ("1", "M000"): ALL, ("1", "M012"): ALL, ("2", None): ALL,
    }  # fmt: skip


def test_the_first_refusal_counts_and_warnings_do_not():
    told = [
        problem("sub-1/anat/sub-1_T1w.nii.gz", "W_ENTITY"),
        problem("sub-1/anat/sub-1_T1w.nii.gz", "E_FIRST"),
        problem("sub-1 MRI", "E_SECOND"),
    ]
    found = refusals(told, [])
    assert {m: p.code for m, p in found["1", None].items()} == {Modality.MRI: "E_FIRST"}


def test_who_was_asked_for_and_is_not_there_is_a_member_without_refusals():
    made = joined([], problems=[problem("sub-9", "E_NOT_FOUND")])
    assert [(m.key, dict(m.scans), dict(m.refused)) for m in made.members] == [("sub-9", {}, {})]


def test_a_scan_in_use_hides_the_refusal_of_another_file():
    told = [problem("sub-1/anat/sub-1_run-2_T1w.nii.gz"), problem("sub-1 AV45")]
    (member,) = joined([scan("1", None, Modality.MRI)], problems=told).members
    assert set(member.scans) == {Modality.MRI}
    assert set(member.refused) == {Modality.AV45}


def test_members_are_sorted_and_every_problem_is_told_once():
    scans = [scan(*key) for key in (("2", "M000", Modality.MRI), ("1", "M012", Modality.FDG),
                                    ("1", "M000", Modality.AV45))]  # fmt: skip
    same = problem("sub-7/anat/sub-7_T1w.nii.gz")
    made = joined(scans, problems=[same, same])
    keys = ["sub-1_ses-M000", "sub-1_ses-M012", "sub-2_ses-M000", "sub-7"]
    assert [m.key for m in made.members] == keys
    assert made.problems == (same,)


def test_a_member_gets_the_visit_of_its_session():
    visits = [visit("1", "M000"), visit("1", "M012", diagnosis=Diagnosis.AD)]
    scans = [scan("1", s, Modality.MRI) for s in ("M000", "M012", "M024")]
    made = joined(scans, visits)
    assert [m.visit and m.visit.diagnosis for m in made.members] == [
        Diagnosis.CN, Diagnosis.AD, None,
    ]  # fmt: skip
    assert [p.code for p in made.problems] == ["W_NO_VISIT"]
    assert made.members[2].problems == made.problems


def test_without_any_table_nobody_is_said_to_have_no_row():
    assert joined([scan("1", None, Modality.MRI)]).problems == ()


def test_the_day_of_the_mri_finds_the_visit_and_far_scans_are_told():
    day = datetime.date(2010, 1, 1)
    later = day + datetime.timedelta(days=400)
    scans = [
        scan("1", None, Modality.FDG, later),
        scan("1", None, Modality.MRI, day),
        scan("1", None, Modality.AV45),
    ]
    visits = [visit("1", "v1", day), visit("1", "v2", later, Diagnosis.AD)]
    made = joined(scans, visits, window_days=180)
    assert made.members[0].visit == visits[0]
    assert [(p.code, p.where, p.value) for p in made.problems] == [
        ("W_SCAN_GAP", "sub-1 FDG", "400 days")
    ]
    assert joined(scans, visits, window_days=400).problems == ()
    pet = joined(scans[:1], visits)
    assert pet.members[0].visit == visits[1]


def test_a_visit_beyond_the_window_is_not_joined():
    day = datetime.date(2010, 1, 1)
    visits = [visit("1", "M000", datetime.date(2011, 6, 1))]
    made = joined([scan("1", "M000", Modality.MRI, day)], visits)
    assert made.members[0].visit is None
    assert [p.code for p in made.problems] == ["E_VISIT_GAP"]


def test_days_of_the_dataset_are_used_where_the_scan_tells_none():
    told, own = datetime.date(2010, 1, 1), datetime.date(2012, 2, 2)
    dates = ScanDates(ROOT, {}, {("1", "M000"): told}, (problem("x_scans.tsv", "E_DATE"),))
    scans = [scan("1", "M000", Modality.MRI), scan("2", "M000", Modality.MRI, own)]
    made = joined(scans, dates=dates)
    assert [m.scans[Modality.MRI].date for m in made.members] == [told, own]
    assert [p.code for p in made.problems] == ["E_DATE"]


def test_persons_of_the_tables_without_scans_are_told():
    made = joined([scan("1", None, Modality.MRI)], [visit("1"), visit("2"), visit("3")])
    clinical = Clinical((visit("1"), visit("2"), visit("3")), (), ())
    assert [p.where for p in without_scans(clinical, made.members)] == ["sub-2", "sub-3"]


def test_all_reading_together(tmp_path):
    people(tmp_path, "1", "2")
    grow(tmp_path, T1W.format("3"), "sub-3/pet/sub-3_pet.nii.gz", "sub-2/anat/sub-2_FLAIR.nii.gz")
    table = "participant_id\tdiagnosis\nsub-1\tCN\nsub-2\tDementia\nsub-9\tAD\n"
    (tmp_path / "participants.tsv").write_text(table)
    made = read_roster(tmp_path, Selection())
    assert [m.key for m in made.members] == ["sub-1", "sub-2", "sub-3"]
    assert made.members[1].visit.diagnosis is Diagnosis.AD
    assert {m: p.code for m, p in made.members[2].refused.items()} == dict.fromkeys(
        PETS, "E_TRACER"
    )
    assert {(p.code, p.where) for p in made.problems} >= {
        ("W_NO_SCAN", "sub-9"), ("W_NO_VISIT", "sub-3"),
    }  # fmt: skip
    assert made.others == 1
    assert ("participants.tsv", "diagnosis", "diagnosis") in made.mapping


def test_a_selection_narrows_and_keeps_silent_of_others(tmp_path):
    people(tmp_path, "1", "2")
    (tmp_path / "participants.tsv").write_text("participant_id\tage\nsub-1\t70\nsub-9\t70\n")
    chosen = read_roster(tmp_path, Selection(participants=("sub-1",)))
    assert [m.key for m in chosen.members] == ["sub-1"]
    assert chosen.problems == ()
    pairs = tmp_path / "wanted.tsv"
    pairs.write_text("participant_id\nsub-2\n")
    assert [m.key for m in read_roster(tmp_path, Selection(pairs=pairs)).members] == ["sub-2"]
    with pytest.raises(NothingSelectedError):
        read_roster(tmp_path, Selection(sessions=("M099",)))
    with pytest.raises(MissingInputError):
        read_roster(tmp_path / "gone", Selection())


def test_what_is_asked_for_reaches_reader_and_choice(tmp_path):
    grow(tmp_path, T1W.format("1"), "sub-1/pet/sub-1_trc-x_pet.nii.gz",
         *(f"sub-1/pet/sub-1_trc-18FAV45_rec-{r}_pet.nii.gz" for r in ("a", "b")))  # fmt: skip
    wanted = Selection(tracers={"x": Modality.FDG}, reconstructions={Modality.AV45: "b"})
    (member,) = read_roster(tmp_path, wanted).members
    assert set(member.scans) == set(ALL)
    assert member.scans[Modality.AV45].reconstruction == "b"


def test_a_table_of_paths_may_tell_of_the_persons_and_knows_them_by_number(tmp_path):
    grow(tmp_path, "a.nii.gz", "b.nii.gz")
    source = tmp_path / "cohort.csv"
    ids = [f"{site}_S_{number}" for site, number in (("011", "0001"), ("012", "0002"))]
    source.write_text(f"participant_id,mri,MMSE\n{ids[0]},a.nii.gz,29\n{ids[1]},b.nii.gz,20\n")
    made = read_roster(source, Selection())
    assert [m.visit.scores.mmse for m in made.members] == [29, 20]
    source.write_text(f"participant_id,mri\n{ids[0]},a.nii.gz\n{ids[1]},b.nii.gz\n")
    other = tmp_path / "mmse.csv"
    other.write_text("RID,VISCODE,MMSCORE\n1,bl,25\n2,bl,24\n")
    made = read_roster(source, Selection(tables=(other,)))
    assert [m.visit and m.visit.scores.mmse for m in made.members] == [25, 24]
    own = tmp_path / "map.json"
    tell(tmp_path, "map.json", {"CDRSB": "thing"})
    other.write_text("participant_id,thing\nADNI011S0001,4\n")
    made = read_roster(source, Selection(tables=(other,), clinical_map=own))
    assert made.members[0].visit.scores.cdrsb == 4


def test_nothing_but_refused_files_is_a_roster_of_refusals(tmp_path):
    grow(tmp_path, "sub-1/anat/sub-1_T1w.mgz", AV45.format("2").replace("nii.gz", "mnc"))
    made = read_roster(tmp_path, Selection())
    assert [(m.key, set(m.refused)) for m in made.members] == [
        ("sub-1", {Modality.MRI}), ("sub-2", {Modality.AV45}),
    ]  # fmt: skip
