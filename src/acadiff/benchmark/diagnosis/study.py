"""Who teaches a classifier of completed scans, who judges it, and what its teachers lose."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from acadiff.cohort.missing import missing_by_class
from acadiff.cohort.split import head_counts, split
from acadiff.cohort.standing import for_classifiers
from acadiff.cohort.table import Cohort, Diagnosis, Subject
from acadiff.commit import sha256
from acadiff.errors import CohortError, UsageError
from acadiff.modality import Modality
from acadiff.recipe.diagnosis import People
from acadiff.volume.image import Volume, read_scan

PARTS = ("fit", "validation", "test")
TWO = (Diagnosis.CN, Diagnosis.AD)
THREE = tuple(Diagnosis)
LEAST = {"fit": 4, "validation": 1, "test": 5}
"""People of each class, below which a part is of no use."""

Pattern = Mapping[str, frozenset[Modality]]
"""Whose scans are taken away, and which; by key."""


@dataclass(frozen=True, eq=False)
class Study:
    """People by part, each with all three scans and a diagnosis.

    Args:
        parts: `fit`, `validation` and `test`.
        why: how it is known that no model has seen them.
        left_out: how many visits lack a scan, or are not the first whole one of their person.
        simulated: whether they are.
    """

    parts: Mapping[str, Cohort]
    why: str
    left_out: int
    simulated: bool

    def of(self, part: str, classes: Sequence[Diagnosis]) -> tuple[Subject, ...]:
        """The people of a part that belong to these classes."""
        return tuple(s for s in self.parts[part].subjects if s.diagnosis in classes)

    def require(self, classes: Sequence[Diagnosis]) -> None:
        """Refuse parts with too few people of a class.

        Raises:
            CohortError: there are too few.
        """
        for part, least in LEAST.items():
            for kind in classes:
                count = len(self.of(part, (kind,)))
                if count < least:
                    raise CohortError(
                        f"the part {part} has {count} people with {kind.value}, it needs {least}",
                        code="E_FEW_PEOPLE",
                        value=count,
                        hint="take a larger cohort, or change diagnosis.people of the recipe",
                    )

    def masks(self, part: str, rates: Sequence[int], seed: int) -> dict[int, Pattern]:
        """What people of a part lose at each rate, in percent; nested, the same for every method.

        Raises:
            UsageError: a rate is not from 1 to 100.
        """
        wrong = [rate for rate in rates if not 1 <= rate <= 100]
        if wrong or not rates:
            raise UsageError(
                f"the missing rate is {wrong[0] if wrong else 'not told'}",
                code="E_RATE",
                value=wrong[0] if wrong else "",
                hint="give percentages from 1 to 100, such as 20,40,60,80",
            )
        return {r: missing_by_class(self.parts[part], r / 100, seed) for r in sorted(set(rates))}

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of everybody's part, diagnosis and scans.

        Simulated again on another kind of processor, a scan differs in its last bits: it is known
        by its shape and by its mean and SD in two digits, so that a study can go on there.
        """
        known_by = _looks if self.simulated else _hashes
        rows = [
            [part, s.key, s.diagnosis.value if s.diagnosis else "", known_by(s)]
            for part, people in self.parts.items()
            for s in people.subjects
        ]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()

    def told(self) -> dict[str, Any]:
        """How many people of each class are in each part, and how that came."""
        counts = {p: {d.value: len(self.of(p, (d,))) for d in THREE} for p in self.parts}
        return {
            "people": counts,
            "why": self.why,
            "left_out": self.left_out,
            "simulated": self.simulated,
            "split": self.fingerprint,
        }


def study(
    cohort: Cohort, work: Path, seen: Sequence[str], numbers: People, *, simulated_model: bool
) -> Study:
    """Divide those whom no model has seen, by person, with the same mix of diagnoses in each part.

    Args:
        cohort: the classifier's people, alone or in a ledger.
        work: where the models are.
        seen: hashes of those whom any of them was trained or validated on.
        numbers: the recipe's.
        simulated_model: whether all of those were simulated.

    Raises:
        CohortError: somebody was trained on, has no diagnosis, or there are too few people.
    """
    whole, why = for_classifiers(cohort, work, seen, simulated_model=simulated_model)
    people = complete(whole)
    shares = numbers.model_dump(include=set(PARTS))
    sizes = head_counts({part: shares[part] for part in PARTS}, len(people.ids))
    parts = {part: people.named(ids) for part, ids in split(people, sizes, numbers.seed).items()}
    left_out = len(whole.subjects) - len(people.subjects)
    made = Study(parts, why, left_out, cohort.simulated)
    made.require(TWO)
    return made


def complete(cohort: Cohort) -> Cohort:
    """The first visit of each person at which all scans were made.

    Raises:
        CohortError: there is none, or somebody there has no diagnosis.
    """
    first: dict[str, Subject] = {}
    for subject in cohort.subjects:
        if len(subject.scans) == len(Modality):
            first.setdefault(subject.id, subject)
    if not first:
        raise CohortError(
            f"{cohort.root}: nobody has all three scans",
            code="E_FEW_PEOPLE",
            value=0,
            hint="what a missing scan costs can only be told of people who have it",
        )
    people = replace(cohort, subjects=tuple(first.values()))
    missing_by_class(people, 0, 0)
    return people


def _hashes(subject: Subject) -> list[str]:
    return [sha256(subject.scans[m]) for m in Modality if m in subject.scans]


def _looks(subject: Subject) -> list[str]:
    return [_look(read_scan(subject.scans[m], m)) for m in Modality if m in subject.scans]


def _look(scan: Volume) -> str:
    data = scan.data.astype(np.float64)
    return f"{data.shape} {data.mean():.1e} {data.std():.1e}"
