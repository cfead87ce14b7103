import datetime
import random
from dataclasses import replace

import pytest
from clinical_formats import (
    BASE,
    LINES,
    adni_tables,
    adnimerge,
    clinica,
    codes,
    dataset,
    ptid,
    random_visits,
    read,
    visit,
)

from acadiff.cohort.clinical import read_clinical
from acadiff.cohort.table import Diagnosis, Scores
from acadiff.errors import CohortError, MissingInputError

CN, MCI, AD = Diagnosis


@pytest.fixture
def base(tmp_path):
    return read(tmp_path, BASE)


def test_the_base_table_is_what_it_says(base):
    assert base.visits[0] == visit(
        "007", "M000", date=datetime.date(2009, 5, 17), diagnosis=AD, mmse=22, adas13=28.33,
        cdrsb=4.5, age=71.25, sex="F", apoe4=1,
    )  # fmt: skip
    assert [(v.subject, v.session) for v in base.visits] == [
        ("007", "M000"), ("007", "M012"), ("1E5", "M000"), ("NA", "M000"),
    ]  # fmt: skip
    assert base.visits[2].scores == Scores(27, None, 1.5)
    assert base.visits[2].apoe4 is None
    assert base.problems == ()
    assert ("table.csv", "ADAS13", "ADAS13") in base.mapping


def test_missing_codes_never_become_numbers(tmp_path):
    for code in ("-1", "-4", "-4.0", "NaN", "NA", "n/a", ""):
        text = BASE.replace(
            ",22,28.33,4.5,71.25,F,1", f",{code},{code},{code},{code},{code},{code}"
        )
        first = read(tmp_path, text).visits[0]
        assert first.scores == Scores()
        assert (first.age, first.sex, first.apoe4) == (None, "F", 1)  # the person's other row


def test_rows_that_differ_are_both_refused(tmp_path, base):
    again = read(tmp_path, BASE + LINES[1].replace(",22,", ",23,"))
    (problem,) = again.problems
    assert problem.code == "E_DUPLICATE"
    assert (
        "lines 2 and 6 are both of sub-007 at M000 and differ in MMSE (22 and 23)" in problem.text
    )
    assert again.visits == base.visits[1:]


def test_rows_that_agree_become_one_with_a_warning(tmp_path, base):
    again = read(tmp_path, BASE + LINES[1].replace(",22,", ",,").replace("007", "sub-007"))
    assert codes(again) == ["W_DUPLICATE"]
    assert "lines 2 and 6" in again.problems[0].text
    assert again.visits == base.visits


@pytest.mark.parametrize(("one", "other"), [("s1", "S1"), ("7", "007")])
def test_ids_that_people_confuse_are_refused(tmp_path, one, other):
    rows = "".join(f"{i},M000,2009-05-17,CN,30,n/a,0,70,M,0\n" for i in (one, other, "b"))
    found = read(tmp_path, LINES[0] + "\n" + rows)
    assert codes(found) == ["E_ID_CLASH"] * 2
    assert [v.subject for v in found.visits] == ["b"]


def test_visits_that_do_not_tell_when_are_left_out(tmp_path):
    head = "PTID,RID,VISCODE,DX,MMSE\n"
    visits = ("bl", "m06", "nv", "f", "uns1", "init", "y1", "4_init", "nv", "v11")
    rows = "".join(f"{ptid(2)},2,{code},CN,29\n" for code in visits)
    found = read(tmp_path, head + rows)
    assert [v.session for v in found.visits] == ["M000", "M006"]
    assert set(codes(found)) == {"W_VISIT"}
    assert [p.value for p in found.problems] == [
        "'nv'", "'f'", "'uns1'", "'init'", "'y1'", "'4_init'", "'v11'",
    ]  # fmt: skip
    assert "line 4" in found.problems[0].text
    assert "and 1 more row" in found.problems[0].text


def test_baseline_counts_more_than_screening(tmp_path):
    head = "PTID,VISCODE2,VISDATE,MMSCORE,CDRSB\n"
    text = (
        f"{head}{ptid(2)},sc,2005-08-01,28,0.5\n{ptid(2)},bl,2005-09-08,30,\n{ptid(3)},sc,,27,1\n"
    )
    found = read(tmp_path, text)
    assert found.problems == ()
    assert [(v.date, v.scores) for v in found.visits] == [
        (datetime.date(2005, 9, 8), Scores(30, None, 0.5)),
        (None, Scores(27, None, 1)),
    ]


