import datetime

import pytest

from acadiff.cohort.text.dates import birthday, day, day_first
from acadiff.cohort.text.delimited import Cell
from acadiff.errors import CohortError

MAY = datetime.date(2009, 5, 17)


def cell(text):
    return Cell(text, "t.tsv", 2, "EXAMDATE")


@pytest.mark.parametrize(
    "text",
    [
        "2009-05-17", "2009-05-17T13:45:00", "2009-05-17 13:45:00", "2009-05-17T13:45:00.5Z",
        "2009-05-17T13:45:00+02:00",
    ],
)  # fmt: skip
def test_iso_days_need_no_proof(text):
    assert day(cell(text), None) == MAY


@pytest.mark.parametrize(
    ("texts", "first"),
    [
        (["17/05/2009", "01/02/2009"], True),
        (["5/17/2009 0:00", "01/02/2009"], False),
        (["17.05.2009"], True),
        (["05/06/2009"], None),
        (["17/05/2009", "05/17/2009"], None),
        (["2009-05-17"], None),
        ([], None),
    ],
)
def test_only_a_number_above_twelve_proves_the_order(texts, first):
    assert day_first(texts) == first


def test_other_days_are_read_in_the_order_of_their_column():
    assert day(cell("17/05/2009"), True) == MAY
    assert day(cell("5/17/2009"), False) == MAY
    assert day(cell("17.05.2009 13:45"), True) == MAY


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("05/06/2009", None), ("17/05/09", True), ("May-00", None), ("17/05.2009", True),
        ("2009-13-01", None), ("2009-02-30", None), ("2009", None), ("17/05/2009", False),
        ("2009-5-17", None), ("٢٠٠٩-٠٥-١٧", None), ("39950", None), ("0000-01-01", None),
    ],
)  # fmt: skip
def test_any_other_is_refused(text, first):
    with pytest.raises(CohortError) as caught:
        day(cell(text), first)
    assert caught.value.code == "E_DATE"
    assert "t.tsv line 2, column EXAMDATE" in str(caught.value)


def test_missing_days_are_none():
    assert [day(cell(text), None) for text in ("n/a", "", "-4", "-1")] == [None] * 4


def test_of_a_birthday_the_month_is_enough():
    assert birthday(cell("05/1931")) == datetime.date(1931, 5, 15)
    assert birthday(cell("1931-05-02")) == datetime.date(1931, 5, 2)
    assert birthday(cell("-4")) is None
    with pytest.raises(CohortError):
        birthday(cell("13/1931"))
