"""Against rliable and SciPy, and the interval against its equation and what it covers."""

import numpy as np
import pytest
from scipy import stats

from rlhp_ray.statistics.improvement_probability import improvement_probability, score_interval

X = [88.0, 91.0, 35.0, 90.0, 93.0, 87.0, 60.0, 92.0]
Y = [80.0, 91.0, 30.0, 85.0, 20.0, 78.0, 84.0, 55.0]


def test_rliable_and_scipy_give_the_same():
    found = improvement_probability(X, Y).probability
    assert found == 0.7734375  # probability_of_improvement of rliable 1.2.0
    assert found == stats.mannwhitneyu(X, Y).statistic / 64


def test_ties_count_half():
    assert improvement_probability([1.0, 2.0], [2.0, 3.0]).probability == 1 / 8
    assert improvement_probability([2.0, 2.0], [2.0, 2.0]).probability == 0.5


def test_the_other_way_round_it_is_the_rest():
    forwards, backwards = improvement_probability(X, Y[:5]), improvement_probability(Y[:5], X)
    assert forwards.probability + backwards.probability == pytest.approx(1)
    assert forwards.interval.low + backwards.interval.high == pytest.approx(1)


def test_the_bounds_of_full_separation_solve_the_equation():
    low, high = improvement_probability([6.0, 7, 8, 9, 10], [1.0, 2, 3, 4, 5]).interval
    # n = m = 5, k = 4, measured 1: (1 - p)^2 = 1.96^2 p (1 - p) (1 + 4 (1 - p) / (2 - p) + 4 p / (1 + p)) / 25
    variance = low * (1 - low) * (1 + 4 * (1 - low) / (2 - low) + 4 * low / (1 + low)) / 25
    assert (1 - low) ** 2 == pytest.approx(1.95996**2 * variance, rel=1e-4)
    assert 0.5 < low < 1 and high == 1


def test_it_covers_what_it_says():
    rng, truth, covered = np.random.default_rng(0), stats.norm.cdf(1 / np.sqrt(2)), []
    for _ in range(2000):
        low, high = improvement_probability(rng.normal(1, 1, 10), rng.normal(0, 1, 10)).interval
        covered.append(low <= truth <= high)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)


def test_one_seed_and_a_wrong_confidence_are_refused():
    with pytest.raises(ValueError, match="1 values; expected at least 2"):
        improvement_probability([1.0], Y)
    with pytest.raises(ValueError, match="expected a number between 0 and 1"):
        score_interval(0.5, 5, 5, confidence=95)
