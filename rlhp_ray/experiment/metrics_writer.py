"""Tune callback that writes one row of `metrics.csv` and TensorBoard's points per training iteration."""

import csv
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray.tune import Callback

from rlhp_ray import metric_keys as keys
from rlhp_ray.experiment.archive_files import archive_errors
from rlhp_ray.experiment.tensorboard_file import TensorBoardFile

WALL_SECONDS = "wall_seconds"
MEMORIES = (keys.MEMORY, keys.MEMORY_TRIAL, keys.MEMORY_RUNNERS, keys.MEMORY_BUFFER, keys.MEMORY_LEARNER)


def read_rows(metrics_csv: Path, up_to_iteration: float = math.inf) -> list[dict[str, str]]:
    """Rows of an earlier session that its checkpoint covers; a row cut short by a kill is left out."""
    if not metrics_csv.exists():
        return []
    with metrics_csv.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if None not in row.values()]
    return [row for row in rows if row[keys.ITERATION] and int(float(row[keys.ITERATION])) <= up_to_iteration]


class _RunningTotal:
    """A count of processes, added up over sessions and over processes that took the place of failed ones."""

    def __init__(self, earlier: float) -> None:
        self._earlier, self._of_processes = earlier, 0.0

    def with_processes(self, count: float) -> float:
        """The total, where the processes of now have counted this far."""
        if count < self._of_processes:
            self._earlier += self._of_processes
        self._of_processes = count
        return self._earlier + count


class MetricsWriter(Callback):
    """Writes what each result reports under `keys.METRICS`.

    Args:
        metrics_csv: is rewritten with `earlier_rows` first, so that every iteration has one row.
        tensorboard: directory of event files; points beyond the earlier rows are purged.
        earlier_rows: of the sessions before this one.
        clock: seconds of this session on the wall.
        members: of the reward ensemble, each of which has columns of its own.

    `peaks` holds the most that a memory column has held in all sessions, in MB.
    """

    def __init__(
        self,
        metrics_csv: Path,
        tensorboard: Path,
        earlier_rows: list[dict[str, str]],
        clock: Callable[[], float],
        members: int,
    ) -> None:
        self._path = metrics_csv
        self._columns = [*keys.metric_keys(members), WALL_SECONDS]
        self._clock = clock
        last = earlier_rows[-1] if earlier_rows else {}
        self._earlier_wall = float(last.get(WALL_SECONDS) or 0.0)
        self._totals = {key: _RunningTotal(float(last.get(key) or 0.0)) for key in (keys.CPU_SECONDS, keys.WRITTEN)}
        self.peaks = {key: max((float(row.get(key) or 0.0) for row in earlier_rows), default=0.0) for key in MEMORIES}
        self._write_earlier(earlier_rows)
        purge = int(float(last[keys.ENV_STEPS])) + 1 if last else None
        self._board = TensorBoardFile(tensorboard, purge)
        self.latest: dict[str, Any] = {}

    def _write_earlier(self, rows: list[dict[str, str]]) -> None:
        temporary = self._path.with_name(f".{self._path.name}.tmp")
        with temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, self._columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        os.replace(temporary, self._path)

    @property
    def wall_seconds(self) -> float:
        """Of all sessions of the run."""
        return self._earlier_wall + self._clock()

    def on_trial_result(self, iteration: int, trials: list, trial: Any, result: dict, **info: Any) -> None:
        metrics = dict(result[keys.METRICS])
        metrics[WALL_SECONDS] = self.wall_seconds
        metrics |= {key: total.with_processes(metrics[key]) for key, total in self._totals.items() if key in metrics}
        self.peaks = {key: max(peak, metrics.get(key, 0.0)) for key, peak in self.peaks.items()}
        self.latest = metrics
        with archive_errors(self._path), self._path.open("a", newline="") as file:
            csv.DictWriter(file, self._columns, restval="", extrasaction="ignore").writerow(metrics)
        points = {f"rlhp/{key}": metrics[key] for key in self._columns if metrics.get(key) is not None}
        self._board.add(points, metrics[keys.ENV_STEPS])

    def close(self) -> None:
        """Write out what TensorBoard holds back."""
        self._board.close()
