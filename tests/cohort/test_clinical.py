import datetime

import pytest
from clinical_formats import (
    BASE,
    LINES,
    codes,
    dataset,
    ptid,
    read,
    visit,
)

from acadiff.cohort.clinical.visit import read_clinical
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


def test_ages_kept_private_are_the_least_they_can_be(tmp_path):
    found = read(tmp_path, BASE.replace("71.25", "89+"))
    assert found.visits[0].age == 89


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


@pytest.mark.parametrize("name", ["participants", "sessions"])
def test_a_broken_table_of_the_dataset_is_told_and_a_named_one_stops(tmp_path, name):
    tables = {"participants": "participant_id\tage\nsub-A\t70\n"}
    tables["sessions"] = "participant_id\tsession_id\tMMSE\nsub-A\tses-M000\t28\n"
    root = dataset(tmp_path, **tables)
    path = root / f"{name}.tsv"
    path.write_bytes(path.read_bytes() + b"\xff")
    found = read_clinical(root)
    assert [(p.code, p.where) for p in found.problems] == [("E_ENCODING", str(path))]
    assert [v.subject for v in found.visits] == ["A"]
    with pytest.raises(CohortError, match="is not UTF-8"):
        read_clinical(None, [path])


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
    told = found.problems[0].text
    assert "sub-A_sessions.tsv line 2: MMSE of sub-A at M000 is 28, but 27 on " in told
    assert "mine.csv line 2; the latter counts" in told


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


@pytest.mark.parametrize(("column", "sessions"), [("sex", ["M012"]), ("mmse_bl", [None, "M012"])])
def test_what_is_said_of_the_first_visit_stays_beside_later_ones(tmp_path, column, sessions):
    value = {"sex": "F", "mmse_bl": "28"}[column]
    root = dataset(
        tmp_path,
        participants=f"participant_id\t{column}\nsub-A\t{value}\n",
        sub_A_sessions="session_id\tMMSE\nses-M012\t24\n",
    )
    found = read_clinical(root)
    assert [v.session for v in found.visits] == sessions
    assert found.visits[-1].scores.mmse == 24
    assert found.visits[0].sex == ("F" if column == "sex" else None)
