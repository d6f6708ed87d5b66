"""Copies of results while they are made, so that a machine that is lost costs minutes."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rlhp_ray.errors import RlhpError
from rlhp_ray.experiment.result_copy import ResultCopy

INTERVAL_SECONDS = 60.0  # from the end of one copy to the start of the next
LOOK_SECONDS = 5.0  # between two looks for a new checkpoint, which is copied at once


@contextlib.contextmanager
def copied_regularly(
    results: ResultCopy | None, directory: Path, say: Callable[[str], None], interval_seconds: float = INTERVAL_SECONDS
) -> Iterator[None]:
    """Copy a directory at each checkpoint and at an interval, in a thread, while the context lasts.

    A copy that fails is told, and no reason to stop the training: the next one brings what it lacks. Where copying is
    slow, there is as much time between two copies as one takes.

    Args:
        results: that copies; None for nothing to do.
        directory: of the run or sweep.
        say: tells a person.
        interval_seconds: from one copy to the next, where there is no checkpoint between.
    """
    if results is None:
        yield
        return
    ended = threading.Event()
    arguments = (ended, results, directory, say, interval_seconds)
    thread = threading.Thread(target=_copy_until, args=arguments, name="copies", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _copy_until(
    ended: threading.Event, results: ResultCopy, directory: Path, say: Callable[[str], None], interval_seconds: float
) -> None:
    told, earliest, latest = "", 0.0, 0.0  # the last two bound when the next copy begins
    while not ended.wait(min(LOOK_SECONDS, interval_seconds)):
        started = time.monotonic()
        try:
            if started < latest and (started < earliest or not results.lacks_checkpoint(directory)):
                continue
            results.copy(directory)
            told = ""
        except (RlhpError, OSError) as error:
            if str(error) != told:  # not every minute
                told = str(error)
                say(f"rlhp: warning: {told} Training goes on, and the copy is tried again.")
        done = time.monotonic()
        earliest = done + (done - started)
        latest = max(earliest, done + interval_seconds)
