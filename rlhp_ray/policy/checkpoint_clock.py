"""When a checkpoint is due by time; by env steps Tune counts, in training iterations."""

import time
from collections.abc import Callable


class CheckpointClock:
    """Minutes since the last checkpoint, whatever it was stored for.

    Args:
        interval_minutes: from one checkpoint to the next at most; None where only env steps count.
        seconds: a clock that only goes forward.
    """

    def __init__(self, interval_minutes: float | None, seconds: Callable[[], float] = time.monotonic) -> None:
        self._interval_minutes, self._seconds = interval_minutes, seconds
        self._stored = seconds()

    @property
    def is_due(self) -> bool:
        """Whether the interval is over."""
        return self._interval_minutes is not None and self._seconds() - self._stored >= 60 * self._interval_minutes

    def note_stored(self) -> None:
        """A checkpoint was stored: begin to count anew."""
        self._stored = self._seconds()
