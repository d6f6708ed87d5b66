"""A trial's time on the wall begins with its turn, not with the sweep."""

import time

import pytest

from rlhp_ray.sweep.recorder import TrialClock


def test_waiting_for_its_turn_is_no_time_of_a_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    clock = TrialClock()
    now = 150.0
    assert clock() == 0.0
    clock.start()
    now = 160.0
    clock.start()  # anew, after a failure
    now = 170.0
    assert clock() == 20.0
