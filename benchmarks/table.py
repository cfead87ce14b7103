"""Turn scores into the tables of docs/results.md.

    python benchmarks/table.py OUT/results --work WORK

Reads generation.tsv of `acadiff score` and WORK/codecs/*/codec_eval.json; prints Markdown. With
`--regressor results/tasks-4mm` the regressor's scores come from regressor-*.tsv there. Every
gain is per subject, then averaged; ± is the SD over subjects. SIMULATED: nothing here is about
patients.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from acadiff.evaluation.tables import read_table
from acadiff.latent.batch import source_patterns
from acadiff.modality import Modality

METRICS = ("psnr", "ssim", "nmi", "mae")
TASKS = [(t.name, "+".join(m.name for m in s)) for t in Modality for s in source_patterns(t)]
SINGLE, MEAN = "draw", "mean"
MISSING = "–"


class Scores:
    """One number per subject for every method, kind and task; a subject's draws are averaged."""

    def __init__(self, table):
        keys = ["method", "kind", "target", "sources", "subject"]
        numbers = [*METRICS, "sd_error_rho"]
        self.table = table.reindex(columns=[*keys, *numbers]).groupby(keys)[numbers].mean()

    def of(self, method, kind, task, metric="psnr"):
        """Subject → number; empty where there is none."""
        try:
            return self.table.loc[(method, kind, *task), metric].dropna()
        except KeyError:
            return pd.Series(dtype=float)

    def gain(self, method, kind, task):
        """PSNR over the training mean, subject by subject."""
        return difference(self.of(method, kind, task), self.of("mean", MEAN, task))


def difference(a, b):
    """a - b over the subjects that both have."""
    return (a - b).dropna()


def together(parts):
    """A subject's average over several tasks, if it has them all."""
    return pd.concat(parts, axis=1, join="inner").mean(axis=1)


def spread(values, digits=2, sign="+"):
    """`+5.21 ± 0.80`."""
    if len(values) == 0:
        return MISSING
    deviation = values.std(ddof=1) if len(values) > 1 else 0.0
    return f"{values.mean():{sign}.{digits}f} ± {deviation:.{digits}f}"


def show(title, head, rows):
    """Print one Markdown table."""
    print(f"\n### {title}\n\n| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |")


def doubles():
    """The three tasks with two sources."""
    return [task for task in TASKS if "+" in task[1]]


def print_gains(scores, method):
    """PSNR over the training mean."""
    rows = []
    for task in TASKS:
        ours = scores.gain(method, MEAN, task)
        regressor = scores.gain("regressor", MEAN, task)
        rows.append(
            (
                *(f"{task[1]} → {task[0]}", len(ours)),
                spread(scores.of("mean", MEAN, task), sign=""),
                spread(scores.gain(method, SINGLE, task)),
                spread(ours),
                spread(regressor),
                spread(difference(ours, regressor)),
            )
        )
    rows.append(average_row(scores, method))
    head = ("task", "n", "Mean, dB", "single draw", "mean of draws", "regressor")
    show("Gain over Mean in PSNR, dB", (*head, "mean of draws − regressor"), rows)


def average_row(scores, method):
    """The last row of the gains: the average of the three tasks with two sources."""
    reference = together([scores.of("mean", MEAN, t) for t in doubles()])
    single, ours, regressor = (
        together([scores.gain(*what, t) for t in doubles()])
        for what in ((method, SINGLE), (method, MEAN), ("regressor", MEAN))
    )
    cells = (single, ours, regressor, difference(ours, regressor))
    title = "**average of the three from two**"
    return (title, len(ours), spread(reference, sign=""), *map(spread, cells))


def print_metrics(scores, method):
    """All four metrics."""
    columns = {"single": (method, SINGLE), "of draws": (method, MEAN), "Mean": ("mean", MEAN)}
    for metric, digits in (("ssim", 3), ("nmi", 3), ("mae", 4)):
        rows = [
            (
                f"{task[1]} → {task[0]}",
                *(spread(scores.of(*what, task, metric), digits, "") for what in columns.values()),
                spread(scores.of("regressor", MEAN, task, metric), digits, ""),
            )
            for task in TASKS
        ]
        head = ("task", "single draw", "mean of draws", "Mean", "regressor")
        show(f"{metric.upper()} in the brain, on [0, 1]", head, rows)


def print_sources(scores, method):
    """Whether a second source helps."""
    rows = []
    for target in Modality:
        both, *singles = [task for task in TASKS if task[0] == target.name]
        two = scores.of(method, MEAN, both)
        best = max((scores.of(method, MEAN, t) for t in singles), key=lambda s: s.mean())
        named = max(singles, key=lambda t: scores.of(method, MEAN, t).mean())
        more = difference(two, best)
        error = more.std(ddof=1) / np.sqrt(len(more)) if len(more) > 1 else np.nan
        rows.append(
            (
                *(target.name, f"{two.mean():.2f}", f"{best.mean():.2f} ({named[1]})"),
                *(spread(more), f"{error:.2f}", f"{(more > 0).mean():.0%}"),
            )
        )
    head = ("target", "two sources, dB", "best single, dB", "gain", "standard error", "subjects")
    show("Two sources against the best single one (mean of draws)", head, rows)


def print_uncertainty(scores, method):
    """Whether the draws differ where the mean is wrong."""
    rows = [
        (f"{t[1]} → {t[0]}", spread(scores.of(method, MEAN, t, "sd_error_rho"), 2, ""))
        for t in TASKS
    ]
    everything = together([scores.of(method, MEAN, t, "sd_error_rho") for t in TASKS])
    rows.append(("**average of the nine**", spread(everything, 2, "")))
    show("Rank correlation of SD and absolute error in the brain", ("task", "Spearman's ρ"), rows)


def print_codecs(scores, method, work):
    """Whether reconstruction limits imputation."""
    rows = []
    for target in Modality:
        path = work / "codecs" / target.name / "codec_eval.json"
        if not path.is_file():
            continue
        found = json.loads(path.read_text())
        both = next(task for task in doubles() if task[0] == target.name)
        ours = scores.of(method, MEAN, both).mean()
        numbers = (f"{found['psnr']:.2f}", f"{found['ssim']:.3f}", f"{found['mae']:.4f}")
        rows.append((target.name, found["subjects"], *numbers, f"{found['psnr'] - ours:+.2f}"))
    head = ("modality", "validation subjects", "PSNR, dB", "SSIM", "MAE", "above imputation, dB")
    if rows:
        show("Reconstruction by the codec", head, rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="folder that acadiff score wrote")
    parser.add_argument("--regressor", type=Path, help="folder with regressor-*.tsv")
    parser.add_argument("--work", type=Path, help="work folder with the codecs")
    parser.add_argument("--method", default="acadiff")
    wanted = parser.parse_args()
    tables = [read_table(wanted.results / "generation.tsv")]
    for path in sorted(wanted.regressor.glob("regressor-*.tsv")) if wanted.regressor else ():
        tables.append(read_table(path).query("method == 'regressor'"))
    scores = Scores(pd.concat(tables, ignore_index=True))
    for print_table in (print_gains, print_metrics, print_sources, print_uncertainty):
        print_table(scores, wanted.method)
    if wanted.work:
        print_codecs(scores, wanted.method, wanted.work)


if __name__ == "__main__":
    main()
