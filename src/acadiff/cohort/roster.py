"""Whose scans are used at which visit, and what is known of that person then. No I/O.

What a source holds, one file a scan and the clinical tables come together here: every later step
works on the members of a `Roster`, and every scan that a member lacks has its reason in it.
"""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from acadiff.cohort.candidate import Candidate, Inventory
from acadiff.cohort.clinical.nearest import WINDOW_DAYS, nearest
from acadiff.cohort.clinical.visit import Clinical, Visit
from acadiff.cohort.files.scan_dates import ScanDates
from acadiff.cohort.inventory import Choice
from acadiff.cohort.refusals import Who, refusals
from acadiff.errors import Problem
from acadiff.modality import Modality


@dataclass(frozen=True)
class Member:
    """One person at one visit.

    Args:
        subject: canonical label without `sub-`.
        session: canonical label without `ses-`, or None.
        scans: the file chosen for each modality that can be used, with its date if one is known.
        visit: what the clinical tables say of that visit, or None.
        refused: why a modality of which there is a file, or may be one, cannot be used.
        problems: what is wrong with this visit as a whole.
        elsewhere: other visits of the person that have an MRI.
    """

    subject: str
    session: str | None
    scans: Mapping[Modality, Candidate]
    visit: Visit | None = None
    refused: Mapping[Modality, Problem] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    elsewhere: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """`sub-X`, or `sub-X_ses-Y` where there are sessions."""
        return _key((self.subject, self.session))

    def advised(self, problem: Problem) -> Problem:
        """The same problem; that an MRI lacks also says where this person has one."""
        if problem.code != "E_NO_MRI" or not self.elsewhere:
            return problem
        hint = f"if the MRI of {' or '.join(self.elsewhere)} shows the same brain, link it to a"
        hint += " T1w of this visit, or name it in the table of paths for both; else add the MRI"
        text = f"{problem.text.removesuffix(problem.hint)}{hint}"
        return replace(problem, hint=hint, text=text)


@dataclass(frozen=True)
class Roster:
    """All members of a source.

    Args:
        root: the dataset, or the folder of the table.
        layout: `bids`, `caps` or `manifest`.
        members: by person and visit; also those all of whose scans were refused.
        problems: everything that is wrong with files, tables and visits, each once.
        mapping: (table, our name, its column) of the clinical tables.
        others: images that are no scan of ours and were passed over.
    """

    root: Path
    layout: str
    members: tuple[Member, ...]
    problems: tuple[Problem, ...]
    mapping: tuple[tuple[str, str, str], ...] = ()
    others: int = 0


def roster(
    inventory: Inventory,
    choice: Choice,
    clinical: Clinical,
    dates: ScanDates | None = None,
    window_days: int = WINDOW_DAYS,
) -> Roster:
    """Bring scans and visits together.

    The visit is looked for by the day of the MRI, or of the first other scan that has one; by
    that of an MRI which serves several visits only if no other has any.

    Args:
        inventory: what was found and selected.
        choice: one file a scan, of that inventory.
        clinical: what the tables say.
        dates: when the scans of a BIDS dataset were made; a manifest tells it itself.
        window_days: how far a visit, or two scans of one session, may be apart.
    """
    scans: dict[Who, dict[Modality, Candidate]] = defaultdict(dict)
    for (subject, session, modality), candidate in choice.scans.items():
        scans[subject, session][modality] = _dated(candidate, dates)
    placed: dict[str, list[Who]] = defaultdict(list)
    for who, own in scans.items():
        placed[who[0]] += [who] if Modality.MRI in own else []
    told = (*inventory.problems, *choice.problems)
    refused = refusals(told, scans)
    members = []
    for who in sorted({*scans, *refused}, key=lambda who: (who[0], who[1] or "")):
        own = scans.get(who, {})
        why = {m: problem for m, problem in refused.get(who, {}).items() if m not in own}
        visit, problems = _join(who, own, clinical, window_days)
        elsewhere = tuple(_key(other) for other in placed.get(who[0], ()) if other != who)
        members.append(Member(*who, own, visit, why, problems, elsewhere))
    tables = (*clinical.problems, *(dates.problems if dates else ()))
    joins = (problem for member in members for problem in member.problems)
    every = tuple(dict.fromkeys((*told, *tables, *joins)))
    place, listed = (inventory.root, inventory.layout), tuple(members)
    return Roster(*place, listed, every, clinical.mapping, inventory.others)


def _key(who: Who) -> str:
    subject, session = who
    return f"sub-{subject}" + (f"_ses-{session}" if session else "")


def without_scans(clinical: Clinical, members: Iterable[Member]) -> tuple[Problem, ...]:
    """A warning for every person of the tables who has no scan in the source."""
    present = {member.subject for member in members}
    return tuple(_absent(who) for who in clinical.by_subject if who not in present)


def _dated(candidate: Candidate, dates: ScanDates | None) -> Candidate:
    if candidate.date is not None or dates is None:
        return candidate
    session = None if candidate.shared else candidate.session
    day = dates.of(candidate.path, candidate.subject, session)
    return replace(candidate, date=day)


def _join(
    who: Who, scans: Mapping[Modality, Candidate], clinical: Clinical, window_days: int
) -> tuple[Visit | None, tuple[Problem, ...]]:
    """The visit, and what is wrong with the days of scans and visit."""
    own_first = sorted(scans.values(), key=lambda scan: (scan.shared, scan.modality.index))
    dated = [(scan, day) for scan in own_first if (day := scan.date)]
    first = dated[0][1] if dated else None
    problems = [
        _gap(scan, dated[0][0], gap, window_days)
        for scan, day in dated[1:]
        if (gap := abs(day - dated[0][1])).days > window_days
    ]
    if not scans or not clinical.visits:  # that there are no visits is told once, for all
        return None, tuple(problems)
    visit, problem = nearest(clinical, *who, first, window_days)
    return visit, (*problems, *([problem] if problem else []))


def _gap(scan: Candidate, first: Candidate, gap: datetime.timedelta, window_days: int) -> Problem:
    session = f"_ses-{scan.session}" if scan.session else ""
    where = f"sub-{scan.subject}{session} {scan.modality.name}"
    hint = "see that both show one state, or give them sessions of their own"
    what = f"was made {gap.days} days from the {first.modality.title}, more than {window_days}"
    return Problem(where, "W_SCAN_GAP", f"{gap.days} days", hint, f"{where}: {what}; {hint}")


def _absent(subject: str) -> Problem:
    who, hint = f"sub-{subject}", "look for files of this name if there should be some"
    return Problem(who, "W_NO_SCAN", who, hint, f"{who}: is in a table and has no scan; {hint}")
