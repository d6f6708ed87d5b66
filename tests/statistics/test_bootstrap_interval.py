"""Against figures of rliable, which brings its own bootstrap, and against values computed by hand."""

import math

import numpy as np
import pytest

from rlhp_ray.statistics.bootstrap_interval import bootstrap_interval, interquartile_mean, median

FIRST = [88.0, 91.0, 35.0, 90.0, 93.0, 87.0, 60.0, 92.0]
SECOND = [80.0, 91.0, 30.0, 85.0, 20.0, 78.0, 84.0, 55.0]


def test_the_middle_half_is_averaged_whatever_the_ends_are():
    values = np.array([3.0, 1.0, 10.0, 7.0, 5.0, 2.0, 80.0, 4.0, 6.0])
    assert interquartile_mean(values) == pytest.approx((3 + 4 + 5 + 6 + 7) / 5)  # two of nine left out at each end
    assert interquartile_mean(np.where(values == 80, 8e6, values)) == interquartile_mean(values)
    assert interquartile_mean(np.array([1.0, 2.0, 9.0])) == 4.0  # nothing to trim
    assert interquartile_mean(np.array([FIRST, SECOND])).tolist() == [89.0, 74.25]


@pytest.mark.parametrize(
    ("tasks", "method", "expected"),
    [  # get_interval_estimates of rliable 1.2.0 (arch 7.2.0) with 100,000 resamples of aggregate_iqm
        ([FIRST], "percentile", (66.75, 91.5)),
        ([FIRST, SECOND], "percentile", (63.125, 88.0)),
        ([FIRST, SECOND], "BCa", (61.375, 87.75)),
    ],
)
def test_rliable_gives_the_same(tasks, method, expected):
    assert bootstrap_interval(tasks, interquartile_mean, method) == pytest.approx(expected, abs=0.5)


def test_the_median_of_three_is_bounded_by_its_neighbours():
    # 20 of the 27 resamples hold the middle value or both ends; each end alone is the median of 7 of 27
    assert bootstrap_interval([[1.0, 5.0, 30.0]], median) == (1.0, 30.0)
    assert bootstrap_interval([[1.0, 5.0, 30.0]], median, confidence=0.4) == (5.0, 5.0)


def test_seeds_are_drawn_again_within_their_task_only():
    # tasks that agree within themselves have no spread, however far they are apart
    assert bootstrap_interval([[1.0, 1.0], [9.0, 9.0]], median) == (5.0, 5.0)
    low, high = bootstrap_interval([[1.0, 1.0], [9.0, 10.0]], interquartile_mean)
    assert (low, high) == (5.0, 5.5)  # the mean of the middle two of 1, 1 and two of 9 and 10


def test_the_same_values_have_the_same_interval():
    assert bootstrap_interval([FIRST], median, "BCa") == bootstrap_interval([FIRST], median, "BCa")


def test_where_there_is_no_interval_it_is_nan():
    assert all(math.isnan(end) for end in bootstrap_interval([[1.0]], median))
    assert all(math.isnan(end) for end in bootstrap_interval([[1.0, 1.0, 1.0, 5.0]], median, "BCa"))


@pytest.mark.parametrize(
    ("tasks", "confidence", "message"),
    [
        ([FIRST], 95, "confidence=95; expected a number between 0 and 1"),
        ([], 0.95, "no task; expected the values of at least one"),
        ([[1.0, math.nan]], 0.95, r"values \[nan\] among 2; expected finite numbers"),
        ([[]], 0.95, "0 values; expected at least 1"),
        ([[[1.0]]], 0.95, r"values of shape \(1, 1\); expected one value for each seed"),
    ],
)
def test_what_is_no_list_of_seeds_is_refused(tasks, confidence, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_interval(tasks, median, confidence=confidence)
