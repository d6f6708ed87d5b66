"""Watches whether a run gets slower, and whether its memory grows on and on."""

from collections import deque

import numpy as np

from rlhp_ray import metric_keys as keys
from rlhp_ray.config.schema import PreferencesConfig
from rlhp_ray.health.bounded_series import BoundedSeries
from rlhp_ray.health.condition import Condition, Reading, Row
from rlhp_ray.reward.over_optimisation import SIGNIFICANCE, slope

SPEED_ITERATIONS = 10  # whose median is compared (ours)
SLOW, QUICK_AGAIN = 0.5, 0.6  # of the best such median; between them nothing changes (ours)
WARM_UP_ITERATIONS = 5  # in which buffers are allocated (ours)
MIN_POINTS = 10  # of which a trend is made
GROWTH = 0.2  # over the later half of the run, of what was used at its beginning (ours)


class SpeedDecays:
    """The median iteration of the last ten is half as quick as that of the best ten before; one slow one is nothing."""

    condition = Condition(
        keys.UNHEALTHY_SPEED,
        "above half of its best so far, as medians of 10 iterations",
        "See time_sampling_s, time_learning_s and time_fitting_s for the stage that got slower, memory for swapping, "
        "and whether other programs took the processor.",
    )

    def __init__(self) -> None:
        self._env_steps = self._best = 0.0
        self._iterations = 0
        self._recent: deque[float] = deque(maxlen=SPEED_ITERATIONS)
        self._is_slow = False

    def read(self, row: Row) -> Reading | None:
        taken, self._env_steps = row[keys.ENV_STEPS] - self._env_steps, row[keys.ENV_STEPS]
        self._iterations += 1
        if self._iterations == 1 or taken <= 0 or row.get(keys.TIME_ITERATION, 0.0) <= 0:
            return None  # the initial collection, people who are waited for, or a restart
        self._recent.append(taken / row[keys.TIME_ITERATION])
        if len(self._recent) < SPEED_ITERATIONS:
            return None
        median = float(np.median(self._recent))
        self._best = max(self._best, median)
        share = median / self._best
        self._is_slow = share < (QUICK_AGAIN if self._is_slow else SLOW)
        return Reading(self._is_slow, f"{median:,.0f} env steps/s, {100 * share:.0f} % of the best so far")


class MemoryGrows:
    """A process grows by a fifth over the later half of the run, beyond noise, after what it fills is full.

    The trend is a least-squares line whose significance knows of autocorrelation (`reward.over_optimisation.slope`).
    Of the buffer only rows with a full clip pool count, of the reward learner only those with a full label window.
    """

    condition = Condition(
        keys.UNHEALTHY_MEMORY,
        "flat once clip pool and label window are full",
        "See memory_trial_mb, memory_buffer_mb and memory_learner_mb for the process; an environment or a teacher of "
        "your own that keeps what it saw is the usual cause. Stop before the machine does, and resume.",
    )

    def __init__(self, preferences: PreferencesConfig) -> None:
        self._pool_clips = preferences.pool_clips
        self._labels = min(preferences.labels, preferences.window or preferences.labels)
        self._iterations = 0
        self._series = {key: BoundedSeries() for key in (keys.MEMORY_TRIAL, keys.MEMORY_BUFFER, keys.MEMORY_LEARNER)}

    def read(self, row: Row) -> Reading | None:
        self._iterations += 1
        if self._iterations <= WARM_UP_ITERATIONS:
            return None
        is_full = {
            keys.MEMORY_TRIAL: True,
            keys.MEMORY_BUFFER: row.get(keys.CLIPS_POOL, 0) >= self._pool_clips,
            keys.MEMORY_LEARNER: row.get(keys.LABELS, 0) >= self._labels,
        }
        for key, series in self._series.items():
            if key in row and is_full[key]:
                series.append(row[key])
        growths = {key: growth for key, series in self._series.items() if (growth := _growth(series.points))}
        if not growths:
            return None if len(self._series[keys.MEMORY_TRIAL].points) < MIN_POINTS else Reading(False, "")
        key = max(growths, key=lambda each: growths[each])
        seen = f"{key} grew by {100 * growths[key]:.0f} % over the later half of the run, to {row[key]:,.0f} MB"
        return Reading(growths[key] >= GROWTH, seen)


def _growth(points: np.ndarray) -> float:
    """Of a line through the later half, as a share of its beginning; 0 where it is short, noise or no growth."""
    window = points[-max(MIN_POINTS, len(points) // 2) :]
    if len(window) < MIN_POINTS:
        return 0.0
    steepness, chance = slope(window.tolist())
    rise = steepness * (len(window) - 1)
    start = float(window.mean()) - rise / 2
    return rise / start if chance < SIGNIFICANCE and rise > 0 and start > 0 else 0.0
