import numpy as np
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

from acadiff.evaluation.diagnosis_table import (
    Cell,
    Runs,
    differences,
    every_run,
    measured,
    resampled_people,
    summary,
)
from acadiff.evaluation.diagnosis_verdict import Findings, bars, verdicts, worth
from acadiff.evaluation.ranking import Estimate

LABELS = (np.array([0, 1] * 8), np.array([0] * 42 + [1] * 24))


def runs(skill, count=10, seed=0, labels=LABELS):
    """Probabilities of so many runs, the better the more skill there is."""
    random = np.random.default_rng(seed)
    told = []
    for truth in labels:
        people = random.normal(size=len(truth)) * 0.7
        ill = people + skill * truth + 0.2 * random.normal(size=(count, len(truth)))
        p = 1 / (1 + np.exp(skill / 2 - ill))
        told.append(np.stack([1 - p, p], -1))
    return Runs(told[0], told[1], labels)


def cell(method, rate=80):
    return Cell("train", "regional", 0, rate, method)


@pytest.fixture(scope="module")
def found(cells):
    return measured(cells)


@pytest.fixture(scope="module")
def cells():
    """An Oracle, three simple rows and two methods, of which one is told less, too."""
    return {
        cell("oracle", 0): runs(3.0, 1),
        cell("drop"): runs(0.6, 1),
        cell("observed-mean"): runs(0.8, 1),
        cell("ldm"): runs(2.0),
        cell("acadiff"): runs(2.6),
        cell("acadiff:none"): runs(1.6),
    }


def test_numbers_of_a_run_are_scikit_learns_and_of_a_row_their_mean_and_sd(cells, found):
    table, lines = summary(found), every_run(found)
    told = cells[cell("ldm")].test[..., 1]
    expected = [roc_auc_score(LABELS[1], one) for one in told]
    own = table[(table.method == "ldm") & (table.metric == "AUC")].iloc[0]
    assert own["mean"] == pytest.approx(np.mean(expected))
    assert own["sd"] == pytest.approx(np.std(expected, ddof=1))
    assert own["low"] < own["mean"] < own["high"]
    half = lines[(lines.method == "ldm") & (lines.metric == "ACC") & (lines.threshold == "0.5")]
    assert list(half.value) == pytest.approx([accuracy_score(LABELS[1], p >= 0.5) for p in told])
    assert set(table.threshold) == {"0.5", "Youden", "any"}
    assert table[table.method == "oracle"].sd.isna().all()


def test_resamples_keep_the_classes_and_are_the_same_for_every_row():
    people = resampled_people(LABELS[1])
    assert (LABELS[1][people].sum(1) == 24).all()
    assert (people == resampled_people(LABELS[1])).all()


def test_differences_are_paired(found):
    table = differences({**found, cell("twin"): found[cell("ldm")]})
    same = table[(table.method == "twin") & (table.against == "ldm")]
    assert (same[["difference", "low", "high"]] == 0).all(axis=None)
    own = table[(table.method == "acadiff") & (table.metric == "AUC")].set_index("against")
    assert own.loc["drop", "low"] > 0
    assert own.loc["oracle", "difference"] < 0
    assert not (table.method == table.against).any()
    assert "oracle" not in set(table.method)


def test_too_few_people_have_no_interval():
    few = (np.array([0, 1]), np.array([0] * 20 + [1] * 4))
    table = summary(measured({cell("drop"): runs(1.0, 2, labels=few)}))
    assert table["mean"].notna().all()
    assert table[["low", "high"]].isna().all(axis=None)


def test_runs_that_are_all_alike_have_no_sd():
    same = runs(1.0, 1)
    ten = Runs(same.validation.repeat(10, 0), same.test.repeat(10, 0), LABELS)
    assert (summary(measured({cell("drop"): ten})).sd == 0).all()


def test_three_classes_have_their_own_metrics():
    random = np.random.default_rng(0)
    labels = tuple(np.arange(n) % 3 for n in (9, 60))
    told = [random.dirichlet((1, 1, 1), (2, len(truth))) for truth in labels]
    found = measured({Cell("three-way", "regional", 0, 80, "drop"): Runs(*told, labels)})
    assert set(summary(found).metric) == {"ACC", "BACC", "AUC"}


def test_the_verdict_says_what_the_intervals_say(found):
    told = Findings(summary(found), differences(found))
    oracle, *rows = verdicts(told)
    assert "Acquired scans tell AD from CN" in oracle
    ours = next(s for s in rows if s.startswith("ACADiff, 80 %"))
    assert "better than Drop" in ours
    assert "better than Mean" in ours
    less = next(s for s in rows if s.startswith("ACADiff, no clinical data"))
    assert "% remains" in less
    held = {bar.text: bar.met for bar in bars(told)}
    assert held["… and above it at 80 % with an interval without zero"] is True
    assert held["ACADiff's AUC at least that of every other method at 80 %"] is True


def test_what_was_not_run_is_neither_met_nor_missed():
    table = summary(measured({cell("drop"): runs(1.0, 1)}))
    found = Findings(table, differences({}))
    assert all(bar.met is None for bar in bars(found))
    assert "was not run" in verdicts(found)[0]


@pytest.mark.parametrize(
    ("gaps", "word"),
    [
        ([(0.05, 0.01, 0.09), (0.04, 0.01, 0.08)], "is worth it"),
        ([(0.05, 0.01, 0.09), (0.04, -0.01, 0.08)], "is not shown to be worth it"),
        ([(0.05, 0.01, 0.09), (-0.04, -0.06, -0.01)], "is not worth it in this cohort, it harms"),
        ([(0.05, float("nan"), float("nan"))], "cannot be told"),
        ([], "cannot be told"),
    ],
)
def test_imputing_is_worth_it_only_where_the_interval_says_so(gaps, word):
    told = worth({f"row {n}": Estimate(*gap) for n, gap in enumerate(gaps)}, "AV45-PET")
    assert word in told
