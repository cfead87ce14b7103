"""What a study of diagnoses consists of: which rows, classifiers, rates and runs, and on whom."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from acadiff.benchmark.diagnosis.rows import Kind, Row, withheld
from acadiff.benchmark.diagnosis.shelf import Sampling, Shelf
from acadiff.benchmark.diagnosis.study import THREE, TWO, Pattern, Study
from acadiff.cohort.table import Diagnosis
from acadiff.errors import UsageError
from acadiff.recipe import Recipe
from acadiff.stages.classify import CLASSIFIERS, REGIONAL

OnStep = Callable[[str], None]
TRAIN, TEST, THREE_WAY = "train", "test", "three-way"
SCENARIOS = (TRAIN, TEST, THREE_WAY)
"""Gaps in training, AD against CN; gaps in those who are judged, of whom nothing clinical is told;
gaps in training, CN against MCI against AD."""

JOURNAL = "runs.jsonl"


@dataclass(frozen=True)
class Request:
    """What is run.

    Args:
        rows: ways to live with missing scans.
        classifiers: of `CLASSIFIERS`.
        scenarios: of `SCENARIOS`.
        rates: percentages of people who lose scans.
        mask_seeds: who loses which scans.
        runs: of each cell; run g has draw g and classifier seed g.
        sampling: how scans are drawn.
        jobs: processes.
        device: where networks are trained.

    Raises:
        UsageError: a classifier or a scenario is none, or there are fewer draws than runs.
    """

    rows: tuple[Row, ...]
    classifiers: tuple[str, ...] = (REGIONAL,)
    scenarios: tuple[str, ...] = (TRAIN,)
    rates: tuple[int, ...] = (20, 40, 60, 80)
    mask_seeds: tuple[int, ...] = (0,)
    runs: int = 10
    sampling: Sampling = Sampling()
    jobs: int = 1
    device: str = "cpu"

    def __post_init__(self) -> None:
        """Refuse what there is not."""
        for given, known in ((self.classifiers, CLASSIFIERS), (self.scenarios, SCENARIOS)):
            wrong = [name for name in given if name not in known]
            if wrong:
                raise UsageError(
                    f"there is no {wrong[0]!r} to run",
                    code="E_OPTION",
                    value=wrong[0],
                    hint=f"choose of {', '.join(known)}",
                )
        if self.runs > self.sampling.draws:
            raise UsageError(
                f"{self.runs} runs need as many draws, there are {self.sampling.draws}"
            )


@dataclass(frozen=True, eq=False)
class Setting:
    """What every run works with.

    Args:
        study: the people.
        shelf: where volumes lie.
        folder: where the models are.
        recipe: the numbers.
        request: what is run.
        out: where the journal goes.
        on_step: told of each thing done.
    """

    study: Study
    shelf: Shelf
    folder: Path
    recipe: Recipe
    request: Request
    out: Path
    on_step: OnStep

    @property
    def belongs(self) -> str:
        """What runs of one table share: people, and the numbers of classifiers."""
        numbers = self.recipe.diagnosis.model_dump(mode="json")
        told = json.dumps([self.study.fingerprint, numbers], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:12]

    def masks(self, scenario: str, seed: int) -> list[tuple[int, Pattern]]:
        """Of each rate, who loses which scans."""
        part = gapped_in(scenario)[0]
        return list(self.study.masks(part, self.request.rates, seed).items())


def gapped_in(scenario: str) -> tuple[str, tuple[Diagnosis, ...]]:
    """Which part has gaps, and the classes."""
    part = "test" if scenario == TEST else "fit"
    return part, THREE if scenario == THREE_WAY else TWO


def rows_in(rows: Sequence[Row], scenario: str) -> tuple[Row, ...]:
    """The rows of a scenario; whoever is judged can neither be dropped nor have a label told."""
    if scenario != TEST:
        return tuple(rows)
    return tuple(row for row in withheld(rows) if row.kind is not Kind.DROP)
