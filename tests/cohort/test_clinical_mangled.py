"""One table, mangled as spreadsheets, exports and hands do it: the same visits, or a refusal."""

import codecs

import pytest
from clinical_formats import BASE, LINES, codes, read

from acadiff.errors import CohortError


@pytest.fixture
def base(tmp_path):
    return read(tmp_path, BASE)


SAME = {
    "mark": codecs.BOM_UTF8 + BASE.encode(),
    "utf-16 little": codecs.BOM_UTF16_LE + BASE.encode("utf-16-le"),
    "utf-16 big": codecs.BOM_UTF16_BE + BASE.encode("utf-16-be"),
    "windows line ends": BASE.replace("\n", "\r\n"),
    "no last line end": BASE.rstrip(),
    "tabs": BASE.replace(",", "\t"),
    "semicolons": BASE.replace(",", ";"),
    "said semicolons": "sep=;\r\n" + BASE.replace(",", ";"),
    "decimal commas": BASE.replace(",", ";").replace(".", ","),
    "decimal commas, tabs": BASE.replace(",", "\t").replace(".", ","),
    "decimal commas, quoted semicolons": '"' + '"\n"'.join(LINES).replace(",", '";"') + '"',
    "blanks in the header": BASE.replace(LINES[0], LINES[0].replace(",", " , ")),
    "upper case header": BASE.replace(LINES[0], LINES[0].upper()),
    "other names": BASE.replace("CDRSB", "cdr_sb").replace("MMSE", "mmse_total"),
    "empty rows": BASE.replace("\n", "\n\n,,,,,,,,,\n"),
    "blanks in cells": BASE.replace(",", " ,\xa0"),
    "quotes": "\n".join('"' + line.replace(",", '","') + '"' for line in LINES),
    "rows of another order": "\n".join([LINES[0], *reversed(LINES[1:])]),
    "columns of another order": "\n".join(",".join(line.split(",")[::-1]) for line in LINES),
    "further columns": "\n".join(f"{line},{'' if i else 'n'}ote" for i, line in enumerate(LINES)),
    "a count of rows": "\n".join(f"{i or ''},{line}" for i, line in enumerate(LINES)),
    "an empty last column": BASE.replace("\n", ",\n"),
    "bids ids": BASE.replace("\n007", "\nsub-007").replace("\nNA", "\nsub-NA"),
    "bids sessions": BASE.replace(",M0", ",ses-M0"),
    "short sessions": BASE.replace(",M000", ",bl").replace(",M012", ",m12"),
    "other labels": BASE.replace(",AD,", ",Dementia,").replace("CN", "NL").replace("MCI", "LMCI"),
    "other sexes": BASE.replace(",F,", ",Female,").replace(",M,", ",male,"),
    "other words for nothing": BASE.replace("n/a", "").replace(",\n", ",-4\n"),
    "whole numbers as fractions": BASE.replace(",22,", ",22.0,").replace(",1\n", ",1.0\n"),
    "times": BASE.replace("05-17,", "05-17T10:00:00,"),
    "days first": BASE.replace("2009-05-17", "17/05/2009").replace("2010-11-30", "30/11/2010"),
    "a row twice": BASE + LINES[1] + "\n",
}  # fmt: skip


@pytest.mark.parametrize("content", SAME.values(), ids=SAME)
def test_a_mangled_table_is_the_same_table(tmp_path, base, content):
    again = read(tmp_path, content)
    assert again.visits == base.visits
    assert not [code for code in codes(again) if code.startswith("E_")]


BROKEN = {
    "latin-1": (
        BASE.replace("NA", "é").encode("latin-1"),
        "E_ENCODING",
        f"byte {BASE.index('NA')} ",
    ),
    "utf-16 without a mark": (BASE.encode("utf-16-le"), "E_ENCODING", "byte 1 "),
    "nul": (BASE.replace("NA", "N\0"), "E_ENCODING", f"byte {BASE.index('NA') + 1} "),
    "old line ends": (BASE.replace("\n", "\r"), "E_ENCODING", f"byte {len(LINES[0])} "),
    "spare comma": (BASE.replace(LINES[3], LINES[3] + ","), "E_ROW", "line 4: '11 cells'"),
    "spare commas": ("\n".join([LINES[0], *(r + "," for r in LINES[1:])]), "E_ROW", "line 2"),
    "short row": (BASE.replace(LINES[3], "NA,M000"), "E_ROW", "line 4: '2 cells'"),
    "decimal commas in commas": (BASE.replace(".", ","), "E_ROW", "line 2"),
    "open quote": (BASE.replace("NA", '"NA'), "E_QUOTE", "line 4"),
    "bars": ("sep=|\n" + BASE.replace(",", "|"), "E_DELIMITER", "line 1: '|'"),
    "columns twice": (BASE.replace("ADAS13", "MMSE"), "E_COLUMN", "line 1: 'MMSE' names two"),
    "columns that mean one": (BASE.replace("ADAS13", "mmscore"), "E_COLUMN", "'mmscore'"),
    "no name": (BASE.replace("diagnosis", ""), "E_COLUMN", "line 1: '' is no column"),
    "nobody": (BASE.replace("participant_id", "who"), "E_COLUMN", "line 1: no column tells"),
    "nothing understood": ("participant_id,q1\n007,2\n", "E_COLUMN", "line 1: no column of"),
    "empty": ("", "E_COLUMN", "no header"),
}


