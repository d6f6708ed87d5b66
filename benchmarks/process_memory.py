"""How much memory processes have of their own, and whether a kind of process grows, over its lives."""

import threading
import time
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import psutil
from killable_run import KillableRun
from scipy import stats

SAMPLE_SECONDS = 0.05  # between two looks of a watch
LARGEST_WARM_UP_SECONDS = 120.0
GROWTH_MB, GROWTH_SHARE = 20.0, 0.1  # an hour


def private_mb(process: psutil.Process) -> float:
    """Resident memory without the pages of Ray's object store, which all processes of a machine share."""
    memory = process.memory_info()
    return (memory.rss - memory.shared) / 1e6


class MemoryWatch:
    """The most memory that a process had of its own since this was made."""

    def __init__(self, process: psutil.Process) -> None:
        self._process, self._stopped = process, threading.Event()
        self.most_mb = private_mb(process)
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._stopped.wait(SAMPLE_SECONDS):
            self.most_mb = max(self.most_mb, private_mb(self._process))

    def stop(self) -> float:
        """The most, in megabytes."""
        self._stopped.set()
        self._thread.join()
        return self.most_mb


@dataclass(frozen=True)
class Life:
    """One process, seen every few seconds.

    Args:
        kind: as Ray titles it, or what its program is called.
        minutes: of the soak, at each look.
        megabytes: of its own, at each look.
    """

    kind: str
    minutes: list[float]
    megabytes: list[float]

    def after(self, warm_up_minutes: float) -> "Life":
        """Without its beginning."""
        later = [index for index, minute in enumerate(self.minutes) if minute >= self.minutes[0] + warm_up_minutes]
        return Life(self.kind, [self.minutes[i] for i in later], [self.megabytes[i] for i in later])

    @property
    def span_minutes(self) -> float:
        """From the first look to the last."""
        return self.minutes[-1] - self.minutes[0] if self.minutes else 0.0

    @property
    def slope_mb_per_hour(self) -> float:
        """The median of the slopes between any two looks (Theil-Sen)."""
        return 60 * float(stats.theilslopes(self.megabytes, self.minutes).slope)


@dataclass(frozen=True)
class Memory:
    """What a kind of process came to.

    Args:
        kind: of process.
        processes: that there were, one after another.
        watched_minutes: of those that lived on after their warm-up, together.
        median_mb: of all looks after it.
        most_mb: at any time.
        growth_within_mb_per_hour: median over its processes.
        growth_over_mb_per_hour: over all looks, whichever process it was.
        allowed_mb_per_hour: of both.
    """

    kind: str
    processes: int
    watched_minutes: float
    median_mb: float
    most_mb: float
    growth_within_mb_per_hour: float
    growth_over_mb_per_hour: float
    allowed_mb_per_hour: float

    @property
    def is_flat(self) -> bool:
        """Whether it grows by no more than is allowed."""
        return max(self.growth_within_mb_per_hour, self.growth_over_mb_per_hour) <= self.allowed_mb_per_hour


class MemoryLog:
    """The lives of all processes of a run."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._lives: dict[tuple[int, float, str], Life] = {}

    @property
    def minutes(self) -> float:
        """Since the start of the soak."""
        return (time.monotonic() - self._began) / 60

    @property
    def lives(self) -> list[Life]:
        """Of all processes so far."""
        return list(self._lives.values())

    def look(self, run: KillableRun) -> None:
        """Note what each process has now; those that are about to end are passed over."""
        for process in run.processes():
            try:
                kind = "command" if process.pid == run.process.pid else kind_of(process)
                key, megabytes = (process.pid, process.create_time(), kind), private_mb(process)
            except (psutil.Error, IndexError):
                continue
            life = self._lives.setdefault(key, Life(kind, [], []))
            life.minutes.append(self.minutes)
            life.megabytes.append(megabytes)


def kind_of(process: psutil.Process) -> str:
    """What Ray titles it, without the call that it is at; or the name of its script or program."""
    words = process.cmdline()
    if words[0].startswith("ray::"):
        return words[0].removeprefix("ray::").partition(".")[0]
    return Path(next((word for word in words if word.endswith(".py")), words[0])).stem


def memory_of_kinds(lives: list[Life], minutes: float) -> list[Memory]:
    """Kinds that were seen for longer than a warm-up, largest first."""
    warm_up = min(LARGEST_WARM_UP_SECONDS, 60 * minutes / 6) / 60
    found = []
    for kind in dict.fromkeys(life.kind for life in lives):
        of_kind = [life for life in lives if life.kind == kind]
        later = [life for life in (life.after(warm_up) for life in of_kind) if life.span_minutes > warm_up]
        if not later:
            continue
        slopes, spans = ([getattr(life, name) for life in later] for name in ("slope_mb_per_hour", "span_minutes"))
        pooled = Life(kind, *([*chain(*(getattr(life, name) for life in later))] for name in ("minutes", "megabytes")))
        median_mb = float(np.median(pooled.megabytes))
        found.append(
            Memory(
                kind=kind,
                processes=len(of_kind),
                watched_minutes=sum(spans),
                median_mb=median_mb,
                most_mb=max(max(life.megabytes) for life in of_kind),
                growth_within_mb_per_hour=weighted_median(slopes, spans),
                growth_over_mb_per_hour=pooled.slope_mb_per_hour,
                allowed_mb_per_hour=max(GROWTH_MB, GROWTH_SHARE * median_mb) * max(1.0, 60 / minutes),
            )
        )
    return sorted(found, key=lambda memory: -memory.median_mb)


def weighted_median(values: list[float], weights: list[float]) -> float:
    """The smallest value up to which half of the weight lies."""
    order = np.argsort(values)
    cumulative = np.cumsum(np.array(weights)[order])
    return float(np.array(values)[order][np.searchsorted(cumulative, cumulative[-1] / 2)])
