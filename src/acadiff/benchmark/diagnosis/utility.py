"""Is imputing worth it in this cohort? The same study within a user's own complete people.

By cross-validation: folds of people learn, the others judge. Of those who learn, some lose one
scan, as many as lack it in the cohort; or those who judge lose it. The prompt tells nothing of the
diagnosis unless that is asked for, as it is what is to be told.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from acadiff.benchmark.diagnosis.comparison import seen_by
from acadiff.benchmark.diagnosis.completion import Completion
from acadiff.benchmark.diagnosis.rows import Kind, Row
from acadiff.benchmark.diagnosis.runs import forget
from acadiff.benchmark.diagnosis.shelf import (
    FOLDER,
    Acquire,
    Draw,
    Sampling,
    Shelf,
    draws_of,
    make,
)
from acadiff.benchmark.diagnosis.study import TWO, Study, complete
from acadiff.benchmark.diagnosis.utility_page import (
    DIFFERENCES,
    JUDGE,
    LEARN,
    RECORD,
    RUNS,
    SUMMARY,
    write_page,
)
from acadiff.cohort.dataset import read_cohort
from acadiff.cohort.split import shuffle_key
from acadiff.cohort.standing import strangers
from acadiff.cohort.table import Cohort, Subject
from acadiff.commit import write_json
from acadiff.errors import CohortError
from acadiff.evaluation.diagnosis_table import (
    Cell,
    Runs,
    differences,
    every_run,
    measured,
    summary,
)
from acadiff.evaluation.row_titles import DROP, MEAN, ORACLE, WITHOUT
from acadiff.evaluation.tables import write_table
from acadiff.latent.codec_folder import load_codec
from acadiff.modality import Modality
from acadiff.recipe.diagnosis import Diagnosis
from acadiff.stages.classify import REGIONAL, Task, classify
from acadiff.workers import work

OnStep = Callable[[str], None]
Places = Int[np.ndarray, " n"]
FOLDS = 5
EVERYBODY = 100

USUAL = 60
"""Percentage of people who lose a scan where nobody of the cohort lacks it."""


@dataclass(frozen=True)
class Request:
    """What is asked.

    Args:
        row: the method, and what its prompt tells.
        targets: which scans.
        rate: percentage of people who lack it; None is as many as do in the cohort.
        runs: repeats, each with other folds and another draw.
        seed: of draws, folds and gaps.
        jobs: processes that draw.
        share: prompts may be given to a remote text encoder.
    """

    row: Row
    targets: tuple[Modality, ...] = tuple(Modality)
    rate: int | None = None
    runs: int = 10
    seed: int = 0
    jobs: int = 1
    share: bool = False


@dataclass(frozen=True, eq=False)
class Own:
    """People of one's own, each with all scans and either AD or CN, and where volumes lie."""

    people: tuple[Subject, ...]
    shelf: Shelf
    numbers: Diagnosis
    request: Request

    @property
    def labels(self) -> list[int]:
        """0 is CN, 1 is AD."""
        return [int(s.diagnosis is TWO[1]) for s in self.people]

    def gaps(self, target: Modality, rate: int) -> dict[str, frozenset[Modality]]:
        """Who lacks the scan: as large a share of each class."""
        lost: dict[str, frozenset[Modality]] = {}
        for label in (0, 1):
            own = [s.key for s, c in zip(self.people, self.labels, strict=True) if c == label]
            own.sort(key=lambda key: shuffle_key(self.request.seed, target.name, key))
            lost |= dict.fromkeys(own[: round(rate / 100 * len(own))], frozenset({target}))
        return lost


def run(
    cohort: Path,
    folder: Path,
    out: Path,
    numbers: Diagnosis,
    request: Request,
    on_step: OnStep,
) -> Path:
    """Ask of each target whether imputing it is worth it; returns the page with the verdict.

    Args:
        cohort: root of a dataset on the model's grid.
        folder: the model's.
        out: folder for tables and page; volumes are kept below it.
        numbers: of the regional classifier.
        request: what is asked.
        on_step: told of each volume and each target.

    Raises:
        CohortError: the model has seen everybody, or there are too few complete people.
    """
    seen, simulated = seen_by(folder, [request.row])
    known = read_cohort(cohort)
    whole, why = strangers(known, folder, seen, simulated_model=simulated)
    people = enough(complete(of_two(whole)))
    study = Study({"own": replace(whole, subjects=people)}, why, 0, known.simulated)
    voxel = load_codec(folder / "codecs" / Modality.MRI.name).grid.voxel
    shelf = Shelf(out / FOLDER / study.fingerprint[:12], voxel)
    own = Own(people, shelf, numbers, request)
    rates = {t: request.rate or lacking_rate(whole, t) for t in request.targets}
    fill(own, folder, on_step)
    cells: dict[Cell, Runs] = {}
    for target, rate in rates.items():
        for who in (LEARN, JUDGE):
            cells |= asked(own, target, rate, who)
        on_step(target.title)
    write_tables(cells, out)
    write_json(out / RECORD, _told(own, rates, study))
    return write_page(out)


