"""What failed in a run, over all its sessions."""

import json

import pytest

from rlhp_ray.errors import ActorLostError, ArchiveError, PreferenceStoreError, RewardDataError
from rlhp_ray.experiment.failure_record import FAILURES_FILE, FailureRecord, failure_kind


def test_failures_are_counted_over_sessions_and_got_over_by_the_next_one(tmp_path):
    record = FailureRecord(tmp_path)
    assert record.to_summary() == {} and not (tmp_path / FAILURES_FILE).exists()
    record.add("reward_learner", recovered=True, seconds_lost=2.5)
    record.add("storage", recovered=False)
    found = record.to_summary()
    assert found["reward_learner"] == {"count": 1, "recovered": 1, "seconds_lost": 2.5}
    assert found["storage"] == {"count": 1, "recovered": 0, "seconds_lost": 0.0}
    later = FailureRecord(tmp_path)
    later.run_goes_on(seconds_lost=4.0)
    later.add("reward_learner", recovered=True, seconds_lost=1.0)
    assert later.to_summary() == json.loads((tmp_path / FAILURES_FILE).read_text())
    assert later.to_summary() == {
        "reward_learner": {"count": 2, "recovered": 2, "seconds_lost": 3.5},
        "storage": {"count": 1, "recovered": 1, "seconds_lost": 4.0},
    }


def test_a_damaged_file_is_one_clear_error(tmp_path):
    (tmp_path / FAILURES_FILE).write_text("{")
    with pytest.raises(ArchiveError, match=r"failures\.json is damaged .*Move it away"):
        FailureRecord(tmp_path)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RewardDataError("the reward loss became nan"), "not_finite"),
        (PreferenceStoreError("5 answers could not be written"), "storage"),
        (OSError(28, "No space left on device"), "storage"),
        (MemoryError(), "memory"),
        (ActorLostError("died 4 times"), "process"),
        (ZeroDivisionError(), "other"),
        ("Traceback:\n  File x\nrlhp_ray.errors.TrainingDivergedError: the policy's loss became nan\n", "not_finite"),
        ("ray.exceptions.OutOfMemoryError: Task was killed\n", "memory"),
        ("Traceback:\nValueError: wrong\n", "other"),
    ],
)
def test_an_error_or_what_is_left_of_it_as_text_tells_its_kind(error, kind):
    assert failure_kind(error) == kind
