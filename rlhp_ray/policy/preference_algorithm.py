"""Makes RLlib algorithms preference-driven: a subclass of the algorithm whose reward is learnt from preferences."""

import functools
import math
import time
from pathlib import Path
from typing import Any

import ray
import torch
from ray.actor import ActorHandle
from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.algorithms.ppo import PPO
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.tune import PlacementGroupFactory
from ray.tune.result import SHOULD_CHECKPOINT, TRIAL_INFO

from rlhp_ray import metric_keys as keys
from rlhp_ray.actors.placement import create_preference_buffer, create_reward_learner, start_preference_buffer
from rlhp_ray.actors.process_usage import keep_freed_memory
from rlhp_ray.actors.trial_actors import TrialActors
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.envs.registry import describe_env
from rlhp_ray.errors import ActorLostError, ConfigError, RewardDataError, TrainingDivergedError
from rlhp_ray.policy.checkpoint_clock import CheckpointClock
from rlhp_ray.policy.evaluation import EVALUATION_SEED, evaluate_policy
from rlhp_ray.policy.exported_metrics import MetricsExporter
from rlhp_ray.policy.inference import SavedPolicy, TrainedPolicy, save_policy
from rlhp_ray.policy.preference_training import PreferenceTraining
from rlhp_ray.policy.process_seeding import seed_process
from rlhp_ray.policy.rl_modules import ActorCriticRLModule
from rlhp_ray.policy.sampling_ahead import SamplingAheadPPO
from rlhp_ray.policy.starting_point import StartingPoint, load_starting_point
from rlhp_ray.policy.state_dump import DUMP_DIRECTORY, dump_state, require_finite
from rlhp_ray.policy.swapped_env import TRIAL_NAME_KEY, register_swapped_env, run_config_of
from rlhp_ray.policy.training_state import restore_training, save_training
from rlhp_ray.reward.ensemble import PublishedReward
from rlhp_ray.reward.inference import save_reward
from rlhp_ray.reward.run_ensemble import ensemble_spec
from rlhp_ray.reward.run_env import env_choice
from rlhp_ray.seeding import derive_seed

# Of env_config, all of them optional:
BUFFER_NAME_KEY = "rlhp_buffer"  # name of the driver's PreferenceBuffer; absent: the trial makes one, but shared ones
STORE_DIRECTORY_KEY = "rlhp_store"  # of the run, for the preference database; absent: the trial's own directory
REWARD_GPUS_KEY = "rlhp_reward_gpus"  # share that the reward learner reserves; absent or 0: it fits on the CPU
TRIAL_CPUS_KEY = "rlhp_trial_cpus"  # that trial and reward learner share; absent: one for each
INFERENCE_DIRECTORY = "inference"
INTERIM_EVALUATION_EPISODES = 100  # the final evaluation plays evaluation.episodes


