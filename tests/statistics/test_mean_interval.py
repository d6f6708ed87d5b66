"""Against a hand-computed figure, against SciPy, and by the share of simulated means that it covers."""

import math

import numpy as np
import pytest
from scipy import stats

from rlhp_ray.statistics.mean_interval import mean_interval


def test_a_table_gives_the_same():
    # mean 3, s = sqrt(2.5), t(0.975, 4) = 2.776 of the printed tables: 3 +- 2.776 * 1.5811 / 2.2361
    low, high = mean_interval([1, 2, 3, 4, 5])
    assert (low, high) == pytest.approx((1.037, 4.963), abs=0.001)


def test_scipy_gives_the_same():
    values = np.random.default_rng(0).gamma(2, size=12)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    assert mean_interval(list(values), 0.9) == pytest.approx((expected.low, expected.high))


def test_of_three_normal_seeds_it_covers_what_it_says():
    draws = np.random.default_rng(1).normal(5, 2, (4000, 3))
    covered = np.mean([low < 5 < high for low, high in map(mean_interval, draws)])
    assert covered == pytest.approx(0.95, abs=0.01)  # three standard errors of 4,000 draws


@pytest.mark.parametrize("values", [[], [3.0]])
def test_fewer_than_two_values_tell_no_spread(values):
    assert all(math.isnan(end) for end in mean_interval(values))


def test_values_that_agree_have_an_interval_without_width():
    assert mean_interval([2.0, 2.0, 2.0]) == (2.0, 2.0)


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_a_confidence_that_is_none_is_refused(confidence):
    with pytest.raises(ValueError, match="expected a number between 0 and 1"):
        mean_interval([1, 2], confidence)
