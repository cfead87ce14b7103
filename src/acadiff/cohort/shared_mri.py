"""An MRI whose name tells no session serves the sessions of its person that lack an MRI. No I/O.

BIDS lets an anatomy lie beside the sessions (`sub-1/anat`, `sub-1/ses-M000/pet`), and pipelines
take it for all of them. An MRI of one session is never taken for another: brains change, and
whoever knows that this one did not can say so by a link.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from acadiff.cohort.candidate import Candidate, Inventory, inventory_of
from acadiff.cohort.text.textfile import shown
from acadiff.errors import Problem


def share_mri(inventory: Inventory) -> Inventory:
    """Give the sessions that lack an MRI the one without a session, and say so.

    Whoever has scans with and without a session after that is told: nothing joins these.
    """
    persons: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in inventory.candidates:
        persons[candidate.subject].append(candidate)
    found: list[Candidate | Problem] = list(inventory.problems)
    for scans in persons.values():
        found += _shared(scans)
    return inventory_of(inventory.root, inventory.layout, found, inventory.others)


def shared_warning(where: str, subject: str, session: str | None) -> Problem:
    """That the MRI of a visit is not this visit's alone."""
    who = f"sub-{subject}" + (f"_ses-{session}" if session else "")
    hint = "see that the brain did not change between them"
    text = f"{who} MRI: {where} serves other visits of this person as well; {hint}"
    return Problem(f"{who} MRI", "W_SHARED_MRI", where, hint, text)


def _shared(scans: list[Candidate]) -> Iterable[Candidate | Problem]:
    """The scans of one person."""
    free = [c for c in scans if c.session is None and not c.modality.is_pet]
    own = {c.session for c in scans if not c.modality.is_pet}
    lacking = dict.fromkeys(c.session for c in scans if c.session not in own)
    if not free or not lacking:
        yield from scans
    else:
        pet = [c for c in scans if c.session is None and c.modality.is_pet]
        yield from (c for c in scans if c not in free or pet)
        names = " or ".join(shown(c.path.name) for c in free)
        for session in lacking:
            yield from (replace(c, session=session, shared=True) for c in free)
            yield shared_warning(names, free[0].subject, session)
        if not pet:
            return
    yield from _unjoined(scans)


def _unjoined(scans: list[Candidate]) -> Iterable[Problem]:
    sessions = {c.session for c in scans}
    if None not in sessions or len(sessions) == 1:
        return
    loose = ", ".join(dict.fromkeys(c.modality.name for c in scans if c.session is None))
    who, hint = f"sub-{scans[0].subject}", "name them by their session"
    text = (
        f"{who}: has sessions, and scans of none ({loose}), which count as another visit; {hint}"
    )
    yield Problem(who, "W_SESSION", loose, hint, text)