class PreferenceDriven(Algorithm):
    """Mixed in before an RLlib algorithm: everything that preferences add to it."""

    def __init__(self, config: Any = None, *args: Any, **kwargs: Any) -> None:
        """Takes what Tune and `build_algo` pass."""
        trial = config.get(TRIAL_INFO) if isinstance(config, dict) else None  # which RLlib would drop
        self._trial = (trial.trial_name, trial.trial_id) if trial else None
        super().__init__(config, *args, **kwargs)  # calls setup

    def setup(self, config: AlgorithmConfig) -> None:  # type: ignore[override]  # Algorithm narrows Trainable's
        """Seed, build RLlib's side, then the actors."""
        torch.set_num_threads(1)
        keep_freed_memory()
        self._run: RunConfig = run_config_of(config.env_config)
        assert isinstance(self.config, AlgorithmConfig)
        self.config.env_config[TRIAL_NAME_KEY] = self._actor_name  # env runners are made with it; `config` is a copy
        register_swapped_env()
        seed_process(derive_seed(self._run.seed, "setup"))
        super().setup(config)
        self._description = describe_env(self._run.env.id, frame_skip=self._run.env.frame_skip)
        self._spec = ensemble_spec(self._run, self._description)
        self._directory = Path(config.env_config.get(STORE_DIRECTORY_KEY, self.logdir))
        actors = self._make_actors(config.env_config) if self._run.reward_source == "preferences" else None
        assert self.env_runner_group is not None
        self.training = PreferenceTraining(
            self._run, self._spec, self.env_runner_group, config.total_train_batch_size, actors
        )
        self.training.take_up_stored_labels()
        self._start_from(load_starting_point(self._run, self._spec))
        name, trial_id = self._trial or (self._actor_name, "-")
        tags = {"run": name, "trial": trial_id, "env": self._run.env.id, "seed": str(self._run.seed)}
        self._exporter = MetricsExporter(tags)
        self._train_seconds = 0.0
        self.training.apply_current()
        self.training.restart(iteration=0)
        self._checkpoint_clock = CheckpointClock(self._run.training.checkpoint_interval_minutes)

    def _make_actors(self, env_config: dict[str, Any]) -> TrialActors:
        """Buffer and learner; a later buffer is the trial's own, whoever made the first one, unless it is shared."""
        run, spec, directory = self._run, self._spec, self._directory
        buffer_name, learner_name = f"PreferenceBuffer:{self._actor_name}", f"RewardLearner:{self._actor_name}"
        cpus, gpus = _cpus_of_each(env_config, run), env_config.get(REWARD_GPUS_KEY, 0.0)
        given, shares = env_config.get(BUFFER_NAME_KEY, ""), run.shares_preferences
        if shares and not given:
            raise ConfigError(
                f"scope: got sweep, but {BUFFER_NAME_KEY} in env_config names no PreferenceBuffer; expected the one "
                "that all trials share. Start it with rlhp_ray.policy.algorithm_config.share_preferences, or set "
                "scope=trial."
            )
        buffer = _named_buffer(given) if given else create_preference_buffer(run, spec, directory, buffer_name)
        return TrialActors(
            self._actor_name,
            buffer,
            create_reward_learner(run, spec, learner_name, cpus, gpus),
            lambda lost: (
                _named_buffer(given)
                if shares
                else start_preference_buffer(run, spec, directory, f"{buffer_name}:{lost + 1}")
            ),
            lambda lost: create_reward_learner(run, spec, f"{learner_name}:{lost + 1}", cpus, gpus),
        )

    def cleanup(self) -> None:
        """RLlib's own; the trial's actors end with it, or the next one in this process would lack their processors."""
        super().cleanup()
        training = getattr(self, "training", None)  # absent where setup failed
        if training is not None and training.actors is not None:
            training.actors.release()
            training.actors = None

    @property
    def _actor_name(self) -> str:
        """Tells this trial's actors from those of others on the cluster."""
        return ":".join(self._trial) if self._trial else Path(self.logdir).name

    def __repr__(self) -> str:
        """What Ray's dashboard calls the trial's process."""
        return f"Trial:{self._actor_name}"

    def _start_from(self, start: StartingPoint) -> None:
        self.training.published = start.published
        if self.training.actors is not None:
            ray.get(self.training.actors.learner.load_published.remote(start.published))
        if start.policy is not None:
            self._load_policy(start.policy)

    def _load_policy(self, policy: SavedPolicy) -> None:
        module = self.get_module()
        if not isinstance(module, ActorCriticRLModule):
            raise ConfigError(
                f"policy.load: got a policy of rlhp's own network, but a {type(module).__name__} is trained; expected "
                "none. Leave out policy.load, and load weights with load_state_path of RLlib's RLModuleSpec."
            )
        state = {f"network.{name}": value.numpy() for name, value in policy.network.state_dict().items()}
        assert self.learner_group is not None and self.env_runner_group is not None
        self.learner_group.set_weights({DEFAULT_MODULE_ID: state})
        self.env_runner_group.sync_weights(from_worker_or_learner_group=self.learner_group, inference_only=True)

    @property
    def interval_iterations(self) -> int:
        """Iterations from one checkpoint, and barrier, to the next."""
        assert self.config is not None
        return checkpoint_interval_iterations(self._run, self.config)

    def training_step(self) -> None:
        """One iteration: the initial collection at first, RLlib's own step afterwards."""
        if not self.training.started:
            self.training.collect_initial(self._fix_scaling)
            if self.training.started:
                self.training.restart(self.iteration + 1)
            return
        if self.training.is_held_for_people():
            return
        self.training.before_iteration()
        if isinstance(self, SamplingAheadPPO) and self._can_sample_ahead:
            self.training.after_iteration(self.train_sampling_ahead(self.training.env_steps))
        else:
            super().training_step()
            self.training.after_iteration()

    @property
    def _can_sample_ahead(self) -> bool:
        """Whether env runners work in processes of their own, and nothing is to be the same in a second run."""
        assert self.env_runner_group is not None
        return self._run.mode == "async" and self.env_runner_group.num_remote_env_runners() > 0

    def _fix_scaling(self, published: PublishedReward) -> None:
        if self.training.actors is not None:  # its loss is noticed in the round that follows
            self.training.actors.learner.set_scaling.remote(published.scaling)

    def step(self) -> dict[str, Any]:
        """One iteration with our metrics under `METRICS`; at intervals and at the end, evaluation and barrier.

        Raises:
            RewardDataError: the environment or the reward gave numbers that are not finite.
            TrainingDivergedError: the policy did. The state at either is dumped beside the run's files.
        """
        try:
            return self._step()
        except (RewardDataError, TrainingDivergedError) as error:
            dump_state(self._directory / DUMP_DIRECTORY, error, self._save_state)
            raise

    def _step(self) -> dict[str, Any]:
        started = time.perf_counter()
        iteration = self.iteration + 1
        result = super().step()
        require_finite(result, self.get_module())
        done = self.training.env_steps >= self._run.training.env_steps
        takes_checkpoint = iteration % self.interval_iterations == 0
        at_interval = takes_checkpoint and not self.training.metrics.get(keys.HELD_FOR_PEOPLE)
        if done:
            self.training.ask_the_rest()
        elif at_interval and self._run.mode == "sync":
            self.training.restart(iteration)
        seconds = time.perf_counter() - started
        self._train_seconds += seconds
        metrics = {**self.training.metrics, **self._iteration_metrics(result, iteration, seconds)}
        if done or at_interval:
            metrics |= self._evaluation_metrics(self._run.evaluation.episodes if done else None)
        self._exporter.export(metrics)
        snapshot = self.training.diagnostics.snapshot if done or at_interval else None
        beside: dict[str, Any] = {
            keys.RECOVERIES: self.training.take_recoveries(),
            keys.NOTICES: self.training.take_notices(),
            keys.DIAGNOSTICS: snapshot,
        }
        if keys.EVALUATION_RETURN in metrics:
            beside[keys.CHECKPOINT_SCORE] = metrics[keys.EVALUATION_RETURN]
        elif takes_checkpoint or self._checkpoint_clock.is_due:
            beside[SHOULD_CHECKPOINT] = True
            if self.policy_to_judge() is not None:  # Tune takes one without a score for the best, and would drop that
                beside[keys.CHECKPOINT_SCORE] = -math.inf
        return {**result, keys.METRICS: metrics, **beside, "done": done}

    def _iteration_metrics(self, result: dict[str, Any], iteration: int, seconds: float) -> dict[str, float]:
        learned = result.get("learners", {}).get("default_policy", {})
        timers = result.get("timers", {})
        found = {
            keys.POLICY_ENTROPY: learned.get("entropy"),
            keys.POLICY_KL: learned.get("mean_kl_loss"),
            keys.VALUE_EXPLAINED: learned.get("vf_explained_var"),
            keys.TIME_SAMPLING: timers.get("env_runner_sampling_timer"),
            keys.TIME_LEARNING: timers.get("learner_update_timer"),
        }
        return {
            **{key: float(value) for key, value in found.items() if value is not None},
            keys.ITERATION: iteration,
            keys.TIME_ITERATION: seconds,
            keys.TRAIN_SECONDS: self._train_seconds,
            keys.CLIPS_PER_SECOND: self.training.clips_recorded / seconds,
            keys.ENV_STEPS_PER_SECOND: self.training.env_steps / self._train_seconds,
        }

    def _evaluation_metrics(self, episodes: int | None) -> dict[str, float]:
        policy = self.policy_to_judge()
        if policy is None:
            return {}
        started = time.perf_counter()
        wanted = episodes or min(INTERIM_EVALUATION_EPISODES, self._run.evaluation.episodes)
        evaluation = evaluate_policy(policy, wanted, evaluation_limit(self._run, self._description.episode_steps))
        return {
            keys.EVALUATION_RETURN: evaluation.true_return_mean,
            keys.EVALUATION_RETURN_STD: evaluation.true_return_std,
            keys.EVALUATION_EPISODES: evaluation.episodes,
            keys.TIME_EVALUATION: time.perf_counter() - started,
        }

    def policy_to_judge(self) -> TrainedPolicy | None:
        """The current policy, acting as `evaluation.actions` says; None for an RLModule of the user's own."""
        module = self.get_module()
        if not isinstance(module, ActorCriticRLModule):
            return None
        return TrainedPolicy(
            module.network,
            self.training.published.scaling,
            self._description.action_space,
            env_choice(self._run),
            EVALUATION_SEED if self._run.evaluation.samples_actions else None,
        )

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """RLlib's checkpoint, the rest of the trial's state, and an export for inference (no pickle)."""
        self._save_state(checkpoint_dir)
        self._checkpoint_clock.note_stored()

    def _save_state(self, checkpoint_dir: str) -> None:
        super().save_checkpoint(checkpoint_dir)
        save_training(Path(checkpoint_dir), self.training, self.iteration, self._train_seconds)
        inference, module, env = Path(checkpoint_dir) / INFERENCE_DIRECTORY, self.get_module(), env_choice(self._run)
        published = self.training.published
        if self._run.reward_source == "preferences":
            save_reward(inference, self._spec, published, env.env_id)
        if isinstance(module, ActorCriticRLModule):
            assert isinstance(module.model_config, dict)
            sizes = tuple(module.model_config["hidden_sizes"])
            action_space = self._description.action_space
            samples = self._run.evaluation.samples_actions
            save_policy(inference, module.network, published.scaling, action_space, env, sizes, samples)

    def load_checkpoint(self, checkpoint_dir: str) -> None:  # type: ignore[override]  # Algorithm narrows Trainable's
        """The inverse of `save_checkpoint`: the trial then goes on as the undisturbed one does after a barrier."""
        super().load_checkpoint(checkpoint_dir)
        iteration, self._train_seconds = restore_training(
            Path(checkpoint_dir), self.training, take_all_labels=self._run.mode == "async"
        )
        self.training.restart(iteration)

    @classmethod
    def default_resource_request(cls, config: AlgorithmConfig | dict[str, Any]) -> PlacementGroupFactory:
        """RLlib's bundles, the first of them the trial's own, and one more for the reward learner."""
        request = super().default_resource_request(config)
        assert isinstance(request, PlacementGroupFactory)
        env_config = config["env_config"]
        run = run_config_of(env_config)
        main, *others = request.bundles
        cpus = _cpus_of_each(env_config, run)
        bundles = [{**main, "CPU": cpus} if TRIAL_CPUS_KEY in env_config else main, *others]
        if run.reward_source == "preferences":
            gpus = env_config.get(REWARD_GPUS_KEY, 0.0)
            bundles.append({"CPU": cpus, "GPU": gpus} if gpus else {"CPU": cpus})
        return PlacementGroupFactory(bundles, strategy=request.strategy)


