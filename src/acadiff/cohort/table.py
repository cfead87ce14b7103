"""Subjects, their scores and where their scans are. The pixels stay on disk."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from acadiff.errors import CohortError
from acadiff.modality import Modality

_SCALES = {"MMSE": 30.0, "ADAS13": 85.0, "CDRSB": 18.0}


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
    """Subjects in the order of their keys, which are unique; one person may come several times.

    Raises:
        CohortError: no subject, or two with one key (upper and lower case are one).
    """

    root: Path
    subjects: tuple[Subject, ...]
    simulated: bool = False

    def __post_init__(self) -> None:
        """Sort, and refuse what cannot be told apart."""
        if not self.subjects:
            raise CohortError(f"{self.root}: the cohort is empty; it needs at least one subject")
        counts = Counter(subject.key.casefold() for subject in self.subjects)
        twice, count = counts.most_common(1)[0]
        if count > 1:
            raise CohortError(f"{self.root}: {twice} is there twice; ids must be unique")
        order = sorted(self.subjects, key=lambda s: (s.id, s.session or ""))
        object.__setattr__(self, "subjects", tuple(order))

    @property
    def ids(self) -> tuple[str, ...]:
        """The persons' ids, sorted, each once."""
        return tuple(dict.fromkeys(subject.id for subject in self.subjects))

    def named(self, ids: Iterable[str]) -> "Cohort":
        """All visits of the persons with these ids.

        Raises:
            CohortError: an id is not in the cohort.
        """
        wanted = set(ids)
        unknown = sorted(wanted - set(self.ids))
        if unknown:
            raise CohortError(f"{self.root}: there is no sub-{unknown[0]} in its table")
        return replace(self, subjects=tuple(s for s in self.subjects if s.id in wanted))