def write_tables(cells: Mapping[Cell, Runs], out: Path) -> None:
    """Every run, the means over runs, and the differences between ways."""
    found = measured(cells)
    write_table(out / RUNS, every_run(found))
    write_table(out / SUMMARY, summary(found))
    write_table(out / DIFFERENCES, differences(found, (DROP, MEAN, WITHOUT, ORACLE)))


def of_two(cohort: Cohort) -> Cohort:
    """Those with AD or CN, and those of whom nobody knows; they are refused later."""
    kept = tuple(s for s in cohort.subjects if s.diagnosis in (*TWO, None))
    return replace(cohort, subjects=kept) if kept else cohort


def enough(cohort: Cohort) -> tuple[Subject, ...]:
    """The people, if there are enough of both classes for every fold.

    Raises:
        CohortError: there are not.
    """
    for kind in TWO:
        count = sum(s.diagnosis is kind for s in cohort.subjects)
        if count < 2 * FOLDS:
            raise CohortError(
                f"{cohort.root}: {count} people with {kind.value} have all three scans and are "
                f"new to the model, {2 * FOLDS} are needed",
                code="E_FEW_PEOPLE",
                value=count,
                hint="take more people",
            )
    return cohort.subjects


def lacking_rate(cohort: Cohort, target: Modality) -> int:
    """Percentage of people with some scan who lack this one; `USUAL` where nobody does."""
    with_some = [s for s in cohort.subjects if s.scans]
    share = round(100 * sum(target not in s.scans for s in with_some) / len(with_some))
    return min(max(share, 1), 95) if share else USUAL


def fill(own: Own, folder: Path, on_step: OnStep) -> None:
    """Put every volume on the shelf."""
    request = own.request
    how = Sampling(request.runs, request.seed, request.share)
    lacking = [s.without(target) for target in request.targets for s in own.people]
    tasks: list[Acquire | Draw] = [Acquire(own.shelf, s, m) for s in own.people for m in Modality]
    tasks += draws_of(own.shelf, folder, [request.row], lacking, how)
    for done in work(make, tasks, request.jobs):
        on_step(done)
    forget()


def asked(own: Own, target: Modality, rate: int, who: str) -> dict[Cell, Runs]:
    """What classifiers say of everybody under each way to live without the scan."""
    ways = [Row(Kind.ORACLE), Row(Kind.MEAN), Row(Kind.ZERO), own.request.row]
    ways += [Row(Kind.DROP)] if who == LEARN else []
    rate = rate if who == LEARN else EVERYBODY
    lost = own.gaps(target, rate)
    told = {row.name: p for row in ways if (p := _tried(own, row, lost, who)) is not None}
    told[WITHOUT] = _runs(own, Row(Kind.ZERO), own.gaps(target, EVERYBODY), (LEARN, JUDGE))
    labels = np.zeros(0, int), np.array(own.labels)
    none = np.zeros((own.request.runs, 0, 2))
    at = {name: 0 if name == ORACLE else rate for name in told}
    return {
        Cell(f"{target.name} {who}", REGIONAL, own.request.seed, at[name], name): Runs(
            none, probabilities, labels
        )
        for name, probabilities in told.items()
    }


def _tried(
    own: Own, row: Row, lost: Mapping[str, frozenset[Modality]], who: str
) -> Float[np.ndarray, "r n c"] | None:
    """As `_runs`; None where too few people are left to learn from."""
    try:
        return _runs(own, row, lost, (who,))
    except CohortError as error:
        if error.code != "E_FEW_PEOPLE":
            raise
        return None


def _runs(
    own: Own, row: Row, lost: Mapping[str, frozenset[Modality]], sides: Sequence[str]
) -> Float[np.ndarray, "r n c"]:
    """Probabilities of everybody, each by classifiers that had not seen them; a run a repeat."""
    told = np.zeros((own.request.runs, len(own.people), 2))
    for run in range(own.request.runs):
        for known, others in folds(own.labels, own.request.seed + run):
            fit, test = ([own.people[i] for i in part] for part in (known, others))
            parts = {LEARN: fit, JUDGE: test}
            gapped = {s.key for side in sides for s in parts[side]}
            pattern = {key: scans for key, scans in lost.items() if key in gapped}
            completion = Completion(own.shelf, pattern, fit, TWO)
            task = Task(
                kind=REGIONAL,
                fit=completion.cases(fit, row, run),
                validation=(),
                test=completion.cases(test, row, run),
                classes=2,
                seed=run,
                numbers=own.numbers,
            )
            told[run, others] = classify(task)["test"]
    return told


def folds(labels: Sequence[int], seed: int) -> Iterator[tuple[Places, Places]]:
    """Places of those who learn and of those who judge, the classes alike in each fold."""
    from sklearn.model_selection import StratifiedKFold

    cut = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    yield from cut.split(np.zeros(len(labels)), labels)


def _told(own: Own, rates: Mapping[Modality, int], study: Study) -> dict[str, Any]:
    counts = {kind.value: own.labels.count(label) for label, kind in enumerate(TWO)}
    return {
        "people": counts,
        "why": study.why,
        "simulated": study.simulated,
        "split": study.fingerprint,
        "method": own.request.row.name,
        "rates": {target.name: rate for target, rate in rates.items()},
        "runs": own.request.runs,
        "seed": own.request.seed,
        "strength": own.numbers.strength,
    }
