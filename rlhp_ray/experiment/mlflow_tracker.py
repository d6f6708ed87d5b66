"""Runs as MLflow shows them: settings as parameters, metrics over env steps, one record for all sessions of a run."""

import logging
import os
import time
from collections.abc import Mapping
from typing import Any

from mlflow.entities import Metric, Param
from ray.air.integrations.mlflow import MLflowLoggerCallback

from rlhp_ray import metric_keys as keys
from rlhp_ray.experiment.tracking import PROJECT, TrackedRun, finite_metrics

RUN_TAG = "rlhp_ray.run"
GROUP_TAG = "rlhp_ray.group"  # the name of a sweep, of which the run is a trial
MAX_PARAM_LENGTH = 6000  # of MLflow
# A server that has gone must not hold up the run for the minutes that MLflow would try.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "10", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}


class Tracker(MLflowLoggerCallback):
    """Ray's callback, told of our settings and metrics instead of RLlib's hundreds.

    Args:
        runs: by the names of their trials.
    """

    def __init__(self, runs: Mapping[str, TrackedRun]) -> None:
        for name, value in _PATIENCE.items():
            os.environ.setdefault(name, value)
        for logger in ("alembic", "mlflow.store.db.utils"):  # a new database tells of each step of its making
            logging.getLogger(logger).setLevel(logging.WARNING)
        super().__init__(
            os.environ.get("MLFLOW_TRACKING_URI"),
            experiment_name=os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT),
        )
        self._runs = runs

    def log_trial_start(self, trial: Any) -> None:
        """Open the record of a run, or go on in the one that an earlier session opened."""
        if trial in self._trial_runs:
            return
        run, client = self._runs[str(trial)], self.mlflow_util._get_client()
        found = client.search_runs([self.mlflow_util.experiment_id], f"tags.`{RUN_TAG}` = '{run.run_id}'")
        if found:
            self._trial_runs[trial] = found[0].info.run_id
            client.update_run(found[0].info.run_id, status="RUNNING")
            return
        tags = {RUN_TAG: run.run_id, GROUP_TAG: run.directory.parent.name}
        record = self.mlflow_util.start_run(run.directory.name, tags)
        self._trial_runs[trial] = record.info.run_id
        settings = [Param(key, str(value)[:MAX_PARAM_LENGTH]) for key, value in run.settings.items()]
        for start in range(0, len(settings), 100):  # as many as MLflow takes at once
            client.log_batch(record.info.run_id, params=settings[start : start + 100])

    def log_trial_result(self, iteration: int, trial: Any, result: dict) -> None:
        """One point of every metric, in one request."""
        step, now = int(result[keys.METRICS][keys.ENV_STEPS]), round(1000 * time.time())
        points = [Metric(key, value, now, step) for key, value in finite_metrics(result).items()]
        self.mlflow_util._get_client().log_batch(self._trial_runs[trial], metrics=points)

    def log_trial_end(self, trial: Any, failed: bool = False) -> None:
        """Close the record."""
        status = "FAILED" if failed else "FINISHED"
        self.mlflow_util._get_client().set_terminated(self._trial_runs[trial], status)
