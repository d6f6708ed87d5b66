"""Against statsmodels, and a figure of the literature."""

import math

import pytest
from statsmodels.stats.proportion import proportion_confint

from rlhp_ray.statistics.success_rate import success_rate


@pytest.mark.parametrize(("successes", "count"), [(0, 3), (3, 3), (4, 5), (17, 20)])
def test_statsmodels_gives_the_same(successes, count):
    values = [1.0] * successes + [0.0] * (count - successes)
    found = success_rate(values, threshold=0.5, confidence=0.9)
    assert found[:2] == (successes, count)
    assert found.interval == pytest.approx(proportion_confint(successes, count, alpha=0.1, method="wilson"), abs=1e-12)


def test_a_published_figure():
    # Newcombe 1998, Statistics in Medicine 17, table I: 15 of 148 by method 3
    assert success_rate([1.0] * 15 + [0.0] * 133, 1.0).interval == pytest.approx((0.0624, 0.1605), abs=5e-5)


def test_a_seed_at_the_threshold_succeeds():
    assert success_rate([83.0, 82.9, 84.0], 83).successes == 2


def test_nothing_and_no_number_are_refused():
    with pytest.raises(ValueError, match="0 values; expected at least 1"):
        success_rate([], 0.5)
    with pytest.raises(ValueError, match="expected finite numbers"):
        success_rate([math.inf], 0.5)
    with pytest.raises(ValueError, match="expected a number between 0 and 1"):
        success_rate([1.0], 0.5, confidence=95)