def test_the_age_of_adnimerge_is_of_the_baseline(tmp_path):
    head = "PTID,VISCODE,EXAMDATE,DX_bl,DX,AGE,EXAMDATE_bl\n"
    rows = [
        f"{ptid(2)},bl,2005-09-08,LMCI,MCI,70,2005-09-08",
        f"{ptid(2)},m12,2006-09-08,LMCI,Dementia,70,2005-09-08",
        f"{ptid(2)},m24,,LMCI,,70,2005-09-08",
    ]
    found = read(tmp_path, head + "\n".join(rows))
    ages = [v.age for v in found.visits]
    assert ages == [70, pytest.approx(70 + 365 / 365.25), pytest.approx(72)]
    assert [v.diagnosis for v in found.visits] == [MCI, AD, None]
    assert ("table.csv", "age", "AGE at baseline, and the time since") in found.mapping


def test_an_age_that_grows_is_of_the_visit(tmp_path):
    rows = f"{ptid(2)},bl,70,CN\n{ptid(2)},m12,71,CN\n"
    found = read(tmp_path, "PTID,VISCODE,AGE,DX\n" + rows)
    assert [v.age for v in found.visits] == [70, 71]
    assert ("table.csv", "age", "AGE") in found.mapping


def test_ages_kept_private_are_the_least_they_can_be(tmp_path):
    found = read(tmp_path, BASE.replace("71.25", "89+"))
    assert found.visits[0].age == 89


def test_roster_numbers_find_their_person(tmp_path):
    dataset(tmp_path / "bids", participants=f"participant_id\nsub-{ptid(3)}\n")
    (tmp_path / "bids" / "sub-ADNI011S0002").mkdir()
    (tmp_path / "MMSE.csv").write_text(
        "RID,VISCODE,MMSCORE\n2,bl,28\n3,m06,27\n04,bl,26\n5,bl,25\n6.5,bl,20\n"
    )
    found = read_clinical(tmp_path / "bids", [tmp_path / "MMSE.csv"])
    assert [(v.subject, v.session, v.scores.mmse) for v in found.visits] == [
        ("ADNI011S0002", "M000", 28),
        ("ADNI011S0003", "M006", 27),
    ]
    assert codes(found) == ["E_ID", "W_SUBJECT"]
    assert "line 4: RID 4 and 1 more rows" in found.problems[1].text


def test_three_spellings_are_one_person(tmp_path):
    names = (ptid(295, 2), "ADNI002S0295", "sub-ADNI002S0295")
    rows = "".join(f"{name},M{12 * i:03d},,CN,30,,,,,\n" for i, name in enumerate(names))
    found = read(tmp_path, LINES[0] + "\n" + rows)
    assert [(v.subject, v.session) for v in found.visits] == [
        ("ADNI002S0295", f"M{m:03d}") for m in (0, 12, 24)
    ]


def test_ids_that_begin_alike_stay_apart(tmp_path):
    ids = ("1", "11", "111", "ADNI002S0295", "ADNI002S02951")
    rows = "".join(f"{name},M000,,CN,{20 + i},,,,,\n" for i, name in enumerate(ids))
    found = read(tmp_path, LINES[0] + "\n" + rows)
    assert {v.subject: v.scores.mmse for v in found.visits} == dict(
        zip(ids, range(20, 25), strict=True)
    )


def test_a_dataset_brings_its_tables(tmp_path):
    root = dataset(
        tmp_path,
        participants="participant_id\tsex\tage_bl\tdiagnosis_sc\tmmse_bl\tapoe4\tsite\n"
        "sub-A\tF\t70\tEMCI\t28\t1\t11\nsub-B\tM\t75\tCN\t30\t0\tn/a\n",
        sub_A_sessions="session_id\tage\tdiagnosis\tMMSE\tcdr_sb\tadas13\texamination_date\n"
        "ses-M000\t70.1\tMCI\tn/a\t1.5\t18.33\t2009-05-17\nses-M012\t71.1\tAD\t24\t3\t25\tn/a\n",
    )
    found = read_clinical(root)
    assert found.problems == ()
    assert found.visits == (
        visit("A", "M000", date=datetime.date(2009, 5, 17), diagnosis=MCI, mmse=28, adas13=18.33,
              cdrsb=1.5, age=70.1, sex="F", apoe4=1, site="11"),
        visit("A", "M012", diagnosis=AD, mmse=24, adas13=25, cdrsb=3, age=71.1, sex="F", apoe4=1,
              site="11"),
        visit("B", None, diagnosis=CN, mmse=30, age=75, sex="M", apoe4=0),
    )  # fmt: skip
    assert ("sub-*_sessions.tsv", "CDRSB", "cdr_sb") in found.mapping
    assert ("participants.tsv", "age", "age_bl") in found.mapping


def test_sessions_may_be_one_table(tmp_path):
    text = "participant_id\tsession_id\tMMSE\nsub-A\tses-M06\t28\nsub-B\tses-bl\t30\n"
    found = read_clinical(dataset(tmp_path, sessions=text))
    assert [(v.subject, v.session) for v in found.visits] == [("A", "M006"), ("B", "M000")]


