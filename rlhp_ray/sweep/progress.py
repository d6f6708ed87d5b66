"""Tune callback that shows one live line for a whole sweep, and above it each trial that ends."""

import socket
import time
from collections.abc import Mapping
from typing import Any

from ray.tune import Callback

from rlhp_ray import metric_keys as keys
from rlhp_ray.experiment.live_line import LiveLine
from rlhp_ray.health.monitor import HealthMonitor


class SweepProgress(Callback):
    """Counts trials and env steps.

    Args:
        env_steps: budget of each trial that is run now, by its name.
        ended_before: trials of the sweep that had ended by then.
        trials_in_all: of the sweep.
        healths: of the trials, by name; each has seen a result before this line does.
    """

    def __init__(
        self,
        env_steps: Mapping[str, int],
        ended_before: int,
        trials_in_all: int,
        healths: Mapping[str, HealthMonitor],
    ) -> None:
        self._budgets = env_steps
        self._healths = healths
        self._done = dict.fromkeys(env_steps, 0)
        self._first: dict[str, int] = {}
        self._held: set[str] = set()
        self._running: set[str] = set()
        self._ended, self._trials_in_all = ended_before, trials_in_all
        self._started: float | None = None
        self._line = LiveLine()

    def on_trial_result(self, iteration: int, trials: list, trial: Any, result: dict, **info: Any) -> None:
        name, metrics = str(trial), result[keys.METRICS]
        for notice in result[keys.NOTICES]:
            self._line.notice(f"rlhp: warning: {name}: {notice}")
        for change in self._healths[name].take_changes():
            self._line.notice(f"rlhp: {name}: {change}")
        self._started = self._started or time.monotonic()
        if name not in self._running and result.get("hostname") not in (None, socket.gethostname()):
            self._line.notice(f"{name:<14}runs on {result['hostname']}")
        self._running.add(name)
        (self._held.add if metrics.get(keys.HELD_FOR_PEOPLE) else self._held.discard)(name)
        self._done[name] = min(metrics[keys.ENV_STEPS], self._budgets[name])
        self._first.setdefault(name, self._done[name])
        self._show()

    def on_trial_complete(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        metrics = trial.last_result.get(keys.METRICS, {})
        value = metrics.get(keys.EVALUATION_RETURN)
        text = f"{value:.1f}" if value is not None else "not evaluated"
        self._end(trial, f"evaluated true return {text} after {metrics.get(keys.ENV_STEPS, 0):,} env steps")

    def on_trial_recover(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        name = str(trial)
        self._running.discard(name)  # so that where it runs is told again
        self._line.notice(f"{name:<14}failed; is tried again, from its last checkpoint")
        self._show()

    def on_trial_error(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        self._end(trial, f"failed {trial.num_failures} times; see error.txt in its directory")

    def _end(self, trial: Any, text: str) -> None:
        name = str(trial)
        self._running.discard(name)
        self._held.discard(name)
        self._ended += 1
        self._done[name] = self._budgets[name]
        self._line.notice(f"{name:<14}{text}")
        self._show()

    def _show(self) -> None:
        ended, count = self._ended, self._trials_in_all
        running = ", ".join(self._trial_text(name) for name in sorted(self._running))
        parts = [f"{ended} of {count} trials", running, self._time_left()]
        self._line.show(" | ".join(part for part in parts if part), last=ended == count)

    def _trial_text(self, name: str) -> str:
        done, mark = f"{name} {100 * self._done[name] // self._budgets[name]} %", self._healths[name].mark
        notes = ", ".join(note for note in ("waiting for people" if name in self._held else "", mark) if note)
        return f"{done} ({notes})" if notes else done

    def _time_left(self) -> str:
        """As long again per env step as so far, with as many trials beside each other."""
        taken = sum(self._done[name] - first for name, first in self._first.items())
        left = sum(self._budgets[name] - done for name, done in self._done.items())
        if self._started is None or taken <= 0 or left <= 0:
            return ""
        seconds = int((time.monotonic() - self._started) / taken * left)
        return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d} left"
