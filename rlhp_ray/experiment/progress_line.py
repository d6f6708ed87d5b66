"""Tune callback that shows one live line: steps, labels, returns, accuracy, health, time left; and notices."""

import math
import time
from typing import Any

from ray.tune import Callback

from rlhp_ray import metric_keys as keys
from rlhp_ray.experiment.live_line import LiveLine
from rlhp_ray.health.monitor import HealthMonitor


class ProgressLine(Callback):
    """Shows the latest metrics.

    Args:
        env_steps: of the whole run.
        labels: budget of queries, 0 on true reward.
        health: of the run; it has seen a result before this line does.
    """

    def __init__(self, env_steps: int, labels: int, health: HealthMonitor) -> None:
        self._env_steps = env_steps
        self._labels = labels
        self._health = health
        self._first: tuple[float, float] | None = None
        self._line = LiveLine()

    def on_trial_result(self, iteration: int, trials: list, trial: Any, result: dict, **info: Any) -> None:
        metrics = result[keys.METRICS]
        self._show_notices(result[keys.NOTICES])
        now, done = time.monotonic(), metrics[keys.ENV_STEPS]
        if self._first is None:
            self._first = (now, done)
        finished = done >= self._env_steps
        self._line.show(" | ".join(part for part in self._parts(metrics, now, done) if part), last=finished)

    def _show_notices(self, notices: list[str]) -> None:
        """Above the live line, for good; our processes' own standard error is not shown."""
        for notice in notices:
            self._line.notice(f"rlhp: warning: {notice}")
        for change in self._health.take_changes():
            self._line.notice(f"rlhp: {change}")

    def _parts(self, metrics: dict, now: float, done: int) -> list[str]:
        evaluated = metrics.get(keys.EVALUATION_RETURN)
        trained = metrics.get(keys.TRUE_RETURN)
        accuracy = metrics.get(keys.REWARD_VALIDATION_ACCURACY)
        return [
            f"{min(done, self._env_steps):,}/{self._env_steps:,} env steps ({100 * done / self._env_steps:.0f} %)",
            f"{metrics.get(keys.LABELS, 0)}/{self._labels} labels" if self._labels else "",
            "waiting for people" if metrics.get(keys.HELD_FOR_PEOPLE) else "",
            f"true return {trained:.1f}" if trained is not None else "",
            f"evaluated {evaluated:.1f}" if evaluated is not None else "",
            f"predictor {100 * accuracy:.0f} %" if accuracy is not None and math.isfinite(accuracy) else "",
            f"{metrics[keys.ENV_STEPS_PER_SECOND]:,.0f} steps/s",
            self._health.mark,
            self._time_left(now, done),
        ]

    def _time_left(self, now: float, done: int) -> str:
        assert self._first is not None
        started, first = self._first
        if done <= first:
            return ""
        seconds = max(0.0, (now - started) / (done - first) * (self._env_steps - done))
        return f"{int(seconds) // 60}:{int(seconds) % 60:02d} left"
