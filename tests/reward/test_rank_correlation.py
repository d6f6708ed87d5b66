"""Order of predicted against true returns."""

import math
from itertools import combinations

import numpy as np
import pytest

from rlhp_ray.reward.rank_correlation import pair_accuracy, rank_correlation


def by_brute_force(predicted: np.ndarray, true: np.ndarray) -> tuple[int, int]:
    right = decided = 0
    for one, other in combinations(range(len(true)), 2):
        if true[one] == true[other]:
            continue
        better, worse = (one, other) if true[one] > true[other] else (other, one)
        decided += 1
        right += bool(predicted[better] > predicted[worse])
    return right, decided


@pytest.mark.parametrize("num", [2, 3, 20, 64])
def test_pair_accuracy_is_that_of_every_pair(num):
    rng = np.random.default_rng(num)
    predicted, true = rng.integers(0, 8, num).astype(np.float32), rng.integers(0, 5, num).astype(float)
    true[:2] = 0, 1  # at least one decided pair
    right, decided = by_brute_force(predicted, true)
    assert pair_accuracy(predicted, true) == (right / decided, decided)


def test_pair_accuracy_by_hand():
    true = np.array([0.0, 1.0, 2.0, 2.0])
    assert pair_accuracy(true, true) == (1.0, 5), "the tie is left out"
    assert pair_accuracy(-true, true) == (0.0, 5)
    assert pair_accuracy(np.zeros(4), true) == (0.0, 5), "a tie of the prediction alone is wrong"
    assert pair_accuracy(np.array([0.0, 2.0, 1.0, 3.0]), true) == (0.8, 5)


@pytest.mark.parametrize("num", [0, 1, 3])
def test_without_a_decided_pair_there_is_no_accuracy(num):
    accuracy, decided = pair_accuracy(np.arange(num), np.ones(num))
    assert math.isnan(accuracy) and decided == 0


def test_any_monotone_prediction_is_perfect():
    true = np.random.default_rng(0).normal(size=50)
    assert pair_accuracy(np.exp(3 * true) - 7, true)[0] == 1.0
    assert rank_correlation(np.exp(3 * true) - 7, true) == pytest.approx(1.0)