def test_a_broken_table_of_one_person_is_told_and_the_others_go_on(tmp_path):
    root = dataset(
        tmp_path,
        sub_A_sessions="session_id\tMMSE\nses-M000\t28\t\n",
        sub_B_sessions="session_id\tMMSE\nses-M000\t30\n",
        sub_C_sessions="participant_id\tsession_id\tMMSE\nsub-B\tses-M000\t12\n",
    )
    found = read_clinical(root)
    assert [v.subject for v in found.visits] == ["B"]
    assert codes(found) == ["E_ROW", "E_ID"]
    assert "is not sub-C, whose file it is" in found.problems[1].text


def test_named_tables_count_more_and_differences_are_told(tmp_path):
    root = dataset(
        tmp_path / "bids",
        participants="participant_id\tsex\teducation\nsub-A\tF\t16\n",
        sub_A_sessions="session_id\tMMSE\tdiagnosis\tage\nses-M000\t28\tMCI\t70\n",
    )
    (tmp_path / "mine.csv").write_text(
        "participant_id,session_id,MMSE,sex,age\nA,M000,27,M,70.3\n"
    )
    found = read_clinical(root, [tmp_path / "mine.csv"])
    known = {"mmse": 27, "age": 70.3, "sex": "M", "education": 16}
    assert found.visits == (visit("A", "M000", diagnosis=MCI, **known),)
    assert codes(found) == ["W_CONFLICT"] * 2
    assert [p.value for p in found.problems] == ["28", "F"]
    assert "sub-A_sessions.tsv line 2: MMSE of sub-A at M000 is 28, on " in found.problems[0].text
    assert "mine.csv line 2 27; the latter counts" in found.problems[0].text


def test_overrides_win_and_must_be_used(tmp_path, base):
    text = BASE.replace("MMSE", "q17").replace("ADAS13", "MMSE")
    found = read(tmp_path, text, MMSE="q17", ADAS13="MMSE")
    assert found.visits == base.visits
    assert ("table.csv", "MMSE", "q17") in found.mapping
    with pytest.raises(CohortError) as caught:
        read(tmp_path, BASE, MMSE="absent")
    assert caught.value.code == "E_MAP"
    with pytest.raises(CohortError, match="did you mean 'MMSE'"):
        read(tmp_path, BASE, mmse="q17")


def test_names_of_places_are_not_kept(tmp_path):
    place = "St. Mary's Hospital, Ward 3"
    text = f"participant_id;site;MMSE\nA;{place};28\nB;{place};9\n"
    found = read(tmp_path, text)
    assert [v.site for v in found.visits] == [None, None]
    assert codes(found) == ["W_SITE"]


def test_no_table_is_told(tmp_path):
    assert codes(read_clinical(tmp_path)) == ["W_NO_TABLE"]
    assert codes(read_clinical(None)) == ["W_NO_TABLE"]
    for missing in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(MissingInputError):
            read_clinical(None, [missing])
    with pytest.raises(MissingInputError):
        read_clinical(tmp_path / "absent")


def test_a_folder_holds_one_date_of_each_table(tmp_path):
    head = "PTID,VISCODE,MMSCORE\n"
    (tmp_path / "MMSE_03Jul2024.csv").write_text(f"{head}{ptid(2)},bl,28\n")
    (tmp_path / "FAQ_03Jul2024.csv").write_text("ignored")
    assert len(read_clinical(None, [tmp_path]).visits) == 1
    (tmp_path / "MMSE_04Jul2025.csv").write_text(f"{head}{ptid(2)},bl,29\n")
    with pytest.raises(CohortError) as caught:
        read_clinical(None, [tmp_path])
    assert caught.value.code == "E_TABLE"
    assert "MMSE_03Jul2024.csv and MMSE_04Jul2025.csv" in str(caught.value)


@pytest.mark.parametrize("seed", range(20))
def test_three_formats_tell_the_same(tmp_path, seed):
    rng = random.Random(seed)
    visits = random_visits(rng, persons=8)
    bids = read_clinical(clinica(tmp_path / "bids", visits))
    merged = read_clinical(None, [adnimerge(tmp_path / "merged", visits)])
    tables = read_clinical(None, [adni_tables(tmp_path / "tables", visits, rng)])
    for found in (bids, merged, tables):
        assert [code for code in codes(found) if code.startswith("E_")] == []
        assert [rounded(v) for v in found.visits] == [rounded(v) for v in visits]


def rounded(found):
    """Birthdays are known to the month, so ages from them to a twentieth of a year."""
    return replace(found, age=None if found.age is None else pytest.approx(found.age, abs=0.05))
