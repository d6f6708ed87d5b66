"""Watches whether a metric stays in its healthy range, and an alarm that others raise."""

from collections import deque

import numpy as np

from rlhp_ray import metric_keys as keys
from rlhp_ray.health.condition import Condition, Reading, Row

RANGE_VALUES = 10  # whose median is compared with the range (ours)


class OutOfRange:
    """The median of the last ten values is outside the range that the metric is documented with."""

    def __init__(self, metric: keys.Metric, bounds: keys.Bounds) -> None:
        self._key, self._bounds = metric.key, bounds
        self.condition = Condition(
            keys.unhealthy_key(metric.key), bounds.text, f"What {metric.key} is: {metric.meaning} See docs/metrics.md."
        )
        self._recent: deque[float] = deque(maxlen=RANGE_VALUES)

    def read(self, row: Row) -> Reading | None:
        if self._key not in row:
            return None
        self._recent.append(row[self._key])
        if len(self._recent) < RANGE_VALUES:
            return None
        median = float(np.median(self._recent))
        return Reading(not self._bounds.hold(median), f"{median:.3g}, the median of {RANGE_VALUES} iterations")


class StandingAlarm:
    """An alarm of the run's diagnostics, which say it themselves (`policy.run_diagnostics`)."""

    def __init__(self, condition: Condition) -> None:
        self.condition = condition

    def read(self, row: Row) -> Reading | None:
        return Reading(bool(row[self.condition.key]), "the alarm stands") if self.condition.key in row else None


RETURNS_PART = Condition(
    keys.UNHEALTHY_OVER_OPTIMISATION,
    "true return does not fall while the predicted one rises",
    "Look at the policy (rlhp replay), and ask more labels, or more of them late (preferences.schedule=constant).",
    is_announced=True,
)
OBSERVATIONS_DIFFER = Condition(
    keys.UNHEALTHY_OBSERVATIONS,
    "policy and predictor are shown the same",
    "Scale observations in the environment, where both get them, not on the way to one network.",
    is_announced=True,
)
