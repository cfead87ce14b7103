"""Where a comparison happens, with whom, and how."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric

from acadiff.benchmark.generation.plan import Job, Task
from acadiff.cohort.dataset import read_cohort
from acadiff.cohort.ledger import Ledger, fingerprint, read_ledger
from acadiff.cohort.table import Cohort
from acadiff.errors import CohortError
from acadiff.training.arithmetic import Precision, usable

OnStep = Callable[[str], None]


@dataclass(frozen=True)
class Request:
    """How methods are asked and judged, all of them alike.

    Args:
        seed: of the draws.
        subjects: how many of the test people, the first by id; None is all.
        processes: that score.
        train: whether to train what is not trained.
        keep_draws: whether single draws stay on disk once they are scored.
        ceiling: whether to simulate what nobody can beat, too.
        precision: that generators compute in; None is what each was trained in.
    """

    seed: int = 0
    subjects: int | None = None
    processes: int = 1
    train: bool = True
    keep_draws: bool = False
    ceiling: bool = False
    precision: Precision | None = None


@dataclass(frozen=True, eq=False)
class Bench:
    """What every job works with.

    Args:
        root: of the BIDS dataset.
        work: where `compress` left split, codecs and latents, and where generators go.
        out: folder of the comparison.
        request: how methods are asked.
        fabric: device and precision of training.
        on_step: told of each thing done.
    """

    root: Path
    work: Path
    out: Path
    request: Request
    fabric: Fabric
    on_step: OnStep

    @cached_property
    def cohort(self) -> Cohort:
        """Everybody."""
        return read_cohort(self.root)

    @cached_property
    def ledger(self) -> Ledger:
        """Who is in which part."""
        return read_ledger(self.work, self.cohort)

    @cached_property
    def people(self) -> tuple[str, ...]:
        """Ids of the test people who are asked for.

        Raises:
            CohortError: the split has none.
        """
        found = tuple(sorted(self.ledger.parts["test"]))[: self.request.subjects]
        if not found:
            raise CohortError(
                f"{self.work}: its split has no test people to judge by",
                code="E_NO_TEST",
                hint="split with split.test above 0",
            )
        return found

    def people_of(self, task: Task) -> tuple[str, ...]:
        """Those test people who have the sources and the target of a task.

        Raises:
            CohortError: nobody has.
        """
        wanted = {*task.sources, task.target}
        subjects = self.cohort.named(self.people).subjects
        found = tuple(dict.fromkeys(s.id for s in subjects if wanted <= set(s.scans)))
        if not found:
            raise CohortError(
                f"{self.root}: no test person has {' and '.join(sorted(m.title for m in wanted))}",
                code="E_NO_TEST",
                value=task.name,
                hint="leave the task out",
            )
        return found

    def folder(self, job: Job) -> Path:
        """Where a job leaves what it makes."""
        return self.out / "jobs" / job.name

    def belongs(self, job: Job) -> dict[str, Any]:
        """What the results of a job depend on besides the weights; no path, no time."""
        return {
            **self.shared,
            "recipe": job.entry.decisive,
            "draws": job.entry.asked,
            "precision": usable(self.request.precision or job.entry.recipe.precision, "cpu"),
            "tasks": [task.name for task in job.tasks],
        }

    @property
    def shared(self) -> dict[str, Any]:
        """What all jobs of one comparison have in common."""
        parts = self.ledger.parts
        return {
            "split": fingerprint(f"{part} {i}" for part, ids in parts.items() for i in ids),
            "test people": fingerprint(self.people),
            "seed": self.request.seed,
        }
