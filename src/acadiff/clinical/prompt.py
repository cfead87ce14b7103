"""The clinical prompt: one patient's record as the sentence of the paper. [paper §2]"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from acadiff.cohort.table import Diagnosis, Scores, Subject
from acadiff.errors import CohortError
from acadiff.modality import Modality


class Detail(Enum):
    """How much of a record a prompt tells, from nothing to what the paper tells."""

    NONE = "none"
    SCORES = "scores"
    FULL = "full"


@dataclass(frozen=True)
class Person:
    """Who the patient is, beside the illness; the paper's prompts do not say [ours: an option].

    Args:
        age: years.
        sex: F or M.
        apoe4: number of APOE ε4 alleles.
    """

    age: float | None = None
    sex: str | None = None
    apoe4: int | None = None

    @classmethod
    def of(cls, subject: Subject) -> "Person":
        """What the tables tell of a subject."""
        return cls(subject.age, subject.sex, subject.apoe4)


@dataclass(frozen=True)
class Prompt:
    """What is asked of the generator for one patient; `str()` is the paper's sentence. [paper §2]

    `Generate FDG-PET from MRI, AV45-PET for AD patient with MMSE=22, ADAS13=28, CDR-SOB=4.5`.
    A score that is not known is left out, and so is everything after the sources when nothing
    clinical is known. Age, sex and APOE4 follow the scores where they are told. `available` is
    kept in the order of `Modality`, whatever order it came in.

    Raises:
        CohortError: there is no source, or the target is among the sources.
    """

    target: Modality
    available: tuple[Modality, ...]
    diagnosis: Diagnosis | None
    scores: Scores
    person: Person = Person()

    @classmethod
    def of(
        cls,
        subject: Subject,
        target: Modality,
        sources: Sequence[Modality],
        *,
        person: bool = False,
    ) -> "Prompt":
        """What is asked for a subject: all that its record says.

        Args:
            subject: whose scan is made.
            target: what to make.
            sources: from which scans.
            person: tell age, sex and APOE4, too.
        """
        who = Person.of(subject) if person else Person()
        return cls(target, tuple(sources), subject.diagnosis, subject.scores, who)

    def __post_init__(self) -> None:
        """Put the sources in order and refuse impossible ones."""
        if self.target in self.available:
            raise CohortError(
                f"{self.target.title} is asked for and also given as a source: leave it out of one"
            )
        if not self.available:
            sources = " or ".join(m.title for m in self.target.others)
            raise CohortError(
                f"{self.target.title} cannot be generated from nothing: at least one scan of "
                f"{sources} is needed"
            )
        ordered = tuple(m for m in Modality if m in self.available)
        object.__setattr__(self, "available", ordered)

    def without_clinical(self) -> "Prompt":
        """Return the same request with diagnosis and scores withheld (clinical dropout)."""
        return replace(self, diagnosis=None, scores=Scores(), person=Person())

    def told(self, detail: Detail) -> "Prompt":
        """Return the same request with no more than this much of the record."""
        if detail is Detail.NONE:
            return self.without_clinical()
        return self if detail is Detail.FULL else replace(self, diagnosis=None)

    def __str__(self) -> str:
        """Return the sentence that the text encoder reads."""
        sources = ", ".join(m.title for m in self.available)
        return f"Generate {self.target.title} from {sources}" + self._patient()

    def _patient(self) -> str:
        named = {
            "MMSE": self.scores.mmse,
            "ADAS13": self.scores.adas13,
            "CDR-SOB": self.scores.cdrsb,
            "age": self.person.age,
            "sex": self.person.sex,
            "APOE4": self.person.apoe4,
        }
        known = [f"{name}={_value(value)}" for name, value in named.items() if value is not None]
        if self.diagnosis is None and not known:
            return ""
        who = "patient" if self.diagnosis is None else f"{self.diagnosis.name} patient"
        return f" for {who}" + (f" with {', '.join(known)}" if known else "")


def _value(value: float | str) -> str:
    """Write 22.0 as `22` and 9.333 as `9.33`, so that equal scores are equal text."""
    if isinstance(value, str):
        return value
    return f"{value:.2f}".rstrip("0").rstrip(".")
