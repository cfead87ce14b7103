"""People with gaps → people as a classifier sees them, by each row of the table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from acadiff.benchmark.diagnosis.rows import Kind, Row
from acadiff.benchmark.diagnosis.shelf import Shelf
from acadiff.benchmark.diagnosis.study import Pattern
from acadiff.cohort.table import Diagnosis, Subject
from acadiff.modality import Modality
from acadiff.stages.classify import Case, Piece


@dataclass(frozen=True, eq=False)
class Completion:
    """How people who lost scans are completed.

    Args:
        shelf: where all volumes lie.
        lost: who lost which scans.
        teachers: the people whose scans templates are made of, under their own losses.
        classes: diagnoses, in the order of their labels.
    """

    shelf: Shelf
    lost: Pattern
    teachers: Sequence[Subject]
    classes: Sequence[Diagnosis]
    _templates: dict[Modality, Path] = field(default_factory=dict, init=False)

    def cases(self, subjects: Sequence[Subject], row: Row, run: int) -> tuple[Case, ...]:
        """The people that a row leaves, completed; of draws, that of this run.

        Raises:
            CohortError: a mean is wanted of scans that nobody has.
        """
        found = []
        for subject in subjects:
            lost = self.lost.get(subject.key, frozenset())
            if row.kind is Kind.DROP and lost:
                continue
            pieces = {m: self._piece(subject, lost, m, row, run) for m in Modality}
            assert subject.diagnosis is not None
            label = self.classes.index(subject.diagnosis)
            found.append(Case(subject.key, label, pieces))
        return tuple(found)

    def _piece(
        self, subject: Subject, lost: frozenset[Modality], modality: Modality, row: Row, run: int
    ) -> Piece:
        if modality not in lost or row.kind is Kind.ORACLE:
            return self.shelf.acquired(subject, modality), 0
        if row.kind is Kind.ZERO:
            return self.shelf.background(modality), 0
        if row.kind is Kind.MEAN:
            return self._template(modality), 0
        return self.shelf.drawn(row, subject.without(*lost), modality), run

    def _template(self, modality: Modality) -> Path:
        """Found once for all people and runs: to find it, every scan that it is of is hashed."""
        if modality not in self._templates:
            found = self.shelf.template(modality, self._observed[modality])
            self._templates[modality] = found
        return self._templates[modality]

    @cached_property
    def _observed(self) -> Mapping[Modality, tuple[Subject, ...]]:
        """Of each modality, those who still have it."""
        return {
            m: tuple(s for s in self.teachers if m not in self.lost.get(s.key, ()))
            for m in Modality
        }


def lacking(subjects: Sequence[Subject], patterns: Sequence[Pattern]) -> list[Subject]:
    """Everybody who lost scans under any pattern, with what is left; each way once."""
    found: dict[tuple[str, frozenset[Modality]], Subject] = {}
    for subject in subjects:
        for pattern in patterns:
            if subject.key in pattern:
                lost = pattern[subject.key]
                found.setdefault((subject.key, lost), subject.without(*lost))
    return list(found.values())
