"""Copies of a directory while something is at work in it, with a stand-in for what copies."""

import threading
import time
from pathlib import Path

import pytest

from rlhp_ray.errors import ClusterError
from rlhp_ray.experiment import regular_copies
from rlhp_ray.experiment.regular_copies import copied_regularly

WAIT_SECONDS = 30.0


class FakeCopies:
    """Notes when it copies; fails as often as it is told."""

    def __init__(self, failures: int = 0) -> None:
        self.copies, self.failures, self.has_new_checkpoint = 0, failures, False
        self.copied = threading.Semaphore(0)

    def lacks_checkpoint(self, directory: Path) -> bool:
        return self.has_new_checkpoint

    def copy(self, directory: Path) -> str:
        self.has_new_checkpoint = False
        self.copies += 1
        self.copied.release()
        if self.copies <= self.failures:
            raise ClusterError("the storage is away.")
        return "there"

    def wait(self, copies: int) -> None:
        for _ in range(copies):
            assert self.copied.acquire(timeout=WAIT_SECONDS), "it was not copied"


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regular_copies, "LOOK_SECONDS", 0.01)


def test_it_is_copied_at_the_interval_until_the_end(tmp_path: Path) -> None:
    copies = FakeCopies()
    with copied_regularly(copies, tmp_path, pytest.fail, interval_seconds=0.02):  # type: ignore[arg-type]
        copies.wait(3)
    made = copies.copies
    time.sleep(0.1)
    assert copies.copies == made, "it went on after the end"


def test_a_new_checkpoint_is_copied_before_the_interval_is_over(tmp_path: Path) -> None:
    copies = FakeCopies()
    with copied_regularly(copies, tmp_path, pytest.fail, interval_seconds=3600.0):  # type: ignore[arg-type]
        copies.wait(1)
        time.sleep(0.1)
        assert copies.copies == 1, "nothing is new"
        copies.has_new_checkpoint = True
        copies.wait(1)


def test_a_copy_that_fails_is_told_once_and_tried_again(tmp_path: Path) -> None:
    copies, told = FakeCopies(failures=3), list[str]()
    with copied_regularly(copies, tmp_path, told.append, interval_seconds=0.02):  # type: ignore[arg-type]
        copies.wait(5)
    assert told == ["rlhp: warning: the storage is away. Training goes on, and the copy is tried again."]
