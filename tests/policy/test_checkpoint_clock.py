"""When a checkpoint is due by time, by a clock that stands still."""

from rlhp_ray.policy.checkpoint_clock import CheckpointClock


def test_it_is_due_so_many_minutes_after_the_last_checkpoint_of_any_kind() -> None:
    now = [100.0]
    clock = CheckpointClock(2.0, seconds=lambda: now[0])
    found = []
    for seconds, is_stored in ((219.9, False), (220.0, False), (300.0, True), (419.9, False), (420.0, False)):
        now[0] = seconds
        found.append(clock.is_due)
        if is_stored:
            clock.note_stored()
    assert found == [False, True, True, False, True]


def test_without_an_interval_it_never_is() -> None:
    now = [0.0]
    clock = CheckpointClock(None, seconds=lambda: now[0])
    now[0] = 1e9
    assert not clock.is_due
