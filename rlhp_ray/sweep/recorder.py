"""Hands what Tune reports of a trial to the recorder of its run, and closes the run where the trial ends."""

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial

from rlhp_ray.experiment.closing import draw_and_film
from rlhp_ray.experiment.failure_record import failure_kind
from rlhp_ray.experiment.interrupts import InterruptStopper
from rlhp_ray.experiment.run_recorder import RunRecorder
from rlhp_ray.experiment.summary import RunStatus
from rlhp_ray.experiment.trial import ERROR_FILE


class TrialClock:
    """Seconds on the wall since a trial's processes were first ready in this session; 0 while it waits for its turn."""

    def __init__(self) -> None:
        self._started: float | None = None

    def start(self) -> None:
        """Start, unless it runs already."""
        if self._started is None:
            self._started = time.monotonic()

    def __call__(self) -> float:
        return 0.0 if self._started is None else time.monotonic() - self._started


class SweepRecorder(Callback):
    """Tune callback for all trials together.

    Args:
        recorders: of the runs, by the names of their trials.
        clocks: of their recorders, by the same names.
        stopper: tells whether a trial ended because somebody asked it to.
    """

    def __init__(
        self, recorders: Mapping[str, RunRecorder], clocks: Mapping[str, TrialClock], stopper: InterruptStopper
    ) -> None:
        self._recorders, self._clocks, self._stopper = recorders, clocks, stopper
        self._awaited: set[str] | None = None  # that were at work when somebody asked for a stop

    def on_step_end(self, iteration: int, trials: list, **info: Any) -> None:
        """Has Tune start no more trials once those that were to stop with a checkpoint have done so."""
        if not self._stopper.requested:
            return
        at_work = {str(trial) for trial in trials if trial.status == Trial.RUNNING}
        if self._awaited is None:
            self._awaited = at_work
        self._stopper.awaits_none = not self._awaited & at_work

    def on_trial_start(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        self._clocks[str(trial)].start()

    def on_trial_result(self, iteration: int, trials: list, trial: Any, result: dict, **info: Any) -> None:
        self._of(trial).on_trial_result(iteration, trials, trial, result, **info)

    def on_checkpoint(self, iteration: int, trials: list, trial: Any, checkpoint: Any, **info: Any) -> None:
        self._of(trial).on_checkpoint(iteration, trials, trial, checkpoint, **info)

    def on_trial_complete(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        recorder = self._of(trial)
        if recorder.has_finished:
            status = RunStatus.DONE
        else:
            status = RunStatus.INTERRUPTED if self._stopper.requested else RunStatus.STOPPED
        recorder.close(status)
        if status is RunStatus.DONE:
            draw_and_film(recorder.archive, recorder.config)

    def on_trial_recover(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        self._of(trial).failures.add(_kind(trial), recovered=True)

    def on_trial_error(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        recorder, told = self._of(trial), Path(trial.error_file)  # here and now; it is copied into storage later
        if told.exists():
            shutil.copyfile(told, recorder.archive.directory / ERROR_FILE)
        recorder.failures.add(_kind(trial), recovered=False)
        recorder.close(RunStatus.FAILED)

    def _of(self, trial: Any) -> RunRecorder:
        return self._recorders[str(trial)]


def _kind(trial: Any) -> str:
    """Of the error that Tune holds of a trial."""
    error = trial.get_pickled_error() or trial.get_error()  # the first keeps its type, where it can be pickled
    return failure_kind(error)
