import datetime

import pytest

from acadiff.cohort.clinical.nearest import nearest
from acadiff.cohort.clinical.visit import Clinical, Visit
from acadiff.cohort.table import Scores

START = datetime.date(2009, 5, 17)


def later(days):
    return START + datetime.timedelta(days)


def clinical(*visits, subject="A"):
    """Visits from (session, days since the start or None)."""
    made = [
        Visit(subject, session, None if days is None else later(days), None, Scores(), *[None] * 5)
        for session, days in visits
    ]
    return Clinical(tuple(made), (), ())


def joined(visits, session, days, window=180):
    """The session and date that are joined, or the code of why none is."""
    date = None if days is None else later(days)
    visit, problem = nearest(visits, "A", session, date, window)
    assert (visit is None) == (problem is not None)
    if problem is not None:
        assert problem.text.startswith(problem.where)
        assert problem.where == "sub-A" + (f"_ses-{session}" if session else "")
        return problem.code
    return visit.session


TWO = clinical(("M000", 0), ("M012", 365))


@pytest.mark.parametrize(
    ("session", "days", "found"),
    [
        ("M000", 0, "M000"),
        ("M000", 90, "M000"),
        ("M000", 180, "M000"),
        ("M000", 181, "E_VISIT_GAP"),
        ("M000", 400, "E_VISIT_GAP"),  # M012 is near, but the labels say otherwise
        ("M000", None, "M000"),
        ("M006", 100, "M000"),
        ("M006", -100, "M000"),
        ("M006", 200, "M012"),
        ("M006", 182, "E_VISIT_GAP"),
        ("M024", 545, "M012"),
        ("M024", 546, "E_VISIT_GAP"),
        ("M006", None, "W_NO_VISIT"),
        (None, 20, "M000"),
        (None, 300, "M012"),
        (None, 700, "E_VISIT_GAP"),
        (None, None, "W_NO_VISIT"),
    ],
)
def test_the_session_joins_else_the_day(session, days, found):
    assert joined(TWO, session, days) == found


def test_the_window_is_the_users():
    assert joined(TWO, "M024", 400, window=30) == "E_VISIT_GAP"
    assert joined(TWO, "M024", 765, window=400) == "M012"
    visit, problem = nearest(TWO, "A", "M024", later(765), 180)
    assert visit is None
    assert problem.value == "400 days"
    assert "the visit M012" in problem.text
    assert "more than 180" in problem.text


def test_of_two_equally_near_the_earlier_counts():
    visits = clinical(("M012", 200), ("M000", 0))
    assert joined(visits, "M006", 100) == "M000"


def test_no_day_of_the_visit_is_no_gap():
    visits = clinical(("M000", None), ("M012", None))
    assert joined(visits, "M012", 5000) == "M012"
    assert joined(visits, "M006", 10) == "W_NO_VISIT"


def test_a_row_of_a_person_holds_for_the_first_visit_only():
    person = clinical((None, None))
    assert joined(person, None, 0) is None
    assert joined(person, None, None) is None
    assert joined(person, "M000", 0) is None
    assert joined(person, "M012", 0) == "W_BASELINE_ONLY"
    assert joined(person, "M012", None) == "W_BASELINE_ONLY"
    dated = clinical((None, 0))
    assert joined(dated, "M000", 400) == "E_VISIT_GAP"
    assert joined(dated, None, 400) == "E_VISIT_GAP"
    assert joined(dated, "M006", 100) is None


def test_a_person_and_later_visits():
    both = clinical((None, None), ("M012", 365))
    assert joined(both, "M000", 0) is None
    assert joined(both, "M012", 365) == "M012"
    assert joined(both, None, 360) == "M012"
    assert joined(both, None, 0) is None
    assert joined(both, "M024", None) == "W_NO_VISIT"


def test_the_only_visit_belongs_to_a_scan_without_session():
    only = clinical(("M012", None))
    assert joined(only, None, None) == "M012"
    assert joined(only, "M000", None) == "W_NO_VISIT"


def test_nobody_has_no_visit():
    assert joined(clinical(("M000", 0), subject="B"), "M000", 0) == "W_NO_VISIT"
    assert joined(clinical(("M000", 0), subject="AA"), "M000", 0) == "W_NO_VISIT"
    _, problem = nearest(clinical(), "A", None, None)
    assert "has no row in the clinical tables" in problem.text
