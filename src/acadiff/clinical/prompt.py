"""The clinical prompt: one patient's record as the sentence of the paper. [paper §2]"""

from dataclasses import dataclass, replace

from acadiff.cohort.table import Diagnosis, Scores
from acadiff.errors import CohortError
from acadiff.modality import Modality


@dataclass(frozen=True)
class Prompt:
    """What is asked of the generator for one patient; `str()` is the paper's sentence. [paper §2]

    `Generate FDG-PET from MRI, AV45-PET for AD patient with MMSE=22, ADAS13=28, CDR-SOB=4.5`.
    A score that is not known is left out, and so is everything after the sources when nothing
    clinical is known. `available` is kept in the order of `Modality`, whatever order it came in.

    Raises:
        CohortError: there is no source, or the target is among the sources.
    """

    target: Modality
    available: tuple[Modality, ...]
    diagnosis: Diagnosis | None
    scores: Scores

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
        return replace(self, diagnosis=None, scores=Scores())

    def __str__(self) -> str:
        """Return the sentence that the text encoder reads."""
        sources = ", ".join(m.title for m in self.available)
        return f"Generate {self.target.title} from {sources}" + self._patient()

    def _patient(self) -> str:
        named = {
            "MMSE": self.scores.mmse,
            "ADAS13": self.scores.adas13,
            "CDR-SOB": self.scores.cdrsb,
        }
        known = [f"{name}={_number(value)}" for name, value in named.items() if value is not None]
        if self.diagnosis is None and not known:
            return ""
        who = "patient" if self.diagnosis is None else f"{self.diagnosis.name} patient"
        return f" for {who}" + (f" with {', '.join(known)}" if known else "")


def _number(value: float) -> str:
    """Write 22.0 as `22` and 9.333 as `9.33`, so that equal scores are equal text."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
