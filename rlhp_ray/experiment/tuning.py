"""Launches one trial through `tune.run`: resources, checkpoints, callbacks (design 9: everything goes through Tune)."""

from collections.abc import Callable
from pathlib import Path

from ray import tune
from ray.tune import CheckpointConfig

from rlhp_ray import metric_keys as keys
from rlhp_ray.actors.placement import create_preference_buffer
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.envs.registry import EnvDescription
from rlhp_ray.errors import RlhpError
from rlhp_ray.experiment.checkpoint_links import CheckpointLinks
from rlhp_ray.experiment.diagnostics_file import DiagnosticsFile
from rlhp_ray.experiment.interrupts import InterruptStopper, interrupt_once
from rlhp_ray.experiment.metrics_writer import MetricsWriter, read_rows
from rlhp_ray.experiment.progress_line import ProgressLine
from rlhp_ray.experiment.run_archive import RunArchive
from rlhp_ray.experiment.summary import RunStatus
from rlhp_ray.policy.algorithm_config import build_algorithm_config
from rlhp_ray.policy.preference_algorithm import BUFFER_NAME_KEY, checkpoint_interval_iterations
from rlhp_ray.policy.training_state import checkpoint_iteration
from rlhp_ray.reward.run_ensemble import ensemble_spec

CHECKPOINTS_KEPT = 2  # the best and, always, the last


class TuneSession:
    """One call of `tune.run` for one trial; a resumed run has several, each in a directory of its own.

    Args:
        archive: of the run.
        config: of the run.
        description: of the environment.
        restore: checkpoint to go on from, or None.
        clock: wall and CPU seconds of this session.
    """

    def __init__(
        self,
        archive: RunArchive,
        config: RunConfig,
        description: EnvDescription,
        restore: Path | None,
        clock: Callable[[], tuple[float, float]],
    ) -> None:
        self._archive, self._config, self._restore = archive, config, restore
        self._algorithm_config = build_algorithm_config(config)
        rows = read_rows(archive.metrics_file, checkpoint_iteration(restore) if restore else 0)
        members = config.reward.members
        self.writer = MetricsWriter(archive.metrics_file, archive.tensorboard_dir, rows, clock, members)
        evaluated = [float(row[keys.EVALUATION_RETURN]) for row in rows if row[keys.EVALUATION_RETURN]]
        self._links = CheckpointLinks(archive, best=max(evaluated, default=-float("inf")))
        self._buffer = None
        if config.reward_source == "preferences":
            name = f"PreferenceBuffer:{archive.directory.name}"
            spec = ensemble_spec(config, description)
            self._buffer = create_preference_buffer(config, spec, archive.directory, name)
            self._algorithm_config.env_config[BUFFER_NAME_KEY] = name

    def run(self) -> RunStatus:
        """Train until the budget of env steps is spent, or an interrupt. Raises what made the trial fail."""
        stopper = InterruptStopper()
        labels = self._config.preferences.labels if self._buffer is not None else 0
        progress = ProgressLine(self._config.training.env_steps, labels)
        run_name = self._archive.directory.name  # Tune pickles the creators below: they must not hold this session
        number = len(list(self._archive.directory.glob("tune/session-*"))) + 1
        algorithm_class = self._algorithm_config.algo_class
        assert algorithm_class is not None
        with interrupt_once(stopper):
            analysis = tune.run(
                algorithm_class,
                config=self._algorithm_config.to_dict(),
                name=f"session-{number}",
                storage_path=str(self._archive.directory / "tune"),
                trial_name_creator=lambda trial: run_name,
                trial_dirname_creator=lambda trial: "trial",
                restore=str(self._restore) if self._restore else None,
                stop=stopper,
                checkpoint_config=self._checkpoints(),
                callbacks=[self.writer, DiagnosticsFile(self._archive.diagnostics_file), progress, self._links],
                verbose=0,
                raise_on_failed_trial=False,
            )
        self.writer.close()
        trial = analysis.trials[0]
        error = trial.get_pickled_error() or trial.get_error()  # the first keeps its type, where it can be pickled
        if error is not None:
            raise error
        finished = self.writer.latest.get(keys.ENV_STEPS, 0) >= self._config.training.env_steps
        if not finished and not stopper.requested:
            raise RlhpError("the trial ended before its env steps were spent, and nothing asked it to; see console.log")
        return RunStatus.DONE if finished else RunStatus.INTERRUPTED

    def _checkpoints(self) -> CheckpointConfig:
        return CheckpointConfig(
            num_to_keep=CHECKPOINTS_KEPT,
            checkpoint_score_attribute=f"{keys.METRICS}/{keys.EVALUATION_RETURN}",
            checkpoint_score_order="max",
            checkpoint_frequency=checkpoint_interval_iterations(self._config, self._algorithm_config),
            checkpoint_at_end=True,
        )
