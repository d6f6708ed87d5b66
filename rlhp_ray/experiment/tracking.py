"""What is recorded elsewhere beside the archive: MLflow, Weights & Biases, each through Ray's own callback.

Where to, and as whom, is said by those programs' own environment variables: no address and no key comes into an
archive.
"""

import hashlib
import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from ray.tune import Callback

from rlhp_ray import metric_keys as keys
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.errors import TrackingError
from rlhp_ray.experiment.live_line import LiveLine
from rlhp_ray.experiment.provenance import mask_text

PROJECT = "rlhp_ray"  # the experiment or project, where the environment does not name one
# Neither tells its makers of our use of it unless the user asks for that.
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "WANDB_ERROR_REPORTING": "false"}


@dataclass(frozen=True)
class TrackedRun:
    """What a tracker is told of a run.

    Args:
        directory: of the archive, absolute.
        config: of the run.
    """

    directory: Path
    config: RunConfig

    @property
    def run_id(self) -> str:
        """The same for every session of a run, so that one that is resumed goes on in one record."""
        return hashlib.sha256(str(self.directory).encode()).hexdigest()[:16]

    @property
    def settings(self) -> dict[str, Any]:
        """The configuration as `section.field: value`."""
        flat: dict[str, Any] = {}
        for key, value in self.config.model_dump(mode="json").items():
            flat.update(
                {f"{key}.{name}": of for name, of in value.items()} if isinstance(value, dict) else {key: value}
            )
        return flat


def finite_metrics(result: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of `docs/metrics.md` in a result of a trial, without those that have no value."""
    numbers = {key: value for key, value in result[keys.METRICS].items() if isinstance(value, (int, float))}
    return {key: float(value) for key, value in numbers.items() if isfinite(value)}


def start_trackers(runs: Mapping[str, TrackedRun]) -> list[Callback]:
    """The trackers that these runs name, ready.

    Args:
        runs: by the names of their trials.

    Raises:
        TrackingError: one cannot be reached or does not let us in.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    kinds = dict.fromkeys(kind for run in runs.values() for kind in run.config.tracking)
    started: list[Callback] = []
    for kind in kinds:
        module = importlib.import_module(f"rlhp_ray.experiment.{kind}_tracker")  # they import what is optional
        started.append(
            GuardedTracker(kind, module.Tracker, {k: v for k, v in runs.items() if kind in v.config.tracking})
        )
    return started


class GuardedTracker(Callback):
    """A tracker that is left out, with a warning, from its first failure on: the archive has everything anyway.

    Args:
        kind: its name in `tracking`.
        make: makes Ray's callback of the runs.
        runs: that it is to follow, by the names of their trials.

    Raises:
        TrackingError: it cannot be started.
    """

    def __init__(self, kind: str, make: Any, runs: Mapping[str, TrackedRun]) -> None:
        self._kind, self._runs, self._failed = kind, runs, False
        self._line = LiveLine()
        try:
            self._tracker: Callback = make(runs)
            self._tracker.setup()
        except Exception as error:
            raise TrackingError(
                f"tracking: {kind} could not be started ({_first_line(error)}); expected a server or file that its "
                f"environment variables name, and a key where it wants one. See docs/tracking.md, or leave {kind} out."
            ) from error

    def _pass_on(self, hook: str, *arguments: Any, **info: Any) -> None:
        trial = arguments[2] if len(arguments) > 2 else None
        if self._failed or (trial is not None and str(trial) not in self._runs):
            return
        try:
            getattr(self._tracker, hook)(*arguments, **info)
        except Exception as error:
            self._failed = True
            self._line.notice(
                f"rlhp: warning: {self._kind} failed ({_first_line(error)}) and is told no more; the archive is whole"
            )

    def on_trial_start(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        self._pass_on("on_trial_start", iteration, trials, trial, **info)

    def on_trial_result(self, iteration: int, trials: list, trial: Any, result: dict, **info: Any) -> None:
        self._pass_on("on_trial_result", iteration, trials, trial, result, **info)

    def on_trial_complete(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        self._pass_on("on_trial_complete", iteration, trials, trial, **info)

    def on_trial_error(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        self._pass_on("on_trial_error", iteration, trials, trial, **info)

    def on_experiment_end(self, trials: list, **info: Any) -> None:
        self._pass_on("on_experiment_end", trials, **info)


def _first_line(error: Exception) -> str:
    line = (str(error).strip().splitlines() or [""])[0]
    return mask_text(f"{type(error).__name__}: {line}")  # addresses may hold a user's password
