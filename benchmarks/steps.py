"""What a training step of every method costs, one method after another on the same machine.

Each phase of each method is trained for a few steps from scratch, in a process of its own, in
single precision; nothing is kept. COHORT is SIMULATED, WORK has codecs and latents (`compress`).

    OMP_NUM_THREADS=1 python benchmarks/steps.py COHORT WORK --out results/generation-4mm/steps.tsv
"""

import argparse
import time
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import pandas as pd
import torch

from acadiff.benchmark.generation.cost import peak_mb, reset_peak
from acadiff.cohort.dataset import read_cohort
from acadiff.cohort.ledger import read_ledger
from acadiff.evaluation.tables import write_table
from acadiff.generators import GENERATORS
from acadiff.latent.codec_folder import load_codec
from acadiff.modality import Modality
from acadiff.recipe import load_recipe
from acadiff.stages.train import Bench
from acadiff.training.arithmetic import SINGLE, fabric_on
from acadiff.training.loop import Run, Settings

WARM = 2  # steps that are not timed, as memory is first touched there


def bench_of(method, asked):
    """What `acadiff train` works with."""
    people = read_cohort(asked.cohort)
    parts = read_ledger(asked.work, people).parts
    return Bench(
        GENERATORS[method],
        people.named(parts["train"]).subjects,
        (),
        {m: load_codec(asked.work / "codecs" / m.name) for m in Modality},
        load_recipe(asked.recipe),
        asked.work,
        fabric_on("cpu", SINGLE, 1),
        lambda _: None,
    )


def timed(run, examples, numbers):
    """Seconds of each step; the last one, which writes a checkpoint, is not told."""

    def batch(index):
        return examples.batch(index, numbers.batch, (numbers.seed, "cost"))

    for index in range(run.settings.steps):
        batch(index)  # scans are read and prompts encoded once in a training, not in its steps
    seconds, start = [], time.perf_counter()
    for _ in run.steps(batch):
        now = time.perf_counter()
        seconds.append(now - start)
        start = now
    return seconds[WARM:-1]


def measure(method, target, asked):
    """One row for each phase of a method."""
    bench = bench_of(method, asked)
    torch.manual_seed(0)
    generator = bench.kind(target, **bench.arguments(target))
    examples = bench.examples(target, bench.subjects)
    rows = []
    for phase, numbers in zip(generator.phases(), bench.plan.phases, strict=True):
        few = {"steps": WARM + asked.steps + 1, "every": WARM + asked.steps + 1}
        settings = Settings(**numbers.model_dump(exclude={"batch", "seed"}) | few)
        reset_peak()
        with TemporaryDirectory() as folder:
            run = Run(
                generator,
                phase,
                settings,
                fabric=bench.fabric,
                folder=Path(folder),
                belongs={},
            )
            seconds = median(timed(run, examples, numbers))
        rows.append(
            {
                "method": method,
                "phase": "-".join(phase),
                "steps": numbers.steps,
                "batch": numbers.batch,
                "seconds_a_step": round(seconds, 4),
                "peak_mb": round(peak_mb(), 1),
            }
        )
    return rows


def main():
    """Measure all methods that are trained."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cohort", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--recipe", default="phantom-4mm")
    parser.add_argument("--target", default="FDG", choices=[m.name for m in Modality])
    parser.add_argument("--steps", type=int, default=15, help="timed of each phase")
    asked = parser.parse_args()
    rows = []
    with get_context("spawn").Pool(1, maxtasksperchild=1) as alone:
        for method in GENERATORS:
            found = alone.apply(measure, (method, Modality[asked.target], asked))
            rows += found
            for row in found:
                print(*row.values(), sep="\t", flush=True)
    write_table(asked.out, pd.DataFrame(rows))


if __name__ == "__main__":
    main()
