"""Runs as Weights & Biases shows them: settings, metrics, one record for all sessions of a run, one group a sweep."""

import os
from collections.abc import Mapping
from typing import Any

from ray.air.constants import TRAINING_ITERATION
from ray.air.integrations.wandb import WandbLoggerCallback

from rlhp_ray.experiment.tracking import PROJECT, TrackedRun, finite_metrics


class Tracker(WandbLoggerCallback):
    """Ray's callback, which has an actor for each trial write, told of our settings and metrics.

    Args:
        runs: by the names of their trials.
    """

    def __init__(self, runs: Mapping[str, TrackedRun]) -> None:
        super().__init__(os.environ.get("WANDB_PROJECT", PROJECT), upload_timeout=60)
        self._runs = runs

    def log_trial_start(self, trial: Any) -> None:
        """Open the record of a run, or go on in the one that an earlier session opened."""
        run = self._runs[str(trial)]
        self.group = run.directory.parent.name
        # Where Ray has it write by default is copied before it is finished, and deleted.
        where = str(run.directory)
        self.kwargs = {"id": run.run_id, "resume": "allow", "config": run.settings, "dir": where}
        super().log_trial_start(trial)

    def log_trial_result(self, iteration: int, trial: Any, result: dict) -> None:
        """One point of every metric; the actor writes it."""
        step = {TRAINING_ITERATION: result[TRAINING_ITERATION]}
        super().log_trial_result(iteration, trial, finite_metrics(result) | step)