def _cpus_of_each(env_config: dict[str, Any], run: RunConfig) -> float:
    """Processors for the trial's process, and as many for its reward learner where it has one."""
    processes = 2 if run.reward_source == "preferences" else 1
    return env_config.get(TRIAL_CPUS_KEY, processes) / processes


def evaluation_limit(run: RunConfig, own_limit: int | None) -> int | None:
    """Env steps after which an evaluation's episode is cut: an environment without an end has that of its training."""
    if run.evaluation.max_episode_steps is not None or own_limit is not None:
        return run.evaluation.max_episode_steps
    return run.env.horizon if isinstance(run.env.horizon, int) else None


def _named_buffer(name: str) -> ActorHandle:
    try:
        return ray.get_actor(name)
    except ValueError as error:
        raise ActorLostError(
            f"no actor {name!r} is up, which was to keep the answers of this trial; expected the one that the driver "
            "started. Look at the memory and the logs of its machine, then go on with rlhp resume."
        ) from error


def checkpoint_interval_iterations(run: RunConfig, config: AlgorithmConfig) -> int:
    """`training.checkpoint_interval_env_steps` in training iterations."""
    interval = run.training.checkpoint_interval_env_steps or run.training.env_steps // 10
    return max(1, round(interval / config.total_train_batch_size))


def reapply_reward(*, algorithm: PreferenceDriven, env_runner_indices: list[int], **_: Any) -> None:
    """RLlib callback: env runners that replace failed ones get the reward version in force."""
    algorithm.training.runners_replaced(len(env_runner_indices))


@functools.cache
def preference_driven_class(algorithm_class: type[Algorithm]) -> type[Algorithm]:
    """The preference-driven subclass of an RLlib algorithm, e.g. `PreferencePPO` of `PPO`."""
    if algorithm_class is PPO:
        return type("PreferencePPO", (PreferenceDriven, SamplingAheadPPO), {})
    return type(f"Preference{algorithm_class.__name__}", (PreferenceDriven, algorithm_class), {})