@pytest.mark.parametrize(("content", "code", "told"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_table_stops_the_reading(tmp_path, content, code, told):
    with pytest.raises(CohortError) as caught:
        read(tmp_path, content)
    assert caught.value.code == code
    assert told in str(caught.value)


CELLS = [
    (",22,", ",34,", "E_RANGE", "line 2, column MMSE: '34'"),
    (",22,", ",-3,", "E_RANGE", "line 2, column MMSE: '-3'"),
    (",22,", ",>20,", "E_NUMBER", "line 2, column MMSE: '>20'"),
    (",22,", ",inf,", "E_NUMBER", "line 2, column MMSE: 'inf'"),
    (",22,", ",22 points,", "E_NUMBER", "column MMSE: '22 points'"),
    (",22,", ",٢٢,", "E_NUMBER", "column MMSE: '\\u0662\\u0662'"),
    (",22,", ",−4,", "E_NUMBER", "column MMSE: '\\u22124'"),
    (",22,", ",May-22,", "E_NUMBER", "column MMSE: 'May-22'"),
    (",22,", ",999,", "E_RANGE", "column MMSE: '999'"),
    (",22,", ",88,", "E_RANGE", "column MMSE: '88'"),
    ("28.33", "86", "E_RANGE", "column ADAS13: '86'"),
    ("28.33", '"28,33"', "E_NUMBER", "column ADAS13: '28,33'"),
    ("28.33", '"1,028.33"', "E_NUMBER", "column ADAS13: '1,028.33'"),
    (",4.5,", ",18.5,", "E_RANGE", "column CDRSB: '18.5'"),
    (",4.5,", ",4.25,", "E_RANGE", "column CDRSB: '4.25'"),
    ("71.25", "712", "E_RANGE", "column age: '712'"),
    ("F,1\n007", "F,3\n007", "E_RANGE", "column apoe4: '3'"),
    ("F,1\n007", "F,0.5\n007", "E_RANGE", "column apoe4: '0.5'"),
    ("2009-05-17", "May-09", "E_DATE", "column date: 'May-09'"),
    ("2009-05-17", "05/06/2009", "E_DATE", "column date: '05/06/2009'"),
    (",AD,22", ",Demntia,22", "E_LABEL", "did you mean 'Dementia'?"),
    (",AD,22", ",3,22", "E_LABEL", "column diagnosis: '3'"),
    ("F,1\n007", "w,1\n007", "E_LABEL", "column sex: 'w'"),
    ("007,M000", "../007,M000", "E_ID", "column participant_id"),
    ("007,M000", "=1+1,M000", "E_ID", "column participant_id"),
    ("007,M000", ",M000", "E_ID", "column participant_id"),
    ("007,M000", "007,M 0", "E_ID", "column session_id"),
]


@pytest.mark.parametrize(("old", "new", "code", "told"), CELLS)
def test_a_bad_cell_refuses_its_row_and_no_other(tmp_path, base, old, new, code, told):
    assert BASE.count(old) == 1
    again = read(tmp_path, BASE.replace(old, new))
    (problem,) = again.problems
    line, _, who = problem.where.partition(", ")
    assert (problem.code, line[-6:]) == (code, "line 2")
    label = "column participant_id" in told
    assert who == ("" if label else "sub-007" + ("" if code == "E_ID" else "_ses-M000"))
    assert told in problem.text
    assert again.visits == base.visits[1:]
    assert "71.25" not in problem.text or "age" in problem.text  # never the rest of the row


def test_decimal_commas_of_a_column_agree(tmp_path, base):
    again = read(tmp_path, BASE.replace(",", ";").replace("28.33", "28,33"))
    assert codes(again) == ["E_NUMBER"]
    assert again.visits == base.visits[1:]


def test_codes_of_other_studies_are_missing_in_their_columns_only(tmp_path):
    text = "participant_id,NACCMMSE,EDUC,NACCNE4S\nA,88,99,9\nB,28,16,1\nC,-4,-4,-4\n"
    found = read(tmp_path, text)
    assert [(v.scores.mmse, v.education, v.apoe4) for v in found.visits] == [
        (None, None, None),
        (28, 16, 1),
        (None, None, None),
    ]
    assert found.problems == ()
    assert codes(read(tmp_path, text.replace("NACCMMSE", "MMSE"))) == ["E_RANGE"]
