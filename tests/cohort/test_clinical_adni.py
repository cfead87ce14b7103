"""What is particular to ADNI: its visit codes, roster numbers, ages and single tables."""

import datetime
import random
from dataclasses import replace

import pytest
from clinical_formats import (
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

from acadiff.cohort.clinical.visit import read_clinical
from acadiff.cohort.table import Diagnosis, Scores
from acadiff.errors import CohortError

CN, MCI, AD = Diagnosis


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


def test_one_wrong_age_does_not_make_adnimerge_another_table(tmp_path):
    rows = f"{ptid(2)},bl,70,CN\n{ptid(2)},m12,70,CN\n{ptid(3)},bl,80,CN\n{ptid(3)},m12,81,CN\n"
    found = read(tmp_path, "PTID,VISCODE,AGE,DX_bl\n" + rows)
    assert [v.age for v in found.visits] == [70, 71, 80, 82]


def test_an_age_that_grows_is_of_the_visit(tmp_path):
    rows = f"{ptid(2)},bl,70,CN\n{ptid(2)},m12,71,CN\n"
    found = read(tmp_path, "PTID,VISCODE,AGE,DX\n" + rows)
    assert [v.age for v in found.visits] == [70, 71]
    assert ("table.csv", "age", "AGE") in found.mapping


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


def test_boxes_of_the_cdr_are_summed_if_all_are_there(tmp_path):
    head = "PTID,VISCODE,CDMEMORY,CDORIENT,CDJUDGE,CDCOMMUN,CDHOME,CDCARE,CDGLOBAL\n"
    boxes = {2: "1,0.5,0.5,1,2,0", 3: "1,-1,0.5,1,2,0", 4: "4,0,0,0,0,0"}
    rows = [f"{ptid(rid)},bl,{values},1" for rid, values in boxes.items()]
    found = read(tmp_path, head + "\n".join(rows))
    assert [(v.subject, v.scores.cdrsb) for v in found.visits] == [
        ("ADNI011S0002", 5),
        ("ADNI011S0003", None),
    ]
    assert codes(found) == ["E_RANGE"]


def test_facts_of_a_person_hold_whatever_the_visit(tmp_path):
    (tmp_path / "DXSUM.csv").write_text(f"PTID,RID,VISCODE,DIAGNOSIS\n{ptid(2)},2,m12,2\n")
    (tmp_path / "PTDEMOG.csv").write_text(
        "RID,VISCODE,PTGENDER,PTEDUCAT\n2,v01,2,16\n2,4_init,2,18\n2,sc,2,-4\n"
    )
    (tmp_path / "APOERES.csv").write_text("RID,VISCODE,GENOTYPE\n2,sc,3/4\n")
    found = read_clinical(None, [tmp_path])
    assert found.visits == (
        visit("ADNI011S0002", "M012", diagnosis=MCI, sex="F", education=16, apoe4=1),
    )
    (problem,) = found.problems
    assert problem.code == "W_CONFLICT"
    assert "PTDEMOG.csv line 3: education of sub-ADNI011S0002 is 18, but 16 on " in problem.text
    (tmp_path / "APOERES.csv").write_text("RID,VISCODE,GENOTYPE\n2,sc,34\n")
    assert "E_LABEL" in codes(read_clinical(None, [tmp_path]))


def test_a_roster_number_of_two_persons_is_nobodys(tmp_path):
    rows = f"{ptid(2)},,bl,28\n{ptid(2, 12)},,bl,27\n,2,m12,20\n"
    found = read(tmp_path, "PTID,RID,VISCODE,MMSE\n" + rows)
    assert [v.session for v in found.visits] == ["M000", "M000"]
    assert codes(found) == ["W_SUBJECT"]


def test_a_visit_of_which_only_the_day_is_known_is_none(tmp_path):
    rows = f"{ptid(2)},bl,2009-05-17,28\n{ptid(2)},m06,2009-11-17,\n"
    found = read(tmp_path, "PTID,VISCODE,EXAMDATE,MMSE\n" + rows)
    assert [v.session for v in found.visits] == ["M000"]


@pytest.mark.parametrize("seed", range(20))
def test_three_formats_tell_the_same(tmp_path, seed):
    rng = random.Random(seed)
    visits = random_visits(rng, persons=8)
    bids = read_clinical(clinica(tmp_path / "bids", visits))
    merged = read_clinical(None, [adnimerge(tmp_path / "merged", visits)])
    tables = read_clinical(None, [adni_tables(tmp_path / "tables", visits, rng)])
    for found in (bids, merged, tables):
        assert [code for code in codes(found) if code.startswith("E_")] == []
        assert [replace(v, age=None) for v in found.visits] == [
            replace(v, age=None) for v in visits
        ]
        # Birthdays are known to the month, so ages from them to a twentieth of a year.
        assert [v.age for v in found.visits] == pytest.approx([v.age for v in visits], abs=0.05)
