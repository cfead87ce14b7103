"""What lies on disk: which scans a subject has, which were imputed, whether files are whole.

The report tells nothing that a committed file does not; each image's SHA-256 is compared with the
one in its record before the image is shown.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from acadiff.cohort.dataset import hidden_truth
from acadiff.cohort.table import Cohort, Subject
from acadiff.commit import sha256
from acadiff.errors import MissingInputError
from acadiff.modality import Modality
from acadiff.outputs.derivative import SPACE, Record, read_records


class State(Enum):
    """What is known of one modality of one subject; the text is the legend's."""

    ACQUIRED = "acquired"
    REPEATED = "acquired, imputed as a test"
    CHECKED = "missing, imputed, truth known"
    IMPUTED = "missing, imputed"
    MISSING = "missing"

    @property
    def code(self) -> str:
        """The word in lower case, for style sheets."""
        return self.name.lower()


@dataclass(frozen=True)
class Imputed:
    """One imputed scan: its record, and where its truth is, if anywhere."""

    record: Record
    truth: Path | None

    @property
    def key(self) -> str:
        """Who, and at which visit."""
        return self.record.name.key

    @property
    def target(self) -> Modality:
        """The modality that was imputed."""
        return self.record.name.modality

    @property
    def sources(self) -> tuple[Modality, ...]:
        """The modalities it was imputed from."""
        names = self.record.sidecar.get("AvailableModalities", [])
        return tuple(m for m in Modality if m.name in names)

    @property
    def method(self) -> str:
        """Name of the model that made it."""
        return str(self.record.sidecar.get("ModelName", "unnamed"))

    @property
    def images(self) -> tuple[Path, Path]:
        """Where its mean and its SD lie by their names; whether they do is another matter."""
        name = self.record.name
        mean, sd = (self.record.root / replace(name, desc=d).path() for d in ("synth", "synthstd"))
        return mean, sd


@dataclass(frozen=True)
class Evidence:
    """A cohort and what was imputed for it, with everything that is wrong with the files.

    `whole` holds the imputed scans whose images are there and equal their record; `problems` says
    of each other one what is wrong.
    """

    cohort: Cohort
    whole: tuple[Imputed, ...]
    problems: tuple[str, ...]

    @property
    def total(self) -> int:
        """Number of imputed scans on record."""
        return len(self.whole) + len(self.problems)

    def of(self, subject: Subject) -> tuple[Imputed, ...]:
        """What was imputed for one subject, by modality."""
        own = [i for i in self.whole if i.key == subject.key]
        return tuple(sorted(own, key=lambda i: i.target.index))

    def state(self, subject: Subject, modality: Modality) -> State:
        """What is known of one modality of one subject."""
        own = [i for i in self.of(subject) if i.target is modality]
        if modality in subject.scans:
            return State.REPEATED if own else State.ACQUIRED
        if not own:
            return State.MISSING
        return State.CHECKED if own[0].truth else State.IMPUTED


def gather(cohort: Cohort, derivatives: Sequence[Path]) -> Evidence:
    """Read the records of all `derivatives` and check the images they speak of.

    Raises:
        MissingInputError: a folder is not there.
        CohortError: a record is damaged.
    """
    for root in derivatives:
        if not root.is_dir():
            raise MissingInputError(f"{root}: is no folder; run `acadiff impute` first")
    truths = hidden_truth(cohort)
    scans = {(s.key, m): path for s in cohort.subjects for m, path in s.scans.items()}
    whole, problems = [], []
    for root in derivatives:
        for record in read_records(root):
            key = (record.name.key, record.name.modality)
            imputed = Imputed(record, scans.get(key) or truths.get(key))
            problem = _problem(imputed, {s.key for s in cohort.subjects})
            if problem:
                problems.append(problem)
            else:
                whole.append(imputed)
    return Evidence(cohort, tuple(whole), tuple(problems))


def _problem(imputed: Imputed, known: Iterable[str]) -> str | None:
    """Say what keeps an imputed scan from being shown, or None."""
    what = f"{imputed.key}, {imputed.target.title}"
    if imputed.key not in known:
        return f"{what}: the cohort holds no such subject"
    space = imputed.record.name.space
    if space not in (None, SPACE):
        return f"{what}: lies in {space} space, and only scans in the model's are shown"
    known_hashes = imputed.record.sidecar.get("SHA256", {})
    for path in imputed.images:
        try:
            found = sha256(path)
        except MissingInputError:
            return f"{what}: {path.name} is missing; impute it again"
        if found != known_hashes.get(path.name):
            return f"{what}: {path.name} differs from its record; impute it again"
    return None
