"""Tune callback that writes one row of `metrics.csv` and TensorBoard's points per training iteration."""

import csv
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray.tune import Callback
from tensorboardX import SummaryWriter

from rlhp_ray import metric_keys as keys

WALL_SECONDS = "wall_seconds"


def read_rows(metrics_csv: Path, up_to_iteration: int) -> list[dict[str, str]]:
    """Rows of an earlier session that its checkpoint covers; a row cut short by a kill is left out."""
    if not metrics_csv.exists():
        return []
    with metrics_csv.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if None not in row.values()]
    return [row for row in rows if row[keys.ITERATION] and int(float(row[keys.ITERATION])) <= up_to_iteration]


class MetricsWriter(Callback):
    """Writes what each result reports under `keys.METRICS`.

    Args:
        metrics_csv: is rewritten with `earlier_rows` first, so that every iteration has one row.
        tensorboard: directory of event files; points beyond the earlier rows are purged.
        earlier_rows: of the sessions before this one.
        clock: seconds of this session on the wall.
        members: of the reward ensemble, each of which has columns of its own.
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
        self._earlier_wall, self._earlier_cpu = (
            float(last.get(key) or 0.0) for key in (WALL_SECONDS, keys.CPU_SECONDS)
        )
        self._session_cpu = 0.0
        self._write_earlier(earlier_rows)
        purge = int(float(last[keys.ENV_STEPS])) + 1 if last else None
        self._board = SummaryWriter(str(tensorboard), purge_step=purge)
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

    def _total_cpu_seconds(self, of_processes: float) -> float:
        """Of all sessions, and of the processes that others took the place of after a failure."""
        if of_processes < self._session_cpu:
            self._earlier_cpu += self._session_cpu
        self._session_cpu = of_processes
        return self._earlier_cpu + of_processes

    def on_trial_result(self, iteration: int, trials: list, trial: Any, result: dict, **info: Any) -> None:
        metrics = dict(result[keys.METRICS])
        metrics[WALL_SECONDS] = self.wall_seconds
        metrics[keys.CPU_SECONDS] = self._total_cpu_seconds(metrics[keys.CPU_SECONDS])
        self.latest = metrics
        with self._path.open("a", newline="") as file:
            csv.DictWriter(file, self._columns, restval="", extrasaction="ignore").writerow(metrics)
        step = metrics[keys.ENV_STEPS]
        for key in self._columns:
            value = metrics.get(key)
            if value is not None and math.isfinite(value):
                self._board.add_scalar(f"rlhp/{key}", value, step)

    def close(self) -> None:
        """Write out what TensorBoard holds back."""
        self._board.close()
