"""The policy waits for people, but not for ever."""

import pytest

from rlhp_ray.policy.people_pace import MAX_BEHIND, PeoplePace


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_a_few_missing_answers_hold_nobody(clock):
    pace = PeoplePace(60, clock)
    assert not pace.holds(MAX_BEHIND, 0)
    assert pace.holds(MAX_BEHIND + 1, 0)
    assert pace.holds(1, 0, max_behind=0)


def test_without_an_answer_for_too_long_the_run_goes_on_until_the_next_one(clock):
    pace = PeoplePace(60, clock)
    assert pace.holds(100, 5)
    clock.now = 60
    assert pace.holds(100, 5)
    clock.now = 61
    assert not pace.holds(100, 5)
    assert pace.holds(100, 6)
    clock.now = 121
    assert pace.holds(100, 6)
    clock.now = 122
    assert not pace.holds(100, 6)


def test_before_the_first_answer_there_is_nothing_to_go_on_with(clock):
    pace = PeoplePace(60, clock)
    clock.now = 1e6
    assert pace.holds(100, 0)
