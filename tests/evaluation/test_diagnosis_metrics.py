import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    precision_score,
    recall_score,
    roc_auc_score,
)

from acadiff.errors import AcadiffError
from acadiff.evaluation.diagnosis import (
    METRICS,
    balanced_accuracy,
    consistent,
    judge,
    macro_area,
    right_of_all,
    youden,
)


@pytest.fixture(params=range(5))
def people(request):
    """Scores of 66 people, of whom about 24 are ill; ties and thresholds on a score included."""
    random = np.random.default_rng(request.param)
    ill = random.random(66) < 0.36
    return np.round(np.clip(random.normal(0.4 + 0.2 * ill, 0.2), 0, 1), 1), ill


@pytest.mark.parametrize("threshold", [0.5, 0.33])
def test_metrics_are_those_of_scikit_learn(people, threshold):
    scores, ill = people
    called, found = scores >= threshold, judge(scores, ill, threshold)
    assert tuple(found) == METRICS
    assert found["ACC"] == pytest.approx(accuracy_score(ill, called))
    assert found["AUC"] == pytest.approx(roc_auc_score(ill, scores))
    assert found["SEN"] == pytest.approx(recall_score(ill, called))
    assert found["SPE"] == pytest.approx(recall_score(~ill, ~called))
    assert found["PPV"] == pytest.approx(precision_score(ill, called))


def test_specificity_is_not_precision():
    scores, ill = np.array([0.9, 0.9, 0.9, 0.1]), np.array([True, False, False, False])
    found = judge(scores, ill)
    assert (found["SPE"], found["PPV"]) == pytest.approx((1 / 3, 1 / 3))
    found = judge(np.array([0.9, 0.9, 0.1, 0.1]), ill)
    assert (found["SPE"], found["PPV"]) == pytest.approx((2 / 3, 1 / 2))


def test_nobody_called_ill_has_no_precision():
    found = judge(np.array([0.1, 0.2]), np.array([True, False]))
    assert np.isnan(found["PPV"])
    assert (found["SEN"], found["SPE"], found["ACC"]) == (0, 1, 0.5)


def test_accuracy_between_sensitivity_and_specificity_is_asserted():
    consistent({"ACC": 0.85, "SEN": 0.8, "SPE": 0.9})
    for wrong in (0.920, 0.7):  # the first is the paper's Oracle: SEN 0.889, SPE 0.908
        with pytest.raises(AcadiffError, match="outside") as raised:
            consistent({"ACC": wrong, "SEN": 0.889, "SPE": 0.908})
        assert raised.value.code == "E_INCONSISTENT"


def test_youden_takes_the_best_threshold_and_of_equal_ones_the_middle():
    ill = np.array([False, False, True, True])
    assert youden(np.array([0.1, 0.2, 0.3, 0.9]), ill) == pytest.approx(0.25)
    assert youden(np.array([0.1, 0.3, 0.7, 0.9]), ill) == pytest.approx(0.5)


def test_youden_loses_to_no_other_threshold(people):
    scores, ill = people
    best = judge(scores, ill, youden(scores, ill))
    for threshold in np.linspace(0.01, 0.99, 99).tolist():
        found = judge(scores, ill, threshold)
        assert found["SEN"] + found["SPE"] <= best["SEN"] + best["SPE"] + 1e-12


def test_three_classes_are_judged_as_scikit_learn_does():
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 90)
    told = random.dirichlet((1, 1, 1), 90) + np.eye(3)[labels] / 2
    told /= told.sum(1, keepdims=True)
    assert macro_area(told, labels) == pytest.approx(
        roc_auc_score(labels, told, multi_class="ovr", average="macro")
    )
    assert balanced_accuracy(told, labels) == pytest.approx(
        balanced_accuracy_score(labels, told.argmax(1))
    )
    assert right_of_all(told, labels) == pytest.approx(accuracy_score(labels, told.argmax(1)))
    both = np.stack([told, told[::-1]]), np.stack([labels, labels[::-1]])
    for metric in (macro_area, balanced_accuracy, right_of_all):
        np.testing.assert_allclose(metric(*both), [metric(told, labels)] * 2)
