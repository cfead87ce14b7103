"""Every method on equal terms: trained if it is not, asked for the nine tasks, and scored."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lightning_fabric import Fabric

from acadiff.benchmark.plan import Job
from acadiff.cohort.dataset import read_cohort
from acadiff.cohort.ledger import read_ledger
from acadiff.imputer import Imputer
from acadiff.recipe import Recipe
from acadiff.stages import impute, score, train

OnStep = Callable[[str], None]


@dataclass(frozen=True)
class Request:
    """What is compared, and how.

    Args:
        jobs: which.
        draws: of each method whose draws differ.
        seed: of the draws.
        subjects: how many of the test people, the first by id; None is all.
        processes: that score.
    """

    jobs: Sequence[Job]
    draws: int = 10
    seed: int = 0
    subjects: int | None = None
    processes: int = 1


def run(
    cohort: Path,
    work: Path,
    out: Path,
    recipe: Recipe,
    request: Request,
    fabric: Fabric,
    on_step: OnStep,
) -> Path:
    """Do every job that is not done yet, then write the tables.

    Args:
        cohort: root of the BIDS dataset.
        work: where `compress` left split, codecs and latents, and where generators go.
        out: folder for imputed scans and tables.
        recipe: the numbers.
        request: what and how.
        fabric: device and precision of training.
        on_step: told of each thing done.

    Returns:
        The folder of the tables.
    """
    people = sorted(read_ledger(work, read_cohort(cohort)).parts["test"])[: request.subjects]
    roots = []
    for job in request.jobs:
        train.run(cohort, work, recipe, job.method, (job.target,), fabric, on_step)
        imputer = Imputer.load(work, job.method)
        for sources in job.patterns:
            asked = impute.Request(
                request.draws if imputer.generators[job.target].generator.stochastic else 1,
                request.seed,
                sources,
                tuple(people),
                (job.target,),
                keep_draws=True,
            )
            root = out / "jobs" / job.name / "+".join(m.name for m in sources)
            impute.run(cohort, imputer, root, asked, on_step)
            roots.append(root)
    score.run(roots, cohort, out, request.processes, on_step)
    return out
