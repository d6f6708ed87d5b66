"""Runs the trials of a sweep through one `tune.run`: each is a whole run in a directory of its own."""

import functools
import os
import warnings
from collections.abc import Mapping
from pathlib import Path

from ray import tune
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.tune import CheckpointConfig, Experiment
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, TrialScheduler

from rlhp_ray import metric_keys as keys
from rlhp_ray.config.loading import override_config
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.envs.registry import describe_env
from rlhp_ray.experiment.checkpoint_links import last_checkpoint
from rlhp_ray.experiment.interrupts import InterruptStopper, interrupt_once
from rlhp_ray.experiment.run_archive import RunArchive
from rlhp_ray.experiment.run_recorder import RunRecorder
from rlhp_ray.experiment.tracking import TrackedRun, start_trackers
from rlhp_ray.experiment.tune_mends import mended_tune
from rlhp_ray.experiment.tuning import run_checkpoints, tune_directory
from rlhp_ray.policy.algorithm_config import build_algorithm_config
from rlhp_ray.policy.preference_algorithm import BUFFER_NAME_KEY, STORE_DIRECTORY_KEY, TRIAL_CPUS_KEY
from rlhp_ray.reward.space_json import space_to_dict
from rlhp_ray.sweep.plan import override_text
from rlhp_ray.sweep.population import Perturbation, PopulationScheduler
from rlhp_ray.sweep.progress import SweepProgress
from rlhp_ray.sweep.recorder import SweepRecorder, TrialClock
from rlhp_ray.sweep.sweep_file import SweepSettings

MAX_RETRIES = 2  # of a trial that fails, each from its last checkpoint
POPULATION_CHECKPOINTS_KEPT = 6  # another trial may be about to go on from one that is no longer the last
ASHA_REDUCTION = 3  # Li et al. 2020 use 4, Ray 4; three leaves more seeds alive in a small sweep
ASHA_GRACE_SHARE = 0.2  # of the env steps, before which none is stopped


class SweepSession:
    """One call of `tune.run`; a resumed sweep has several.

    Args:
        runs: archive and configuration of every trial that is to run now, by its name.
        settings: of the sweep.
        ended_before: trials of the sweep that are over.
        trials_in_all: of the sweep.
        buffer: name of the PreferenceBuffer that all of them share; None where each has its own.
    """

    def __init__(
        self,
        runs: Mapping[str, tuple[RunArchive, RunConfig]],
        settings: SweepSettings,
        ended_before: int,
        trials_in_all: int,
        buffer: str | None = None,
    ) -> None:
        self._settings, self._buffer = settings, buffer
        self._stopper = InterruptStopper()
        self._longest = max(config.training.env_steps for _, config in runs.values())
        self._directories = {name: archive.directory for name, (archive, _) in runs.items()}
        recorders = {}
        clocks = {name: TrialClock() for name in runs}
        self._experiments = []
        for name, (archive, config) in runs.items():
            restore = last_checkpoint(archive)
            action_space = _action_space(config.env.id, config.env.frame_skip)
            recorders[name] = RunRecorder(archive, config, action_space, restore, clocks[name])
            self._experiments.append(self._experiment(name, archive, config, restore))
        self._trackers = start_trackers(
            {name: TrackedRun(archive.directory.absolute(), config) for name, (archive, config) in runs.items()}
        )
        self._recorder = SweepRecorder(recorders, clocks, self._stopper)
        self._progress = SweepProgress(
            {name: config.training.env_steps for name, (_, config) in runs.items()},
            ended_before,
            trials_in_all,
            {name: recorder.health for name, recorder in recorders.items()},
        )

    def run(self) -> bool:
        """Train all of them; whether it was interrupted. Failed trials are recorded, and never stop the others."""
        os.environ["TUNE_DISABLE_STRICT_METRIC_CHECKING"] = "1"  # an iteration in which no episode ends has no return
        with interrupt_once(self._stopper), mended_tune(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Consider boosting PBT performance")  # trials are built for one config
            tune.run(
                self._experiments,  # type: ignore[arg-type]  # Tune takes a list, and says so in its documentation
                scheduler=self._scheduler(),
                callbacks=[self._recorder, self._progress, *self._trackers],
                verbose=0,
                raise_on_failed_trial=False,
            )
        return self._stopper.requested

    def _experiment(self, name: str, archive: RunArchive, config: RunConfig, restore: Path | None) -> Experiment:
        """A trial as an experiment of its own: checkpoints, and what Tune files, then lie in the run's directory."""
        algorithm = trial_algorithm(_perturbed(config, archive.directory), self._settings)
        algorithm.env_config[STORE_DIRECTORY_KEY] = str(archive.directory)
        if self._buffer is not None:
            algorithm.env_config[BUFFER_NAME_KEY] = self._buffer
        storage, session = tune_directory(archive)
        assert algorithm.algo_class is not None
        return Experiment(
            session,
            algorithm.algo_class,
            config=algorithm.to_dict(),
            storage_path=storage,
            trial_name_creator=lambda trial: name,
            trial_dirname_creator=lambda trial: "trial",
            restore=str(restore) if restore else None,
            stop=self._stopper,
            checkpoint_config=self._checkpoints(config, algorithm),
            max_failures=MAX_RETRIES,
        )

    def _checkpoints(self, config: RunConfig, algorithm: AlgorithmConfig) -> CheckpointConfig:
        kept = run_checkpoints(config, algorithm)
        if self._settings.scheduler == "pbt":
            kept.num_to_keep = max(POPULATION_CHECKPOINTS_KEPT, config.training.checkpoints_kept)
            kept.checkpoint_score_attribute = None  # the scheduler asks for some where nothing is evaluated
        return kept

    def _scheduler(self) -> TrialScheduler:
        if self._settings.scheduler == "none":
            return FIFOScheduler()
        if self._settings.scheduler == "pbt":
            return PopulationScheduler(self._settings.perturbed, self._longest, self._note_perturbation)
        return ASHAScheduler(
            time_attr=f"{keys.METRICS}/{keys.ENV_STEPS}",
            metric=f"{keys.METRICS}/{keys.TRUE_RETURN}",
            mode="max",
            max_t=self._longest,
            grace_period=max(1, round(ASHA_GRACE_SHARE * self._longest)),
            reduction_factor=ASHA_REDUCTION,
        )

    def _note_perturbation(self, name: str, perturbation: Perturbation) -> None:
        perturbation.append_to(self._directories[name])


def trial_algorithm(config: RunConfig, settings: SweepSettings) -> AlgorithmConfig:
    """RLlib's configuration of a trial, which tells what it reserves, too."""
    algorithm = build_algorithm_config(config)
    algorithm.env_config[TRIAL_CPUS_KEY] = settings.trial_cpus
    return algorithm


def _perturbed(config: RunConfig, run: Path) -> RunConfig:
    """The configuration that a trial of a population had come to."""
    perturbation = Perturbation.last_of(run)
    if perturbation is None:
        return config
    return override_config(config, [override_text(key, value) for key, value in perturbation.values.items()])


@functools.cache
def _action_space(env_id: str, frame_skip: int | None) -> dict[str, object]:
    return space_to_dict(describe_env(env_id, frame_skip=frame_skip).action_space)
