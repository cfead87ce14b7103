"""Measure what every job of a finished comparison costs to impute, one after another.

Jobs that ran beside each other have slowed each other down, each by as much as its neighbour
asked for. Run this alone on a quiet machine; then the comparison's command writes the tables anew.
Nothing else of a job's record changes, and what training took stays as it is known.

    OMP_NUM_THREADS=1 python benchmarks/costs.py COHORT WORK OUT
"""

import argparse
import os
from pathlib import Path

from acadiff.benchmark.generation.bench import Bench, Request
from acadiff.benchmark.generation.job import RECORD, cost_of, imputer_of, is_done, read
from acadiff.benchmark.generation.plan import ALL, TASKS, Entry, jobs_of, methods_of
from acadiff.benchmark.generation.weights import ready
from acadiff.commit import write_json
from acadiff.recipe import load_recipe
from acadiff.training.arithmetic import SINGLE, fabric_on


def main():
    """Measure all jobs that are done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("cohort", "work", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--recipe", default="phantom-4mm")
    parser.add_argument("--draws", type=int, default=10)
    asked = parser.parse_args()
    recipe = load_recipe(asked.recipe)
    bench = Bench(
        asked.cohort,
        asked.work,
        asked.out,
        Request(train=False, precision=SINGLE),
        fabric_on("cpu", SINGLE, 1),
        lambda _: None,
    )
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    entries = [Entry(name, recipe, asked.draws, recipe) for name in methods_of(ALL)]
    for job in jobs_of(entries, TASKS, named=False):
        folder = bench.folder(job)
        if not is_done(folder):
            continue
        cost = cost_of(job, imputer_of(job, bench), ready(job, bench), bench)
        write_json(folder / RECORD, {**read(folder / RECORD), "cost": cost})
        print(f"{job.name}: {cost['seconds_a_volume']:.2f} s a volume", flush=True)


if __name__ == "__main__":
    main()
