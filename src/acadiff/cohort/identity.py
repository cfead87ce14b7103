"""Who and which visit: one spelling for a person and for a session, whatever a file or table says.

A person is called `ADNI…S…` if the id is one of ADNI's, in any of its spellings; every other label
stays as it is. A visit is `M` and three digits of months since baseline where it can be told.
"""

import re
import unicodedata
from collections.abc import Iterable

from acadiff.bids import LABEL
from acadiff.errors import CohortError

_PTID = re.compile(
    r"(?:ADNI_?)?([0-9]{3})_S_([0-9]{4,5})|ADNI([0-9]{3})S([0-9]{4,5})", re.IGNORECASE
)
_MONTH = re.compile(r"m([0-9]{1,3})", re.IGNORECASE)
_BASELINE = ("bl", "baseline")
# At screening the baseline MRI, MMSE and CDR are taken; ADNIMERGE counts them as baseline too.
_SCREENING = ("sc", "scmri", "screening")


def checked_label(text: str, what: str) -> str:
    """Return `text` if it can be part of a BIDS file name.

    Raises:
        CohortError: it is empty, longer than 64 signs, or holds anything but ASCII letters, digits
            and `+` after the first: a path, a blank, a control or direction sign, a formula.
    """
    if not LABEL.fullmatch(text):
        shown = text if len(text) <= 80 else f"{text[:80]}…"
        raise CohortError(
            f"{what} {shown!r} is not 1 to 64 ASCII letters and digits",
            code="E_ID",
            value=ascii(shown),
            hint="rename it in the table and in the files",
        )
    return text


def canonical_subject(text: str) -> str:
    """The label of a person, without `sub-`.

    ADNI's `<site>_S_<number>`, `ADNI_<site>_S_<number>` and `sub-ADNI<site>S<number>` are one.

    Raises:
        CohortError: it is no label (`checked_label`).
    """
    return checked_label(_spelled(text), "the participant id")


def rid_of(subject: str) -> int | None:
    """ADNI's roster id, which is the number after the site; None if the id is not of ADNI."""
    match = _PTID.fullmatch(subject.removeprefix("sub-"))
    return int(match[2] or match[4]) if match else None


def canonical_session(text: str) -> str:
    """The label of a session, without `ses-`: `M00`, `m0` and `bl` are `M000`, others stay.

    Raises:
        CohortError: it is no label (`checked_label`).
    """
    session = checked_label(text.removeprefix("ses-"), "the session id")
    if session.casefold() in _BASELINE:
        return "M000"
    return _months(session) or session


def session_of(viscode: str) -> str | None:
    """The session a visit code stands for, or None if the code alone does not tell.

    Baseline and screening are `M000`, `m12` is `M012`. None: visits that did not happen (`nv`),
    failed screenings (`f`), unscheduled ones (`uns1`), and codes that count from the beginning of
    a later phase of the study (`init`, `y1`, `v11`, `4_bl`), which is not the person's baseline.
    """
    code = viscode.strip().removeprefix("ses-")
    if code.casefold() in (*_BASELINE, *_SCREENING):
        return "M000"
    return _months(code)


def clashes(ids: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Groups of ids that file systems, spreadsheets or people take for one another.

    Two labels clash if they differ only in case, in how accents are composed, or in the leading
    zeros of a number. Spellings of one ADNI id do not clash: they are the same person.
    """
    alike: dict[str, set[str]] = {}
    for spelled in map(_spelled, ids):
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", spelled).casefold())
        number = folded.isascii() and folded.isdecimal()
        alike.setdefault(folded.lstrip("0") if number else folded, set()).add(spelled)
    return tuple(tuple(sorted(group)) for _, group in sorted(alike.items()) if len(group) > 1)


def _spelled(text: str) -> str:
    label = text.removeprefix("sub-")
    match = _PTID.fullmatch(label)
    return f"ADNI{match[1] or match[3]}S{match[2] or match[4]}" if match else label


def _months(code: str) -> str | None:
    match = _MONTH.fullmatch(code)
    return f"M{int(match[1]):03d}" if match else None
