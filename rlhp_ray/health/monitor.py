"""All conditions of one run: which hold now, which ever held, and what changed."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rlhp_ray import metric_keys as keys
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.config.setting_schedule import scheduled
from rlhp_ray.health.accuracy_watch import AccuracyAtChance
from rlhp_ray.health.arrival_watch import ClipsStopped, LabelsStopped
from rlhp_ray.health.condition import Condition, Reading, Row, Watch
from rlhp_ray.health.entropy_shapes import entropy_scale
from rlhp_ray.health.entropy_watch import EntropyCollapse, EntropyPlateau
from rlhp_ray.health.range_watch import OBSERVATIONS_DIFFER, RETURNS_PART, OutOfRange, StandingAlarm
from rlhp_ray.health.resource_watch import MemoryGrows, SpeedDecays

LASTING_READINGS = 3  # alike in a row, before a condition begins or ends, so that it does not flicker (ours)


class _Course:
    """One condition over time."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self.condition: Condition = watch.condition
        self._needed = 1 if self.condition.is_announced else LASTING_READINGS  # an alarm lasts by itself
        self._different = 0
        self.holds = self.ever_held = False
        self.seen = ""

    def update(self, row: Row) -> bool:
        """Whether it began or ended with this row."""
        reading: Reading | None = self._watch.read(row)
        if reading is None:
            return False
        self.seen = reading.seen
        self._different = self._different + 1 if reading.is_sick != self.holds else 0
        if self._different < self._needed:
            return False
        self.holds, self._different = reading.is_sick, 0
        self.ever_held |= self.holds
        return True


class HealthMonitor:
    """Takes a run's metrics row by row; time and memory of a row do not grow with the run.

    Args:
        config: of the run.
        action_space: as `space_to_dict` gives it.
        earlier_rows: of the sessions before this one, in which nothing is said any more.
    """

    def __init__(
        self, config: RunConfig, action_space: Mapping[str, Any], earlier_rows: Sequence[Mapping[str, Any]]
    ) -> None:
        self._courses = [_Course(watch) for watch in _watches(config, action_space)]
        self._changes: list[str] = []
        self._env_steps = 0.0
        for row in earlier_rows:
            self.update(row)
        self._changes.clear()

    def update(self, metrics: Mapping[str, Any]) -> dict[str, float]:
        """Metrics of a row about its health: the number of conditions that hold, and 0 or 1 for each.

        A row without new env steps, as while people are waited for, repeats metrics and tells nothing.
        """
        row = finite(metrics)
        has_trained, self._env_steps = row[keys.ENV_STEPS] > self._env_steps, row[keys.ENV_STEPS]
        for course in self._courses if has_trained else ():
            if course.update(row):
                self._note(course, row[keys.ENV_STEPS])
        held = {course.condition.key: int(course.holds) for course in self._courses}
        return {keys.UNHEALTHY: sum(held.values()), **held}

    def _note(self, course: _Course, env_steps: float) -> None:
        condition, when = course.condition, f"at {env_steps:,.0f} env steps"
        if not course.holds:
            self._changes.append(f"healthy again {when}: {condition.name} is over")
        elif not condition.is_announced:
            text = f"unhealthy {when}: {condition.name}: {course.seen}; healthy: {condition.healthy}."
            self._changes.append(f"{text} {condition.advice}")

    @property
    def standing(self) -> list[str]:
        """Names of the conditions that hold now."""
        return [course.condition.name for course in self._courses if course.holds]

    @property
    def ever(self) -> list[str]:
        """Names of those that held at any time."""
        return [course.condition.name for course in self._courses if course.ever_held]

    @property
    def mark(self) -> str:
        """Of a progress line: a few words, none where all is well."""
        standing = self.standing
        return f"! {standing[0]}" + (f" and {len(standing) - 1} more" if standing[1:] else "") if standing else ""

    def take_changes(self) -> list[str]:
        """What began or ended since the last call, one text each."""
        changes, self._changes = self._changes, []
        return changes


def finite(metrics: Mapping[str, Any]) -> Row:
    """The finite numbers of a row, also of one that was read from a file."""
    row = {}
    for key, value in metrics.items():
        try:
            number = float(value)
        except (TypeError, ValueError):
            continue
        if math.isfinite(number):
            row[key] = number
    return row


def _watches(config: RunConfig, action_space: Mapping[str, Any]) -> list[Watch]:
    watches: list[Watch] = []
    scale = entropy_scale(action_space)
    if scale is not None:
        coefficients = scheduled(config.training.rllib.get("entropy_coeff"))
        held_until = coefficients[-1][0] if coefficients else 0
        watches += [EntropyCollapse(scale), EntropyPlateau(scale, config.training.env_steps, held_until)]
    watches += [SpeedDecays(), MemoryGrows(config.preferences)]
    if config.reward_source == "preferences":
        taught_otherwise = config.teacher.reward_function or config.teacher.callable
        watches += [AccuracyAtChance(is_true_return_taught=not taught_otherwise)]
        watches += [LabelsStopped(config), ClipsStopped(config.preferences.clip_steps)]
        watches += [StandingAlarm(RETURNS_PART), StandingAlarm(OBSERVATIONS_DIFFER)]
    return watches + [OutOfRange(metric, metric.bounds) for metric in keys.ALL_METRICS if metric.bounds is not None]
