"""Schedules of queries against rates integrated numerically, and figures computed by hand."""

import math
from fractions import Fraction

import numpy as np
import pytest

from rlhp_ray.preferences.label_schedule import (
    LabelSchedule,
    constant_share,
    hyperbolic_share,
    inverse_quadratic_share,
    stepped_share,
)


def hyperbolic(labels: int, fraction: float, decay: float, end: int) -> LabelSchedule:
    return LabelSchedule(labels, fraction, end, hyperbolic_share(decay, end))


def every_schedule(labels: int, fraction: float, end: int) -> list[LabelSchedule]:
    initial = LabelSchedule(labels, fraction, end, constant_share(end)).initial_labels
    steps = [(1 + end // 4, 1 + labels // 2), (2 + end // 2, 2 + 3 * labels // 4)]
    shares = [
        constant_share(end),
        hyperbolic_share(end / 5, end),
        inverse_quadratic_share(end / 5, end),
        inverse_quadratic_share(end / 3, end),
        stepped_share([step for step in steps if step[1] <= labels], labels, initial),
        lambda env_steps: math.sqrt(env_steps / end),
    ]
    return [LabelSchedule(labels, fraction, end, share) for share in shares]


RATES = {
    "constant": (lambda t, c: np.ones_like(t), lambda c, end: constant_share(end)),
    "hyperbolic": (lambda t, c: c / (t + c), hyperbolic_share),
    "inverse_quadratic": (lambda t, c: (c / (t + c)) ** 2, inverse_quadratic_share),
}


@pytest.mark.parametrize(
    ("labels", "fraction", "initial"), [(700, 0.25, 175), (10, 0.25, 3), (100, 0.0, 0), (100, 1.0, 100)]
)
def test_the_first_share_is_due_at_once(labels, fraction, initial):
    schedule = hyperbolic(labels, fraction, 2e6, 10_000)
    assert (schedule.initial_labels, schedule.due(0)) == (initial, initial)


def test_the_first_share_is_not_one_too_many_by_rounding():
    assert hyperbolic(100, 0.07, 2e6, 10_000).initial_labels == 7


@pytest.mark.parametrize("labels", [1, 2, 3, 7, 60, 300, 1001])
@pytest.mark.parametrize("fraction", [0.01, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("end", [1, 3, 100, 12_000, 9_999_991])
def test_what_is_due_never_falls_and_meets_the_budget_exactly_at_the_end(labels, fraction, end):
    for schedule in every_schedule(labels, fraction, end):
        due = [schedule.due(env_steps) for env_steps in np.linspace(0, end, 101).astype(int).tolist()]
        assert due == sorted(due)
        assert due[0] >= schedule.initial_labels and schedule.due(end - 1) <= labels
        assert due[-1] == schedule.due(end) == schedule.due(end + 1) == schedule.due(100 * end) == labels


@pytest.mark.parametrize("name", RATES)
@pytest.mark.parametrize(
    ("labels", "fraction", "decay", "end"), [(700, 0.25, 2e6, 10_000_000), (300, 0.1, 1e4, 100_000), (40, 0, 1e9, 1000)]
)
def test_the_rate_is_the_stated_one(name, labels, fraction, decay, end):
    """The share of later labels due after T is the integral of the rate up to T, over that up to the end."""
    rate, share = RATES[name]
    schedule = LabelSchedule(labels, fraction, end, share(decay, end))
    grid = np.linspace(0, end, 200_001)
    rates = rate(grid, decay)
    integral = np.concatenate([[0], np.cumsum((rates[1:] + rates[:-1]) / 2)])
    later = labels - schedule.initial_labels
    for index in range(10_000, 200_001, 10_000):
        expected = schedule.initial_labels + later * integral[index] / integral[-1]
        assert expected - 1.001 < schedule.due(int(grid[index])) <= expected + 0.001


@pytest.mark.parametrize(
    ("share", "due"),
    [
        (constant_share(1000), [20, 27, 28, 36, 60, 91, 99, 100]),  # 20 + 80 T / 1,000
        (hyperbolic_share(250, 1000), [20, 36, 36, 49, 74, 95, 99, 100]),  # 20 + 80 log(1 + T / 250) / log 5
        (inverse_quadratic_share(250, 1000), [20, 47, 48, 64, 86, 98, 99, 100]),  # 20 + 100 T / (T + 250)
    ],
)
def test_figures_computed_by_hand(share, due):
    """100 labels, a fifth of them at first, over 1,000 env steps, of which a quarter is the decay."""
    schedule = LabelSchedule(100, 0.2, 1000, share)
    assert [schedule.due(env_steps) for env_steps in (0, 95, 100, 200, 500, 890, 999, 1000)] == due


def test_a_count_that_is_whole_is_not_one_short_by_rounding():
    """0.29 * 100 is a little less than 29 in floating point."""
    assert LabelSchedule(100, 0.0, 100, constant_share(100)).due(29) == 29
    shares = [LabelSchedule(100, 0.0, end, constant_share(end)) for end in range(1, 300)]
    for end, schedule in enumerate(shares, start=1):
        assert [schedule.due(t) for t in range(end)] == [100 * t // end for t in range(end)]
    quadratic = inverse_quadratic_share(150, 600)
    assert quadratic(100) == Fraction(1, 2) and quadratic(600) == 1


def test_the_hyperbolic_schedule_is_to_the_bit_what_it_was():
    for labels, fraction, decay, end in ((300, 0.25, 2e4, 92_000), (60, 0.25, 3200.0, 12_000), (5500, 0.1, 1e7, 49e6)):
        schedule, end = hyperbolic(labels, fraction, decay, int(end)), int(end)
        initial = math.ceil(round(fraction * labels, 9))
        for env_steps in range(0, end, end // 997):
            progress = math.log1p(env_steps / decay) / math.log1p(end / decay)
            assert schedule.due(env_steps) == initial + math.floor((labels - initial) * progress)


def test_a_small_decay_asks_early_and_a_huge_one_evenly():
    for share in (hyperbolic_share, inverse_quadratic_share):
        halfway = [LabelSchedule(1000, 0.0, 100_000, share(decay, 100_000)).due(50_000) for decay in (1e9, 1e3)]
        assert halfway[0] in (499, 500, 501) and halfway[1] > 800


def test_steps_are_due_at_their_env_steps_and_the_rest_at_the_end():
    steps = [(100, 10), (200, 30), (300, 31), (500, 70)]
    schedule = LabelSchedule(90, 0.25, 1000, stepped_share(steps, 90, 23))
    times = (0, 99, 100, 199, 200, 299, 300, 499, 500, 999, 1000)
    assert [schedule.due(env_steps) for env_steps in times] == [23, 23, 23, 23, 30, 30, 31, 31, 70, 70, 90]


def test_steps_meet_every_figure_exactly():
    """Whatever the budget and the initial share: no count is one short by a share in floating point."""
    for labels in (7, 60, 333):
        for initial in (1, 3, labels // 2, labels):
            steps = [(10 * queries, queries) for queries in range(1, labels + 1)]
            schedule = LabelSchedule(labels, initial / labels, 10**6, stepped_share(steps, labels, initial))
            for env_steps, queries in steps:
                assert schedule.due(env_steps) == max(queries, initial)
