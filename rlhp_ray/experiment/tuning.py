"""Launches one trial through `tune.run`: resources, checkpoints, callbacks (design 9: everything goes through Tune)."""

from collections.abc import Callable
from pathlib import Path

from ray import tune
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.tune import CheckpointConfig

from rlhp_ray import metric_keys as keys
from rlhp_ray.actors.placement import create_preference_buffer
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.envs.registry import EnvDescription
from rlhp_ray.errors import RlhpError
from rlhp_ray.experiment.interrupts import InterruptStopper, interrupt_once
from rlhp_ray.experiment.progress_line import ProgressLine
from rlhp_ray.experiment.run_archive import RunArchive
from rlhp_ray.experiment.run_recorder import RunRecorder
from rlhp_ray.experiment.summary import RunStatus
from rlhp_ray.experiment.tracking import TrackedRun, start_trackers
from rlhp_ray.experiment.tune_mends import mended_tune
from rlhp_ray.policy.algorithm_config import build_algorithm_config
from rlhp_ray.policy.preference_algorithm import (
    BUFFER_NAME_KEY,
    STORE_DIRECTORY_KEY,
    checkpoint_interval_iterations,
)
from rlhp_ray.reward.run_ensemble import ensemble_spec
from rlhp_ray.reward.space_json import space_to_dict


class TuneSession:
    """One call of `tune.run` for one trial; a resumed run has several, each in a directory of its own.

    Args:
        archive: of the run.
        config: of the run.
        description: of the environment.
        restore: checkpoint to go on from, or None.
        clock: seconds of this session on the wall.
        ended_by: kind of failure that ended the last session, where that could not write it down itself.
    """

    def __init__(
        self,
        archive: RunArchive,
        config: RunConfig,
        description: EnvDescription,
        restore: Path | None,
        clock: Callable[[], float],
        ended_by: str | None,
    ) -> None:
        self._archive, self._config, self._restore = archive, config, restore
        self._algorithm_config = build_algorithm_config(config)
        action_space = space_to_dict(description.action_space)
        self.recorder = RunRecorder(archive, config, action_space, restore, clock, ended_by)
        self._buffer = None
        self._algorithm_config.env_config[STORE_DIRECTORY_KEY] = str(archive.directory)
        if config.reward_source == "preferences":
            name = f"PreferenceBuffer:{archive.directory.name}"
            spec = ensemble_spec(config, description)
            self._buffer = create_preference_buffer(config, spec, archive.directory, name)
            self._algorithm_config.env_config[BUFFER_NAME_KEY] = name

    def run(self) -> RunStatus:
        """Train until the budget of env steps is spent, or an interrupt. Raises what made the trial fail."""
        stopper = InterruptStopper()
        labels = self._config.preferences.labels if self._buffer is not None else 0
        progress = ProgressLine(self._config.training.env_steps, labels, self.recorder.health)
        run_name = self._archive.directory.name  # Tune pickles the creators below: they must not hold this session
        storage, session = tune_directory(self._archive)
        trackers = start_trackers({run_name: TrackedRun(self._archive.directory.absolute(), self._config)})
        algorithm_class = self._algorithm_config.algo_class
        assert algorithm_class is not None
        with interrupt_once(stopper), mended_tune():
            analysis = tune.run(
                algorithm_class,
                config=self._algorithm_config.to_dict(),
                name=session,
                storage_path=storage,
                trial_name_creator=lambda trial: run_name,
                trial_dirname_creator=lambda trial: "trial",
                restore=str(self._restore) if self._restore else None,
                stop=stopper,
                checkpoint_config=run_checkpoints(self._config, self._algorithm_config),
                # In this order: the line shows the health that the recorder found.
                callbacks=[self.recorder, progress, *trackers],
                verbose=0,
                raise_on_failed_trial=False,
            )
        error = analysis.trials[0].get_pickled_error()
        if error is not None:
            raise error
        finished = self.recorder.has_finished
        if not finished and not stopper.requested:
            raise RlhpError("the trial ended before its env steps were spent, and nothing asked it to; see console.log")
        return RunStatus.DONE if finished else RunStatus.INTERRUPTED


def tune_directory(archive: RunArchive) -> tuple[str, str]:
    """Where Tune files what belongs to a run, and the name of the next session there."""
    storage = archive.directory / "tune"
    return str(storage), f"session-{len(list(storage.glob('session-*'))) + 1}"


def run_checkpoints(config: RunConfig, algorithm: AlgorithmConfig) -> CheckpointConfig:
    """When a run is checkpointed, and which of its checkpoints are kept."""
    return CheckpointConfig(
        num_to_keep=config.training.checkpoints_kept,
        checkpoint_score_attribute=keys.CHECKPOINT_SCORE,  # a nested key Tune takes for none
        checkpoint_score_order="max",
        checkpoint_frequency=checkpoint_interval_iterations(config, algorithm),
        checkpoint_at_end=True,
    )
