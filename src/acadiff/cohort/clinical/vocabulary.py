"""The words of clinical tables: which column names and which labels mean what. Closed lists.

A label that is not listed is never guessed: it is refused, and the nearest listed one is told.
"""

import difflib
import re
import unicodedata
from collections.abc import Mapping
from functools import cache

from acadiff.cohort.table import Diagnosis
from acadiff.cohort.text.delimited import ADNI_CODES, Cell

# Our name → names in tables, folded (`fold`), by rank. In a row, the first rank that has a value
# counts; two columns of one rank in one table are ambiguous.
COLUMNS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "participant_id": (
        ("participantid",),
        ("subjectid", "subject", "participant"),
        ("ptid", "alternativeid1"),
        ("rid", "adnirid"),
    ),
    "session_id": (
        ("sessionid", "session", "ses"),
        ("viscode2",),
        ("viscode",),
        ("visitcode", "visit", "timepoint"),
    ),
    "date": (
        ("examdate", "examinationdate"),
        ("visdate", "visitdate"),
        ("date", "dateofexamination"),
    ),
    "diagnosis": (
        ("diagnosis", "dx", "diag", "clinicaldiagnosis"),
        ("dxchange",),
        ("dxcurren",),
    ),
    "MMSE": (("mmse", "mmscore", "mmsetotal", "mmsescore", "naccmmse"),),
    "ADAS13": (("adas13", "adascog13", "adas13total", "total13", "totalmod"),),
    "CDRSB": (("cdrsb", "cdrsob", "cdrsum", "cdrsumofboxes", "sumofboxes"),),
    "age": (("age",), ("ageatvisit", "ageatscan", "ageatsession", "ageyears")),
    "sex": (("sex",), ("gender", "ptgender")),
    "apoe4": (("apoe4", "apoee4", "naccne4s"),),
    "education": (("education", "educationlevel", "educationyears", "educ", "pteducat"),),
    "site": (("site",), ("siteid",), ("center", "centre")),
}
# Values of the first visit in the row of a person; read only where a table has no visits.
BASELINE: Mapping[str, tuple[str, ...]] = {
    "diagnosis": ("diagnosissc", "diagnosisbl", "dxbl"),
    "MMSE": ("mmsebl",),
    "ADAS13": ("adas13bl",),
    "CDRSB": ("cdrsbbl",),
    "age": ("agebl", "ageatbaseline"),
}
# Ours, but made of several columns of ADNI's tables: the boxes whose sum is CDR-SB, the two
# alleles, the date of birth, and the date from which ADNIMERGE's AGE counts.
PARTS: Mapping[str, tuple[str, ...]] = {
    "boxes": ("cdmemory", "cdorient", "cdjudge", "cdcommun", "cdhome", "cdcare"),
    "alleles": ("apgen1", "apgen2"),
    "genotype": ("genotype",),
    "born": ("ptdob",),
    "baseline_date": ("examdatebl",),
}
# Numbers that stand for a missing one beside ADNI's -1 and -4, where the column's name tells.
CODES: Mapping[str, frozenset[float]] = {
    "naccmmse": frozenset({88.0, 95.0, 96.0, 97.0, 98.0, *ADNI_CODES}),
    "naccne4s": frozenset({9.0, *ADNI_CODES}),
    "educ": frozenset({99.0, *ADNI_CODES}),
}
DIAGNOSES: Mapping[Diagnosis, tuple[str, ...]] = {
    Diagnosis.CN: (
        "CN", "NL", "NC", "HC", "CU", "SMC", "normal", "control", "healthy control",
        "cognitively normal", "cognitively unimpaired", "significant memory concern",
    ),
    Diagnosis.MCI: ("MCI", "EMCI", "LMCI", "mild cognitive impairment", "MCI due to AD"),
    Diagnosis.AD: (
        "AD", "Dementia", "DEM", "DAT", "Alzheimer's disease", "AD dementia",
        "dementia due to AD", "dementia due to Alzheimer's disease",
    ),
}  # fmt: skip
_LABELS = {label.casefold(): group for group, labels in DIAGNOSES.items() for label in labels}
_THREE = {"1": Diagnosis.CN, "2": Diagnosis.MCI, "3": Diagnosis.AD}
# 1 to 3 are stable, 4 to 6 conversions, 7 to 9 reversions: what the person has now.
_CHANGE = {**_THREE, **{str(4 + i): _THREE[now] for i, now in enumerate("233121")}}
_CODED = {"diagnosis": _THREE, "dxcurren": _THREE, "dxchange": _CHANGE}
_CHANGED = re.compile(r"(?:(?:stable|conversion|reversion): )?(?:(.+) to )?(.+)")
_SEXES = {"m": "M", "male": "M", "f": "F", "female": "F", "o": "O", "other": "O"}
_CODED_SEXES = {"ptgender": {"1": "M", "2": "F"}}
_SITE = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,15}")
_NO_CODE = ("-1", "-4")


@cache
def fold(name: str) -> str:
    """A column name without case, blanks and punctuation: `CDR_SB` and `cdr sb` are `cdrsb`."""
    return re.sub(r"\W|_", "", unicodedata.normalize("NFKC", name).casefold())


def diagnosis(cell: Cell, *, adni: bool = False) -> Diagnosis | None:
    """The group a label stands for; of a change (`MCI to Dementia`) the group it ends in.

    Args:
        cell: the label.
        adni: whether the table is one of ADNI's, whose numbers are understood.

    Raises:
        CohortError: the label is not listed; the nearest listed one is told.
    """
    label = " ".join(cell.text.casefold().replace("’", "'").split())
    code = label.removesuffix(".0")
    if cell.missing or code in _NO_CODE:
        return None
    coded = _CODED.get(fold(cell.column), {}) if adni else {}
    if code in coded:
        return coded[code]
    before, now = match.groups() if (match := _CHANGED.fullmatch(label)) else (None, label)
    if label in _LABELS:
        return _LABELS[label]
    if now in _LABELS and (before is None or before in _LABELS):
        return _LABELS[now]
    raise cell.refusal("E_LABEL", "is no diagnosis known here", _meant(cell.text))


def sex(cell: Cell) -> str | None:
    """`M`, `F` or `O` (other).

    Raises:
        CohortError: another word, or a number whose meaning the column does not tell.
    """
    label = cell.text.casefold().removesuffix(".0")
    if cell.missing or label in _NO_CODE:
        return None
    found = _SEXES.get(label) or _CODED_SEXES.get(fold(cell.column), {}).get(label)
    if found is None:
        raise cell.refusal("E_LABEL", "is no sex known here", "write M, F, O or n/a")
    return found


def site(cell: Cell) -> str | None:
    """The code of a site; None for the name of a place, which is free text and not kept."""
    kept = _SITE.fullmatch(cell.text) and not cell.missing
    return cell.text.removesuffix(".0") if kept else None


def is_code(cell: Cell) -> bool:
    """Whether a cell holds a short code, or a word for nothing, and so no free text."""
    return cell.missing or cell.text in _NO_CODE or bool(_SITE.fullmatch(cell.text))


def _meant(text: str) -> str:
    """The nearest label, in the hint."""
    listed = {label.casefold(): label for labels in DIAGNOSES.values() for label in labels}
    near = difflib.get_close_matches(text.casefold(), listed, n=1, cutoff=0.7)
    if near:
        return f"did you mean {listed[near[0]]!r}?"
    return "known are CN, MCI, AD and the labels of docs/clinical-tables.md; a missing one is n/a"
