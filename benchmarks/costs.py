"""Measure what every job of a finished comparison costs to impute, one after another.

Jobs that ran beside each other have slowed each other down, each by as much as its neighbour
asked for. Run this alone on a quiet machine; then the comparison's command writes the tables anew.
Every method has a process of its own, as memory that was held once stays with a process. Nothing
else of a job's record changes, and what training took stays as it is known.

    OMP_NUM_THREADS=1 python benchmarks/costs.py COHORT WORK OUT
"""

import argparse
import os
from multiprocessing import get_context
from pathlib import Path

from acadiff.benchmark.generation.bench import Bench, Request
from acadiff.benchmark.generation.job import RECORD, cost_of, imputer_of, is_done, read
from acadiff.benchmark.generation.plan import ALL, TASKS, Entry, jobs_of, methods_of
from acadiff.benchmark.generation.weights import ready
from acadiff.commit import write_json
from acadiff.recipe import load_recipe
from acadiff.training.arithmetic import SINGLE, fabric_on


def bench_of(asked):
    """The comparison, as its command has it."""
    return Bench(
        asked.cohort,
        asked.work,
        asked.out,
        Request(train=False, precision=SINGLE),
        fabric_on("cpu", SINGLE, 1),
        lambda _: None,
    )


def measure(method, asked):
    """Put what was measured into the records of a method's jobs; returns seconds a volume."""
    bench, recipe = bench_of(asked), load_recipe(asked.recipe)
    seconds = {}
    for job in jobs_of([Entry(method, recipe, asked.draws, recipe)], TASKS, named=False):
        path = bench.folder(job) / RECORD
        if is_done(path.parent):
            cost = cost_of(job, imputer_of(job, bench), ready(job, bench), bench)
            write_json(path, {**read(path), "cost": cost})
            seconds[job.name] = cost["seconds_a_volume"]
    return seconds


def main():
    """Measure all jobs that are done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("cohort", "work", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--recipe", default="phantom-4mm")
    parser.add_argument("--draws", type=int, default=10)
    asked = parser.parse_args()
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    with get_context("spawn").Pool(1, maxtasksperchild=1) as alone:
        for method in methods_of(ALL):
            for job, seconds in alone.apply(measure, (method, asked)).items():
                print(f"{job}: {seconds:.2f} s a volume", flush=True)


if __name__ == "__main__":
    main()
