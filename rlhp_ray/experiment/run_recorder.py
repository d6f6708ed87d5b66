"""Keeps the archive of one run while Tune trains it: metrics, health, diagnostics, checkpoints, and the summary."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ray.tune import Callback

from rlhp_ray import metric_keys as keys
from rlhp_ray.config.price_table import read_prices
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.experiment.checkpoint_links import CheckpointLinks
from rlhp_ray.experiment.diagnostics_file import DiagnosticsFile
from rlhp_ray.experiment.disk_use import bytes_below
from rlhp_ray.experiment.failure_record import FailureRecord
from rlhp_ray.experiment.metrics_writer import MetricsWriter, read_rows
from rlhp_ray.experiment.run_archive import RunArchive
from rlhp_ray.experiment.run_cost import Cost
from rlhp_ray.experiment.summary import RunStatus, build_summary
from rlhp_ray.health.monitor import HealthMonitor
from rlhp_ray.policy.training_state import checkpoint_iteration


class RunRecorder(Callback):
    """Tune callback for the trial of one run.

    Args:
        archive: of the run.
        config: of the run.
        action_space: of its environment, as `space_to_dict` gives it.
        restore: checkpoint that the run goes on from, or None.
        clock: seconds of this session on the wall.
        ended_by: kind of failure that ended the last session, where that could not write it down itself.

    Raises:
        ConfigError: the archived prices are damaged.
        ArchiveError: what failed in earlier sessions cannot be read or written.
    """

    def __init__(
        self,
        archive: RunArchive,
        config: RunConfig,
        action_space: Mapping[str, Any],
        restore: Path | None,
        clock: Callable[[], float],
        ended_by: str | None = None,
    ) -> None:
        self.archive, self.config = archive, config
        self.failures = FailureRecord(archive.directory)
        self._prices = read_prices(archive.directory)
        self._gpus = 0.0
        rows = read_rows(archive.metrics_file, checkpoint_iteration(restore) if restore else 0)
        seconds_lost = _train_seconds(read_rows(archive.metrics_file)) - _train_seconds(rows)
        if ended_by is not None:
            self.failures.add(ended_by, recovered=False)
        self.failures.run_goes_on(seconds_lost)
        self._writer = MetricsWriter(archive.metrics_file, archive.tensorboard_dir, rows, clock, config.reward.members)
        self.health = HealthMonitor(config, action_space, rows)
        evaluated = [float(row[keys.EVALUATION_RETURN]) for row in rows if row[keys.EVALUATION_RETURN]]
        links = CheckpointLinks(archive, best=max(evaluated, default=-float("inf")))
        self._parts = (self._writer, DiagnosticsFile(archive.diagnostics_file), links)

    def on_trial_result(self, iteration: int, trials: list, trial: Any, result: dict, **info: Any) -> None:
        self._gpus = trial.placement_group_factory.required_resources.get("GPU", 0.0)
        metrics = result[keys.METRICS]
        for kind, seconds_lost in result.get(keys.RECOVERIES, []):
            self.failures.add(kind, recovered=True, seconds_lost=seconds_lost)
        with_health = {**result, keys.METRICS: metrics | self.health.update(metrics)}
        for part in self._parts:
            part.on_trial_result(iteration, trials, trial, with_health, **info)

    def on_checkpoint(self, iteration: int, trials: list, trial: Any, checkpoint: Any, **info: Any) -> None:
        for part in self._parts:
            part.on_checkpoint(iteration, trials, trial, checkpoint, **info)

    @property
    def has_finished(self) -> bool:
        """Whether its env steps are spent."""
        return self._writer.latest.get(keys.ENV_STEPS, 0) >= self.config.training.env_steps

    def close(self, status: RunStatus) -> dict[str, Any]:
        """Write `summary.json`, and give what it holds. Raises ArchiveError where it cannot be written."""
        self._writer.close()
        wall_seconds = self._writer.wall_seconds
        latest, cost = self._writer.latest, self._cost(wall_seconds)
        failures = self.failures.to_summary()
        summary = build_summary(self.config, self.archive, status, latest, wall_seconds, cost, failures, self.health)
        self.archive.write_summary(summary)
        return summary

    def _cost(self, wall_seconds: float) -> Cost:
        latest = self._writer.latest
        written = latest.get(keys.WRITTEN)
        return Cost(
            cpu_hours=latest.get(keys.CPU_SECONDS, 0.0) / 3600,
            gpu_hours=self._gpus * wall_seconds / 3600,
            peak_memory_mb=self._writer.peaks,
            bytes_on_disk=bytes_below(self.archive.directory),
            bytes_written=None if written is None or math.isnan(written) else round(written * 1e6),
            prices=self._prices,
        )


def _train_seconds(rows: list[dict[str, str]]) -> float:
    return float(rows[-1][keys.TRAIN_SECONDS] or 0.0) if rows else 0.0
