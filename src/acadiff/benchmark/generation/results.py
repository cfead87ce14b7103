"""From the tables of all jobs to those of the comparison: nothing in them tells of a machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from acadiff.benchmark.generation.bench import Bench
from acadiff.benchmark.generation.ceiling import above, ceiling
from acadiff.benchmark.generation.job import CLAIM, RECORD, REGIONS, SCORES, read, require_same
from acadiff.benchmark.generation.plan import Job
from acadiff.benchmark.generation.scores import KEYS
from acadiff.evaluation.distance import wasserstein
from acadiff.evaluation.league import Regions, league
from acadiff.evaluation.tables import read_table, write_table
from acadiff.volume.regions import NAMES

_PER_TARGET = ("training_seconds", "steps", "people_seen", "seconds_a_step", "seconds_a_volume")


@dataclass(frozen=True, eq=False)
class Results:
    """All tables of a comparison.

    Args:
        scores: `KEYS` and value, one row a person, image and metric.
        regions: regional values of every image.
        order: of the methods.
        compute: what each job cost.
        simulated: whether the people are.
        limits: what nobody can beat, if it was asked.
    """

    scores: pd.DataFrame
    regions: Regions
    order: tuple[str, ...]
    compute: pd.DataFrame
    simulated: bool
    limits: pd.DataFrame | None = None

    @cached_property
    def below(self) -> pd.DataFrame:
        """How far every method stays below each limit, in PSNR; empty if it was not asked."""
        return pd.DataFrame() if self.limits is None else above(self.table, self.limits)

    @cached_property
    def table(self) -> pd.DataFrame:
        """Methods side by side."""
        return league(self.scores, self.regions, self.order)

    @cached_property
    def regional(self) -> pd.DataFrame:
        """Bias, error and distance of distributions of every method, task and region."""
        rows = [
            {"method": method, "target": target, "sources": sources, "region": name, **found}
            for (method, target, sources), images in self.regions.items()
            for name, found in _of_regions(images)
        ]
        return pd.DataFrame(rows)


def gather(jobs: Sequence[Job], bench: Bench) -> Results:
    """Read what the jobs left.

    Raises:
        OutputError: results of another split, other people or another seed lie among them.
        CohortError: a ceiling is asked for of people who were not simulated.
    """
    scores, costs = [], []
    regions: dict[tuple[str, str, str], Any] = {}
    for job in jobs:
        folder = bench.folder(job)
        require_same(folder / CLAIM, bench.belongs(job))
        scores.append(read_scores(folder / SCORES))
        regions |= _by_task(job, folder / REGIONS)
        costs.append({"method": job.entry.name, "target": job.target.name, **cost(folder)})
    order = tuple(dict.fromkeys(job.entry.name for job in jobs))
    whole = pd.concat(scores, ignore_index=True)
    limits = ceiling(bench) if bench.request.ceiling else None
    return Results(whole, regions, order, pd.DataFrame(costs), bench.cohort.simulated, limits)


def write_tables(results: Results, out: Path) -> None:
    """Write `generation`, `regional`, `table` and `compute`, each a `.tsv`."""
    write_table(out / "generation.tsv", results.scores)
    write_table(out / "regional.tsv", results.regional)
    write_table(out / "compute.tsv", results.compute)
    write_table(out / "table.tsv", results.table)


def cost(folder: Path) -> dict[str, Any]:
    """What a job cost."""
    return dict(read(folder / RECORD)["cost"])


def read_scores(path: Path) -> pd.DataFrame:
    """Tidy metrics: `KEYS` as text, value as a number."""
    return read_table(path, text=KEYS)


def _by_task(job: Job, path: Path) -> Regions:
    """(method, target, sources) → image → values of each person, draw and region."""
    table = read_table(path, text=("sources", "subject", "session", "image", "draw"))
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for sources, part in table.groupby("sources", sort=False):
        key = (job.entry.name, job.target.name, str(sources))
        found[key] = {str(image): _stack(rows) for image, rows in part.groupby("image")}
    return found


def _stack(rows: pd.DataFrame) -> Float[np.ndarray, "n d r"]:
    """Visits by draws by regions, in the order of visits and of draws."""
    number = pd.to_numeric(rows["draw"], errors="coerce").fillna(0)
    rows = rows.assign(number=number).sort_values(["subject", "session", "number"])
    visits = rows[["subject", "session"]].drop_duplicates().shape[0]
    return rows[list(NAMES)].to_numpy(float).reshape(visits, -1, len(NAMES))


def _of_regions(images: Any) -> list[tuple[str, dict[str, float]]]:
    """Each region's name, and what images are off by."""
    truth = images["acquired"][:, 0]
    error = images["mean"][:, 0] - truth
    distance = wasserstein(truth, images["draw"])
    return [
        (
            name,
            {
                "n": len(truth),
                "bias": float(error[:, r].mean()),
                "error": float(np.abs(error[:, r]).mean()),
                "wasserstein": float(distance[r]),
            },
        )
        for r, name in enumerate(NAMES)
    ]
