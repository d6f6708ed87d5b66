"""The schedule of queries against the rate of C17 A.1, integrated numerically."""

import numpy as np
import pytest

from rlhp_ray.preferences.label_schedule import HyperbolicSchedule

SCHEDULES = [
    HyperbolicSchedule(labels=700, initial_fraction=0.25, decay_env_steps=2e6, end_env_steps=10_000_000),
    HyperbolicSchedule(labels=300, initial_fraction=0.1, decay_env_steps=1e4, end_env_steps=100_000),
    HyperbolicSchedule(labels=40, initial_fraction=0.0, decay_env_steps=1e9, end_env_steps=1000),
]


@pytest.mark.parametrize(
    ("labels", "fraction", "initial"), [(700, 0.25, 175), (10, 0.25, 3), (100, 0.0, 0), (100, 1.0, 100)]
)
def test_the_first_share_is_due_at_once(labels, fraction, initial):
    schedule = HyperbolicSchedule(labels, fraction, decay_env_steps=2e6, end_env_steps=10_000)
    assert (schedule.initial_labels, schedule.due(0)) == (initial, initial)


def test_the_first_share_is_not_one_too_many_by_rounding():
    assert HyperbolicSchedule(100, 0.07, decay_env_steps=2e6, end_env_steps=10_000).initial_labels == 7


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_what_is_due_never_falls_and_meets_the_budget_exactly_at_the_end(schedule):
    end = schedule.end_env_steps
    due = [schedule.due(env_steps) for env_steps in np.linspace(0, end, 5001).astype(int).tolist()]
    assert due == sorted(due)
    assert max(due[:-1]) <= schedule.labels
    assert due[-1] == schedule.due(end) == schedule.due(end + 1) == schedule.due(100 * end) == schedule.labels


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_rate_is_that_of_the_paper(schedule):
    """The share of later labels due after T is the integral of c / (t + c) up to T, over that up to the end."""
    grid = np.linspace(0, schedule.end_env_steps, 200_001)
    rate = schedule.decay_env_steps / (grid + schedule.decay_env_steps)
    integral = np.concatenate([[0], np.cumsum((rate[1:] + rate[:-1]) / 2)])
    later = schedule.labels - schedule.initial_labels
    for index in range(10_000, 200_001, 10_000):
        expected = schedule.initial_labels + later * integral[index] / integral[-1]
        assert expected - 1.001 < schedule.due(int(grid[index])) <= expected + 0.001


def test_a_small_decay_asks_early_and_a_huge_one_evenly():
    def due_halfway(decay_env_steps: float) -> int:
        return HyperbolicSchedule(1000, 0.0, decay_env_steps, end_env_steps=100_000).due(50_000)

    assert due_halfway(1e9) in (499, 500)
    assert due_halfway(1e3) > 800
