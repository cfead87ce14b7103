"""Subjects, their scores and their scans, read from a BIDS dataset. The pixels stay on disk."""

import csv
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path, PurePosixPath

from acadiff.bids import parse, subject_label
from acadiff.errors import CohortError, MissingInputError
from acadiff.modality import Modality

TABLE = "participants.tsv"
HIDDEN = Path("sourcedata") / "hidden"
_SCALES = {"MMSE": 30.0, "ADAS13": 85.0, "CDRSB": 18.0}
_MISSING = ("", "n/a")


class Diagnosis(Enum):
    """The three groups of the paper, from healthy to ill."""

    CN = "CN"
    MCI = "MCI"
    AD = "AD"


@dataclass(frozen=True)
class Scores:
    """Cognitive scores; None where one was not taken.

    MMSE runs from 30 (well) down to 0, ADAS-Cog 13 from 0 up to 85, CDR sum of boxes from 0 to 18.

    Raises:
        CohortError: a score lies outside its scale.
    """

    mmse: float | None = None
    adas13: float | None = None
    cdrsb: float | None = None

    def __post_init__(self) -> None:
        """Refuse what no such test can give."""
        for name, top in _SCALES.items():
            value = getattr(self, name.lower())
            if value is not None and not 0 <= value <= top:
                side = f"ends at {top:g}" if value > 0 else "starts at 0 (a missing score is n/a)"
                raise CohortError(f"{name} is {value:g}, the scale {side}")


@dataclass(frozen=True)
class Subject:
    """One person at one visit: who, how ill, and which scans exist on disk."""

    id: str
    session: str | None
    diagnosis: Diagnosis | None
    scores: Scores
    scans: Mapping[Modality, Path]
    age: float | None = None
    sex: str | None = None
    apoe4: int | None = None

    @property
    def key(self) -> str:
        """`sub-X`, or `sub-X_ses-Y` where there are sessions."""
        return f"sub-{self.id}" + (f"_ses-{self.session}" if self.session else "")

    @property
    def available(self) -> tuple[Modality, ...]:
        """The modalities that were scanned, in the fixed order."""
        return tuple(m for m in Modality if m in self.scans)

    def without(self, *modalities: Modality) -> "Subject":
        """The same person, had these scans not been made."""
        kept = {m: path for m, path in self.scans.items() if m not in modalities}
        return replace(self, scans=kept)


@dataclass(frozen=True)
class Cohort:
    """Subjects in the order of their ids, which are unique.

    Raises:
        CohortError: no subject, or two with one id (upper and lower case are one).
    """

    root: Path
    subjects: tuple[Subject, ...]
    simulated: bool = False

    def __post_init__(self) -> None:
        """Sort, and refuse what cannot be told apart."""
        if not self.subjects:
            raise CohortError(f"{self.root}: the cohort is empty; it needs at least one subject")
        ids = [subject.id.casefold() for subject in self.subjects]
        twice = (
            next((i for i in ids if ids.count(i) > 1), None) if len(set(ids)) < len(ids) else None
        )
        if twice is not None:
            raise CohortError(f"{self.root}: sub-{twice} is there twice; ids must be unique")
        object.__setattr__(self, "subjects", tuple(sorted(self.subjects, key=lambda s: s.id)))

    @property
    def ids(self) -> tuple[str, ...]:
        """The subjects' ids, sorted."""
        return tuple(subject.id for subject in self.subjects)

    def named(self, ids: Iterable[str]) -> "Cohort":
        """The subjects with these ids.

        Raises:
            CohortError: an id is not in the cohort.
        """
        wanted = set(ids)
        unknown = sorted(wanted - set(self.ids))
        if unknown:
            raise CohortError(f"{self.root}: there is no sub-{unknown[0]} in {TABLE}")
        return replace(self, subjects=tuple(s for s in self.subjects if s.id in wanted))


def read_cohort(root: Path) -> Cohort:
    """Read a BIDS dataset: `participants.tsv`, and the scans that lie under `sub-*`.

    Columns read: participant_id, diagnosis, age, sex, apoe4, MMSE, ADAS13, CDRSB; `n/a` or nothing
    is missing, an absent column is missing for all. Scans are found by the exact entities of
    their names; any with a `desc-` entity is somebody's derivative and is not read.

    Raises:
        MissingInputError: the folder, the table or the target of a link is not there.
        CohortError: a line, an id, a label, a score or the set of scans is wrong.
    """
    rows = _rows(root / TABLE)
    scans = _scans(root)
    subjects = []
    lines: dict[str, int] = {}
    for line, row in rows:
        where = f"{TABLE} line {line}, {row.get('participant_id', '')}"
        try:
            subject = _subject(row, scans)
        except CohortError as error:
            raise CohortError(f"{where}: {error}") from error
        first = lines.setdefault(subject.id.casefold(), line)
        if first != line:
            raise CohortError(f"{where}: the id is on line {first} already; keep one of the two")
        subjects.append(subject)
    strays = sorted(set(scans) - {subject.id for subject in subjects})
    if strays:
        raise CohortError(f"{root / TABLE}: sub-{strays[0]} has scans but no line; add one")
    if not scans:
        raise CohortError(f"{root}: the cohort is empty, no T1w or PET scan lies under sub-*")
    return Cohort(root, tuple(subjects), _is_simulated(root))


def hidden_truth(cohort: Cohort) -> dict[tuple[str, Modality], Path]:
    """Scans of a simulated cohort that were made and then kept from it, for scoring only.

    They lie under `sourcedata/hidden/` by the names they would have in the dataset.
    """
    folder = cohort.root / HIDDEN
    found = _scans(folder) if folder.is_dir() else {}
    known = set(cohort.ids)
    return {
        (subject, modality): path
        for subject, (_, scans) in found.items()
        if subject in known
        for modality, path in scans.items()
    }


def _rows(table: Path) -> list[tuple[int, dict[str, str]]]:
    """Lines of the table, each with its number; every cell stays text."""
    try:
        text = table.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise MissingInputError(f"{table}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise CohortError(f"{table}: byte {error.start} is not UTF-8; save it as UTF-8") from error
    reader = csv.reader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    header = [name.strip() for name in next(reader, [])]
    if "participant_id" not in header or len(set(header)) < len(header):
        raise CohortError(
            f"{table} line 1: needs a tab-separated column participant_id and no column twice"
        )
    rows = []
    for line, cells in enumerate(reader, start=2):
        if not cells:
            continue
        if len(cells) != len(header):
            raise CohortError(
                f"{table} line {line}: has {len(cells)} cells, the header has {len(header)}"
            )
        rows.append((line, dict(zip(header, (cell.strip() for cell in cells), strict=True))))
    return rows


def _subject(
    row: Mapping[str, str], scans: Mapping[str, tuple[str | None, Mapping[Modality, Path]]]
) -> Subject:
    identity = subject_label(row["participant_id"])
    session, own = scans.get(identity, (None, {}))
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
                " keep one"
            )
        if not path.exists():
            raise MissingInputError(f"{path}: links to nothing; fetch the file it stands for")
        scans[name.modality] = path
    return found


def _is_simulated(root: Path) -> bool:
    """Whether the dataset says so of itself."""
    path = root / "dataset_description.json"
    if not path.exists():
        return False
    try:
        return "SIMULATED" in json.loads(path.read_bytes())["Name"].upper()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CohortError(f"{path}: is not a BIDS dataset description with a Name") from error
