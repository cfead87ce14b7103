"""Which visit tells the state of a person at a scan."""

import datetime
from collections.abc import Sequence

from acadiff.cohort.clinical.visit import Clinical, Visit
from acadiff.errors import Problem

WINDOW_DAYS = 180
_FIRST = "M000"
_WIDER = "allow more days with --visit-tolerance if that visit tells the state at the scan"


def nearest(
    clinical: Clinical,
    subject: str,
    session: str | None,
    scan_date: datetime.date | None,
    window_days: int = WINDOW_DAYS,
) -> tuple[Visit | None, Problem | None]:
    """The visit that belongs to a scan: the one of its session, else the nearest in time.

    What a table says of a person without naming a visit holds for scans without a session and for
    those of the first one. Of two visits equally near, the earlier counts.

    Args:
        clinical: all visits.
        subject: whose scan it is.
        session: of the scan; None if the dataset has no sessions.
        scan_date: of the scan; None if it is unknown.
        window_days: how far visit and scan may be apart; where a date is unknown, only the
            session can join them.

    Returns:
        The visit, or None and why there is none.
    """
    visits = clinical.by_subject.get(subject, ())
    scan = f"sub-{subject}" + (f"_ses-{session}" if session else "")
    chosen = _by_session(visits, session) or _by_date(visits, scan_date)
    gap = None if chosen is None else _gap(chosen, scan_date)
    if session is None and (gap is None or gap > window_days):
        chosen = _undated(visits) or chosen
    if chosen is None:
        return None, _no_visit(visits, scan)
    gap = _gap(chosen, scan_date)
    if gap is not None and gap > window_days:
        told = "the person's row" if chosen.session is None else f"the visit {chosen.session}"
        why = f"is the distance of {told} from the scan, more than {window_days} are not allowed"
        return None, _problem(scan, "E_VISIT_GAP", f"{gap} days", why, _WIDER)
    return chosen, None


def _by_session(visits: Sequence[Visit], session: str | None) -> Visit | None:
    """The visit of this label; for the first one also what is said of the person."""
    labels = (session, None) if session == _FIRST else (session,)
    found = {visit.session: visit for visit in visits}
    return next((found[label] for label in labels if label in found), None) if session else None


def _by_date(visits: Sequence[Visit], scan_date: datetime.date | None) -> Visit | None:
    dated = [(gap, v.date, v) for v in visits if (gap := _gap(v, scan_date)) is not None]
    return min(dated, key=lambda entry: entry[:2])[2] if dated else None


def _undated(visits: Sequence[Visit]) -> Visit | None:
    """For a scan without a session: what is said of the person, or the only visit there is."""
    alone = next((visit for visit in visits if visit.session is None), None)
    return alone or (visits[0] if len(visits) == 1 else None)


def _gap(visit: Visit, scan_date: datetime.date | None) -> int | None:
    if visit.date is None or scan_date is None:
        return None
    return abs((visit.date - scan_date).days)


def _no_visit(visits: Sequence[Visit], scan: str) -> Problem:
    if not visits:
        hint = "add a row, or go on without"
        return _problem(scan, "W_NO_VISIT", scan, "has no row in the clinical tables", hint)
    known = ", ".join(visit.session or "no visit" for visit in visits)
    if all(visit.session is None for visit in visits):
        why = "has a later session than the tables, which know only the first visit"
        return _problem(scan, "W_BASELINE_ONLY", scan, why, "add a table with visits")
    why = f"has no visit of its session, the tables have {known}, and no date tells the nearest"
    return _problem(scan, "W_NO_VISIT", scan, why, "add dates, or name the sessions alike")


def _problem(scan: str, code: str, value: str, why: str, hint: str) -> Problem:
    return Problem(scan, code, value, hint, f"{scan}: {value} {why}; {hint}")
