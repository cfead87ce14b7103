"""Methods side by side: averages, differences, tests and intervals, by hand and by numpy."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from acadiff.evaluation.bars import bars
from acadiff.evaluation.distance import wasserstein
from acadiff.evaluation.league import COLUMNS, TWO, fault, league

RNG = np.random.default_rng(4)
PEOPLE = [f"P{n:02d}" for n in range(12)]
TASKS = [("AV45", "MRI+FDG"), ("FDG", "MRI+AV45"), ("FDG", "MRI")]
LEVEL = {"acadiff": 30.0, "ldm": 29.0, "regressor": 30.1, "mean": 25.0}


def scores(metrics=("psnr", "ssim", "nmi", "mae", "sharpness")):
    rows = []
    for method, level in LEVEL.items():
        for target, sources in TASKS:
            for image in ("mean", "draw"):
                for metric in metrics:
                    sign = 1 if metric in ("psnr", "ssim", "nmi") else -1
                    for person in PEOPLE:
                        value = sign * (level + RNG.normal() * 0.3)
                        rows.append((method, target, sources, person, image, metric, value))
    columns = ["method", "target", "sources", "subject", "image", "metric", "value"]
    return pd.DataFrame(rows, columns=columns)


def regions():
    truth = RNG.normal(size=(12, 1, 3))
    return {
        (method, *task): {
            "acquired": truth,
            "mean": truth + 0.1 * n,
            "draw": np.repeat(truth, 2, axis=1) + 0.2 * n,
        }
        for n, method in enumerate(LEVEL)
        for task in TASKS
    }


SCORES, REGIONS = scores(), regions()
TABLE = league(SCORES, REGIONS, tuple(LEVEL))


def row(method, task, image, metric, table=TABLE):
    found = table.query(
        "method == @method and task == @task and image == @image and metric == @metric"
    )
    assert len(found) == 1
    return found.iloc[0]


def people_of(method, metric="psnr", image="mean"):
    here = SCORES.query("method == @method and metric == @metric and image == @image")
    return here[here.sources.str.contains("+", regex=False)].groupby("subject")["value"].mean()


def test_the_columns_are_those_promised_and_no_row_is_there_twice():
    assert tuple(TABLE.columns) == COLUMNS
    assert not TABLE.duplicated(["method", "task", "image", "metric"]).any()


def test_a_person_counts_once_over_the_tasks_of_a_group():
    found, values = row("ldm", TWO, "mean", "psnr"), people_of("ldm")
    assert found.n == 12
    assert found.value == pytest.approx(values.mean())
    assert found.sd == pytest.approx(values.std(ddof=1))
    assert found.lower < found.value < found.upper


def test_differences_are_paired_and_tested():
    found, ours = row("ldm", TWO, "mean", "psnr"), people_of("acadiff")
    assert found.difference == pytest.approx((people_of("ldm") - ours).mean())
    assert found.p == pytest.approx(stats.wilcoxon(people_of("ldm") - ours).pvalue)
    assert found.p_holm >= found.p
    assert found.difference_upper < 0
    reference = row("acadiff", TWO, "mean", "psnr")
    assert np.isnan(reference[["difference", "p"]].astype(float)).all()


def test_the_distance_is_that_of_the_regions_and_has_an_interval_and_no_test():
    found = row("mean", TWO, "draw", "wasserstein")
    parts = [REGIONS["mean", *task] for task in TASKS[:2]]
    by_hand = np.mean([wasserstein(p["acquired"][:, 0], p["draw"]).mean() for p in parts])
    assert found.value == pytest.approx(by_hand)
    assert found.value == pytest.approx(0.6)
    assert (found.lower, found.upper) == (pytest.approx(0.6), pytest.approx(0.6))
    assert np.isnan(found.p)


def test_the_spread_is_one_where_draws_stray_as_far_as_their_mean_errs():
    rows = []
    for method, ratio in {"acadiff": 2.0, "ldm": 1.25, "mean": 1.0}.items():
        for target, sources in TASKS:
            for person in PEOPLE:
                error = 0.001 * RNG.uniform(0.5, 2)
                for image, square in (("mean", error), ("draw", error * ratio)):
                    value = -10 * np.log10(square)
                    rows.append((method, target, sources, person, image, "psnr", value))
    table = league(pd.DataFrame(rows, columns=SCORES.columns), {}, ("acadiff", "ldm", "mean"))
    for method, spread in {"acadiff": 1.0, "ldm": 0.5, "mean": 0.0}.items():
        found = row(method, TWO, "draw", "spread", table)
        assert found.value == pytest.approx(spread, abs=1e-6)
        assert found.n == 12
        assert np.isnan(found.p)
    assert sorted([0.4, 1.3, 0.9], key=lambda value: fault("spread", value)) == [0.9, 1.3, 0.4]


def test_somebody_whom_one_method_lacks_counts_for_none():
    fewer = SCORES[~((SCORES.method == "ldm") & (SCORES.subject == "P00"))]
    table = league(fewer, REGIONS, tuple(LEVEL))
    assert row("acadiff", TWO, "mean", "psnr", table).n == 11
    assert row("acadiff", TWO, "draw", "spread", table).n == 11


def test_a_method_without_a_task_is_left_out_of_its_groups_alone():
    fewer = SCORES[~((SCORES.method == "ldm") & (SCORES.target == "FDG"))]
    table = league(
        fewer, {k: v for k, v in REGIONS.items() if k[:2] != ("ldm", "FDG")}, tuple(LEVEL)
    )
    assert "ldm" not in set(table[table.task == TWO].method)
    assert row("ldm", "MRI+FDG-AV45", "mean", "psnr", table).n == 12
    assert row("acadiff", TWO, "mean", "psnr", table).n == 12


def test_too_few_people_have_no_interval_and_no_test():
    table = league(SCORES[SCORES.subject < "P04"], {}, tuple(LEVEL))
    found = row("ldm", TWO, "mean", "psnr", table)
    assert np.isnan(found[["lower", "upper", "p"]].astype(float)).all()


def test_the_paper_stands_in_a_column_of_its_own():
    assert row("acadiff", TWO, "mean", "psnr").paper == 27.9
    assert np.isnan(row("acadiff", TWO, "draw", "psnr").paper)
    assert np.isnan(row("ldm", TWO, "mean", "psnr").paper)


def test_bars_are_met_or_missed_and_never_passed_over():
    found = {bar.asked: bar for bar in bars(TABLE)}
    assert len(found) == 8
    first = found["the mean of the draws first in PSNR among generative methods"]
    assert (first.verdict, "best of the others ldm" in first.told) == ("met", True)
    near = found["the mean of the draws within 0.2 dB of the regressor in PSNR"]
    gap = row("acadiff", TWO, "mean", "psnr").value - row("regressor", TWO, "mean", "psnr").value
    assert near.met == (gap >= -0.2)
    worse = TABLE.assign(value=TABLE.value.where(TABLE.method != "acadiff", 0.0))
    assert [bar.verdict for bar in bars(worse)].count(
        "MISSED"
    ) == 7  # all but the distance, which is 0
    assert first.told.count("tie") == (row("ldm", TWO, "mean", "psnr").difference_upper >= 0)
    same = TABLE.assign(difference_lower=-1.0, difference_upper=1.0)
    assert all(bar.told.endswith("a tie") for bar in bars(same))
    alone = TABLE[TABLE.method == "acadiff"]
    assert {bar.verdict for bar in bars(alone)} == {"not measured"}
