import numpy as np
import pytest

from acadiff.evaluation.conformal import factor, sure_factor

PEOPLE = 60
TRIES = 400


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("voxels", [1, 30])
def test_the_next_person_is_covered_as_often_as_promised(level, voxels):
    """Scores of one person hang together, and their law is none that anybody assumed."""
    random = np.random.default_rng(0)
    shares = []
    for _ in range(TRIES):
        own = random.lognormal(0, 0.8, PEOPLE + 1)[:, None]
        scores = own * random.exponential(1, (PEOPLE + 1, voxels))
        bound = factor(list(scores[:-1]), level)
        shares.append((scores[-1] <= bound).mean())
    found, error = np.mean(shares), np.std(shares) / np.sqrt(TRIES)
    assert level - 3 * error <= found <= level + 1.5 / (PEOPLE + 1) + 3 * error


def test_one_score_each_gives_the_textbook_order_statistic():
    scores = [np.array([float(value)]) for value in range(1, 61)]
    assert factor(scores, 0.9) == 55  # the ceil(0.9 * 61)th


def test_everybody_counts_alike_however_many_voxels_they_have():
    few, many = np.full(1, 1.0), np.full(1000, 5.0)
    assert factor([few] * 9 + [many] * 2, 0.5) == 1.0


def test_scores_in_another_unit_give_the_bound_in_that_unit():
    scores = list(np.random.default_rng(1).exponential(1, (40, 7)))
    assert factor([3 * s for s in scores], 0.9) == pytest.approx(3 * factor(scores, 0.9))


def test_a_higher_level_is_never_narrower():
    scores = list(np.random.default_rng(2).exponential(1, (40, 7)))
    bounds = [factor(scores, level) for level in (0.5, 0.8, 0.9, 0.95)]
    assert bounds == sorted(bounds)


@pytest.mark.parametrize(("people", "bound"), [(8, None), (9, 1.0)])
def test_too_few_people_bound_nothing(people, bound):
    assert factor([np.ones(4)] * people, 0.9) == bound


def test_people_without_voxels_of_a_region_are_left_out():
    assert factor([np.ones(4)] * 9 + [np.empty(0)] * 5, 0.9) == 1.0
    assert factor([np.empty(0)], 0.5) is None


@pytest.mark.parametrize("voxels", [1, 30])
def test_nine_calibrations_in_ten_keep_the_level_for_all_to_come(voxels):
    """The plain bound fails for nearly half of them, as it must, the sure one for a tenth."""
    random = np.random.default_rng(3)

    def people(count):
        own = random.lognormal(0, 0.8, (count, 1))
        return own * random.exponential(1, (count, voxels))

    everybody = np.sort(people(20000).ravel())
    kept = {factor: 0, sure_factor: 0}
    for _ in range(200):
        scores = list(people(PEOPLE))
        for how in kept:
            kept[how] += np.searchsorted(everybody, how(scores, 0.8)) / len(everybody) >= 0.8
    assert kept[sure_factor] > 165
    assert kept[factor] < 150


def test_the_sure_bound_is_never_the_narrower_one():
    random = np.random.default_rng(4)
    for _ in range(20):
        scores = list(random.exponential(1, (40, 7)))
        assert sure_factor(scores, 0.9) >= factor(scores, 0.9)
    assert sure_factor([np.ones(4)] * 8, 0.9) is None
