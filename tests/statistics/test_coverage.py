"""Of twenty simulated seeds the intervals cover what they say; one that is too narrow would be seen."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scipy import stats

from rlhp_ray.statistics.bootstrap_interval import bootstrap_bounds, interquartile_mean, median
from rlhp_ray.statistics.mean_interval import Interval, mean_interval
from rlhp_ray.statistics.success_rate import success_rate

SIMULATIONS, SEEDS = 1000, 20
LEAST = stats.binom.ppf(0.001, SIMULATIONS, 0.95) / SIMULATIONS  # 0.927; a sound interval is below it once in 1,000


def draws(seed: int) -> np.ndarray:
    """Normal values with mean, median and IQM of 5: [SIMULATIONS, SEEDS]."""
    return np.random.default_rng(seed).normal(5, 2, (SIMULATIONS, SEEDS))


def coverage(interval: Callable[[Sequence[float]], Interval], values: np.ndarray, truth: float) -> float:
    """Share of the simulations whose interval holds the truth."""
    return float(np.mean([low <= truth <= high for low, high in map(interval, values)]))


def test_of_the_mean():
    assert coverage(mean_interval, draws(0), 5) >= LEAST


def test_of_the_success_rate():
    # the share of normal values above 4 is 69 %; Wilson's coverage is a sawtooth around its level
    assert coverage(lambda values: success_rate(values, 4).interval, draws(1), stats.norm.sf(4, 5, 2)) >= LEAST


@pytest.mark.parametrize("statistic", [median, interquartile_mean])
def test_of_the_median_and_the_iqm(statistic):
    # a percentile bootstrap of twenty is known to cover a little less: 93 % (docs/results/interval_coverage.md)
    low, high = bootstrap_bounds([draws(2)], statistic, "percentile", 0.95, 999, np.random.default_rng(0))
    assert np.mean((low <= 5) & (high >= 5)) >= stats.binom.ppf(0.001, SIMULATIONS, 0.93) / SIMULATIONS


def test_an_interval_that_is_too_narrow_would_be_seen():
    def narrow(values: Sequence[float]) -> Interval:
        low, high = mean_interval(values)
        return Interval(low + 0.1 * (high - low), high - 0.1 * (high - low))

    assert coverage(narrow, draws(0), 5) < LEAST
