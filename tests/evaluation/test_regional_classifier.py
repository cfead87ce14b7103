import numpy as np
import pytest

from acadiff.errors import CohortError
from acadiff.evaluation.regional_classifier import classify


def drawn(count, classes, seed):
    """Values of people, of which the first tells the class."""
    random = np.random.default_rng(seed)
    labels = [n % classes for n in range(count)]
    values = random.normal(size=(count, 6))
    values[:, 0] += 3 * np.array(labels)
    return values, labels


@pytest.mark.parametrize("classes", [2, 3])
def test_it_learns_what_there_is_and_tells_probabilities(classes):
    train, labels = drawn(90, classes, 0)
    asked, truth = drawn(60, classes, 1)
    told = classify(train, labels, asked, 0.1)
    assert told.shape == (60, classes)
    np.testing.assert_allclose(told.sum(1), 1)
    assert (told.argmax(1) == truth).mean() > 0.75
    assert (told == classify(train, labels, asked, 0.1)).all()


def test_units_do_not_matter_and_those_asked_teach_nothing():
    train, labels = drawn(40, 2, 0)
    asked, _ = drawn(20, 2, 1)
    told = classify(train, labels, asked, 0.1)
    np.testing.assert_allclose(classify(1000 * train, labels, 1000 * asked, 0.1), told, atol=1e-6)
    np.testing.assert_allclose(classify(train, labels, asked[:3], 0.1), told[:3], atol=1e-12)


def test_a_column_without_spread_is_harmless():
    train, labels = drawn(40, 2, 0)
    train[:, 3] = 0
    assert np.isfinite(classify(train, labels, train, 0.1)).all()


def test_a_class_of_one_teaches_nothing():
    train, _ = drawn(10, 2, 0)
    with pytest.raises(CohortError, match="class 1 has 1 people to learn from") as raised:
        classify(train, [0] * 9 + [1], train, 0.1)
    assert raised.value.code == "E_FEW_PEOPLE"
