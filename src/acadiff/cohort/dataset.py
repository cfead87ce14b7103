"""A dataset on the model's grid, simulated or prepared → its `Cohort`."""

import json
import math
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from acadiff.bids import label, parse, subject_label
from acadiff.cohort.table import Cohort, Diagnosis, Scores, Subject
from acadiff.cohort.text.delimited import read_table
from acadiff.errors import CohortError, MissingInputError
from acadiff.modality import Modality

PEOPLE = "participants.tsv"
VISITS = "cohort.tsv"
"""One line a person and visit, with the scans' places; `acadiff prepare` writes it."""

HIDDEN = Path("sourcedata") / "hidden"
_MISSING = ("", "n/a")
_WHO = "participant_id"
_Scans = Mapping[Modality, Path]


def read_cohort(root: Path) -> Cohort:
    """Read a dataset: by `cohort.tsv` if there is one, else by `participants.tsv` and `sub-*`.

    Columns read: participant_id, diagnosis, age, sex, apoe4, MMSE, ADAS13, CDRSB; `n/a` or nothing
    is missing, an absent column is missing for all. `cohort.tsv` also has session_id, mri, fdg and
    av45 (paths below the root). Without it, scans are found by the exact entities of their names;
    any with a `desc-` entity is somebody's derivative and is not read.

    Raises:
        MissingInputError: the folder, the table or the target of a link is not there.
        CohortError: a line, an id, a label, a score or the set of scans is wrong.
    """
    table = root / (VISITS if (root / VISITS).is_file() else PEOPLE)
    rows = _rows(table)
    prepared = table.name == VISITS
    scans = {} if prepared else _scans(root)
    subjects = []
    lines: dict[str, int] = {}
    for line, row in rows:
        where = f"{table.name} line {line}, {row[_WHO]}"
        try:
            subject = _subject(row, *(_listed(root, row) if prepared else _found(row, scans)))
        except CohortError as error:
            raise error.at(where) from error
        first = lines.setdefault(subject.key.casefold(), line)
        if first != line:
            raise CohortError(f"{where}: the id is on line {first} already; keep one of the two")
        subjects.append(subject)
    strays = sorted(set(scans) - {subject.id for subject in subjects})
    if strays:
        raise CohortError(f"{table}: sub-{strays[0]} has scans but no line; add one")
    if not any(subject.scans for subject in subjects):
        raise CohortError(f"{root}: the cohort is empty, no T1w or PET scan lies under sub-*")
    return Cohort(root, tuple(subjects), is_simulated(root))


def hidden_truth(cohort: Cohort) -> dict[tuple[str, Modality], Path]:
    """Scans that were made and then kept from a simulated cohort, for scoring, by (key, modality).

    They lie under `sourcedata/hidden/` by the names they would have in the dataset.
    """
    folder = cohort.root / HIDDEN
    found = _scans(folder) if folder.is_dir() else {}
    return {
        (subject.key, modality): path
        for subject in cohort.subjects
        for modality, path in found.get(subject.id, (None, {}))[1].items()
    }


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Lines of the table, each with its number; every cell stays text."""
    table = read_table(path, delimiters=("\t",))
    if _WHO not in table.columns:
        raise CohortError(
            f"{path} line 1: no tab-separated column is called {_WHO}",
            code="E_COLUMN",
            value=" ".join(table.columns)[:200],
            hint="name it so",
        )
    return [(row.line, dict(zip(table.columns, row.cells, strict=True))) for row in table.rows]


def _found(
    row: Mapping[str, str], scans: Mapping[str, tuple[str | None, _Scans]]
) -> tuple[str | None, _Scans]:
    """Session and scans of a line of `participants.tsv`."""
    return scans.get(subject_label(row[_WHO]), (None, {}))


def _listed(root: Path, row: Mapping[str, str]) -> tuple[str | None, _Scans]:
    """Session and scans that a line of `cohort.tsv` names."""
    session = row.get("session_id", "")
    scans = {}
    for modality in Modality:
        text = row.get(modality.name.lower(), "")
        if text in _MISSING:
            continue
        path = PurePosixPath(text)
        if path.is_absolute() or ".." in path.parts:
            raise CohortError(f"{modality.title} is {text!r}, which is not below {root}")
        if not (root / path).is_file():
            raise MissingInputError(f"{root / path}: is not there; run `acadiff prepare` again")
        scans[modality] = root / path
    if session in _MISSING:
        return None, scans
    return label(session.removeprefix("ses-"), "session_id"), scans


def _subject(row: Mapping[str, str], session: str | None, own: _Scans) -> Subject:
    identity = subject_label(row[_WHO])
    apoe4 = _number(row, "apoe4")
    if apoe4 not in (None, 0, 1, 2):
        raise CohortError(f"apoe4 is {apoe4:g}, it counts alleles: 0, 1 or 2")
    return Subject(
        identity,
        session,
        _diagnosis(row.get("diagnosis", "")),
        Scores(_number(row, "MMSE"), _number(row, "ADAS13"), _number(row, "CDRSB")),
        own,
        _number(row, "age"),
        None if row.get("sex", "") in _MISSING else row["sex"],
        None if apoe4 is None else int(apoe4),
    )


def _diagnosis(text: str) -> Diagnosis | None:
    if text in _MISSING:
        return None
    if text not in Diagnosis.__members__:
        raise CohortError(f"diagnosis is {text!r}, known are {', '.join(Diagnosis.__members__)}")
    return Diagnosis[text]


def _number(row: Mapping[str, str], column: str) -> float | None:
    text = row.get(column, "")
    if text in _MISSING:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise CohortError(f"{column} is {text!r}, which is not a number; a missing one is n/a")
    return value


def _scans(root: Path) -> dict[str, tuple[str | None, dict[Modality, Path]]]:
    """Acquired scans below `root`, as {id: (session, {modality: path})}."""
    found: dict[str, tuple[str | None, dict[Modality, Path]]] = {}
    for path in sorted(root.glob("sub-*/**/*.nii.gz")) + sorted(root.glob("sub-*/**/*.nii")):
        name = parse(path.name)
        if name is None or name.desc is not None:
            continue
        if name.path(path.name[path.name.index(".") :]) != PurePosixPath(path.relative_to(root)):
            raise CohortError(f"{path}: lies in a folder that its name does not tell; move it")
        session, scans = found.setdefault(name.subject, (name.session, {}))
        if name.modality in scans or session != name.session:
            raise CohortError(
                f"{path}: sub-{name.subject} has several {name.modality.title} scans or sessions;"
                " let `acadiff prepare` make one dataset of them"
            )
        if not path.exists():
            raise MissingInputError(f"{path}: links to nothing; fetch the file it stands for")
        scans[name.modality] = path
    return found


def is_simulated(root: Path) -> bool:
    """Whether the dataset says so of itself."""
    path = root / "dataset_description.json"
    if not path.exists():
        return False
    try:
        return "SIMULATED" in json.loads(path.read_bytes())["Name"].upper()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CohortError(f"{path}: is not a BIDS dataset description with a Name") from error
