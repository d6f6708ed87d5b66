"""What a run costs: processor time, and money at a given price."""

import contextlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """What a run used: seconds on the wall, hours of processors, and `money` in the currency of the given price."""

    wall_seconds: float
    cpu_hours: float
    gpu_hours: float = 0.0
    price_per_cpu_hour: float = 0.0

    @property
    def money(self) -> float:
        return self.cpu_hours * self.price_per_cpu_hour


def cpu_seconds_of_process_tree() -> float:
    """User and system CPU seconds, since their start, of this process and its living descendants.

    Ask before workers are stopped: an ended process no longer counts. Ray's workers descend from the raylet, so they
    are counted from the driver that started Ray, not from within an actor.
    """
    import psutil

    this = psutil.Process()
    seconds = 0.0
    for process in (this, *this.children(recursive=True)):
        with contextlib.suppress(psutil.Error):  # it ended meanwhile
            times = process.cpu_times()
            seconds += times.user + times.system
    return seconds
