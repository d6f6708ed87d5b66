"""Watches whether labels and clips go on arriving."""

from collections import deque

from rlhp_ray import metric_keys as keys
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.health.condition import Condition, Reading, Row
from rlhp_ray.preferences.label_schedule import LabelSchedule
from rlhp_ray.preferences.schedule_choice import label_schedule

STALLED_ITERATIONS = 5  # without anything new (ours)
FITTINGS = 3  # so many times as long as the last fitting took may pass without a label (ours)
ITERATIONS_OF_A_ROUND = 2  # it is started after one iteration, and taken up after the next
SKIPPED_QUERIES = 10  # in a row, which no teacher that skips now and then comes to (ours)
FEW_CLIPS = 0.1  # of those that so many env steps give (ours)


class LabelsStopped:
    """No label has come for 5 iterations and 3 times the last fitting's time, although answers were or are due.

    A query is due one round after the schedule says so, as a round has to end before its answers count. Where queries
    are answered, but the newest ten of them by skipping, labels have stopped as well.
    """

    condition = Condition(
        keys.UNHEALTHY_LABELS,
        "follow the schedule",
        "Of people: is anybody at the labelling page? Else see console.log for what the teacher or the buffer said, "
        "and whether the teacher skips everything.",
    )

    def __init__(self, config: RunConfig) -> None:
        self._config = config
        self._schedule: LabelSchedule | None = None
        self._env_steps = self._labels = self._queries_at_label = 0.0
        self._stalled_iterations, self._stalled_seconds = 0, 0.0

    def read(self, row: Row) -> Reading | None:
        if keys.LABELS not in row or keys.QUERIES not in row:
            return None
        batch, is_first = row[keys.ENV_STEPS] - self._env_steps, self._env_steps == 0
        self._env_steps = row[keys.ENV_STEPS]
        if is_first or batch <= 0 or row[keys.LABELS] > self._labels:
            self._labels, self._queries_at_label = row[keys.LABELS], row[keys.QUERIES]
            self._stalled_iterations, self._stalled_seconds = 0, 0.0
            return Reading(False, "")
        due, asked = self._due(batch), row[keys.QUERIES]
        if due <= asked < self._queries_at_label + SKIPPED_QUERIES:
            self._stalled_iterations, self._stalled_seconds = 0, 0.0
            return Reading(False, "")
        self._stalled_iterations += 1
        self._stalled_seconds += row.get(keys.TIME_ITERATION, 0.0)
        is_sick = self._stalled_iterations >= STALLED_ITERATIONS
        is_sick &= self._stalled_seconds >= FITTINGS * row.get(keys.TIME_FITTING, 0.0)
        seen = (
            f"{self._labels:.0f} labels, none new in {self._stalled_iterations} iterations; {asked:.0f} queries asked"
        )
        return Reading(is_sick, f"{seen}, {due} due")

    def _due(self, batch_env_steps: float) -> int:
        if self._schedule is None:
            self._schedule = label_schedule(self._config, int(batch_env_steps))
        allowance = ITERATIONS_OF_A_ROUND * batch_env_steps + (self._config.reward.round_interval_env_steps or 0)
        return self._schedule.due(max(0, int(self._env_steps - allowance)))


class ClipsStopped:
    """Over the last iterations, hardly a clip reached the buffer, although the environments went on."""

    condition = Condition(
        keys.UNHEALTHY_CLIPS,
        "one for every preferences.clip_steps env steps",
        "See clips_dropped: where it grows, the buffer is behind; ask fewer queries or lower the frame size. Else see "
        "console.log for a failure of the env runners.",
    )

    def __init__(self, clip_steps: int) -> None:
        self._clip_steps = clip_steps
        self._env_steps = self._dropped = 0.0
        self._recent: deque[tuple[float, float]] = deque(maxlen=STALLED_ITERATIONS)

    def read(self, row: Row) -> Reading | None:
        taken, dropped = row[keys.ENV_STEPS] - self._env_steps, row.get(keys.CLIPS_DROPPED, 0.0) - self._dropped
        self._env_steps, self._dropped = row[keys.ENV_STEPS], row.get(keys.CLIPS_DROPPED, 0.0)
        if taken <= 0 or keys.CLIPS_PER_SECOND not in row or keys.TIME_ITERATION not in row:
            return None
        arrived = row[keys.CLIPS_PER_SECOND] * row[keys.TIME_ITERATION] - max(0.0, dropped)
        self._recent.append((taken / self._clip_steps, arrived))
        if len(self._recent) < STALLED_ITERATIONS:
            return None
        expected, came = (sum(part) for part in zip(*self._recent, strict=True))
        seen = f"{max(0.0, came):.0f} clips in {STALLED_ITERATIONS} iterations, of {expected:.0f}"
        return Reading(came < FEW_CLIPS * expected, seen)
