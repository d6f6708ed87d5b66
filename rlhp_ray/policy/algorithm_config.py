"""From a run configuration to RLlib's, and from a user's own RLlib configuration to a preference-driven one."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gymnasium.envs.registration import VectorizeMode
from pydantic import ValidationError
from ray.actor import ActorHandle
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.util.debug import log_once

from rlhp_ray.actors.placement import create_preference_buffer
from rlhp_ray.config.error_text import join_lines, validation_lines
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.config.validation import validate_run
from rlhp_ray.envs.registry import describe_env
from rlhp_ray.errors import ConfigError
from rlhp_ray.policy.gpu_choice import policy_gpus, reward_gpus
from rlhp_ray.policy.lean_learner import LeanPPOLearner
from rlhp_ray.policy.ppo_defaults import PPO_DEFAULTS
from rlhp_ray.policy.precision import policy_precision
from rlhp_ray.policy.preference_algorithm import (
    BUFFER_NAME_KEY,
    REWARD_GPUS_KEY,
    preference_driven_class,
    reapply_reward,
)
from rlhp_ray.policy.rl_modules import ActorCriticRLModule
from rlhp_ray.policy.rollout_runner import RolloutRunner
from rlhp_ray.policy.swapped_env import ENV_NAME, RUN_KEY, register_swapped_env, run_config_of
from rlhp_ray.preferences.schedule_choice import check_schedule
from rlhp_ray.preferences.teacher_choice import check_teacher
from rlhp_ray.reward.run_ensemble import ensemble_spec
from rlhp_ray.seeding import derive_seed

OFF_POLICY = ("SAC", "DQN", "CQL")  # replayed rewards would be stale until they are relabelled


def build_algorithm_config(run: RunConfig) -> AlgorithmConfig:
    """RLlib's configuration of a run: PPO on the new API stack with our RLModule, preference-driven.

    Raises:
        ConfigError: `training.rllib` names a setting that RLlib does not have, or RLlib refuses it.
    """
    config = PPOConfig()
    log_once("PPO_on_new_api_stack")  # counts as said: nobody is to be warned of that choice
    known = [name.removeprefix("_") for name in vars(config)]
    for key, value in (PPO_DEFAULTS | run.training.rllib).items():
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise ConfigError(f"training.rllib.{key}: RLlib's {type(config).__name__} has no such setting{hint}")
        setattr(config, key, value)
    config.rl_module(
        rl_module_spec=RLModuleSpec(
            module_class=ActorCriticRLModule,
            model_config={"hidden_sizes": list(run.training.hidden_sizes), "precision": policy_precision(run)},
        )
    )
    # whose connectors have no state: to fetch it, RLlib would wait after every iteration for the batch under way
    config.env_runners(env_runner_cls=RolloutRunner, merge_env_runner_states=False, broadcast_env_runner_states=False)
    config.learners(learner_class=LeanPPOLearner)
    if "num_gpus_per_learner" not in run.training.rllib:
        config.learners(num_gpus_per_learner=policy_gpus(run))
    return _driven(config, run)


def preference_driven(config: AlgorithmConfig, **settings: Any) -> AlgorithmConfig:
    """Turn an RLlib configuration with an environment into one that learns from preferences.

    `tune.run(driven.algo_class, config=driven)`, or `driven.build_algo()`, then trains it; RLlib's own settings
    (learning rates, RLModule, env runners) stay as they were.

    Args:
        config: with `.environment(id)`, an id that Gymnasium knows; on-policy.
        **settings: top-level keys of the run configuration, e.g. `seed=1`, `mode="sync"`,
            `training={"env_steps": 50_000}`, `preferences={"labels": 200}`, `teacher={"preset": "oracle"}`.

    Returns:
        A new configuration; the given one is not changed.

    Raises:
        ConfigError: no environment id, an off-policy algorithm, or settings that do not fit.
    """
    name = config.algo_class.__name__ if config.algo_class else None
    if name is None or name.startswith(OFF_POLICY):
        raise ConfigError(
            f"algorithm {name}: off-policy algorithms replay rewards that have since been relearnt; expected an "
            "on-policy one such as PPO or APPO."
        )
    if not isinstance(config.env, str):
        raise ConfigError(
            f"environment {config.env!r}; expected an id registered with gymnasium.register, as in "
            'PPOConfig().environment("Pendulum-v1")'
        )
    env = {"id": config.env, "num_envs": config.num_envs_per_env_runner, "num_env_runners": config.num_env_runners}
    try:
        run = RunConfig.model_validate({**settings, "env": env | dict(settings.get("env", {}))})
    except ValidationError as error:
        raise ConfigError(join_lines("settings", validation_lines(error))) from error
    validate_run(run)
    check_schedule(run)
    if run.reward_source == "preferences":
        check_teacher(run)
    return _driven(config.copy(copy_frozen=False), run)


def share_preferences(driven: Sequence[AlgorithmConfig], directory: Path) -> ActorHandle:
    """Start the buffer that trials with `scope="sweep"` share, and name it in their configurations.

    Args:
        driven: what `preference_driven` gave for each trial. What is asked, and of whom, is as in the first of them.
        directory: for the database; made where it is missing.

    Returns:
        The buffer, which lives as long as this process keeps the handle.

    Raises:
        ConfigError: a configuration has another scope.
        RayActorError: from a PreferenceStoreError or TeacherError that tells what is wrong.
    """
    runs = [run_config_of(config.env_config) for config in driven]
    if not all(run.shares_preferences for run in runs):
        raise ConfigError(
            'scope: got trial, with which nothing is shared; expected scope="sweep" of every trial; set it'
        )
    directory.mkdir(parents=True, exist_ok=True)
    spec = ensemble_spec(runs[0], describe_env(runs[0].env.id, frame_skip=runs[0].env.frame_skip))
    name = f"PreferenceBuffer:{directory.absolute()}"
    buffer = create_preference_buffer(runs[0], spec, directory.absolute(), name)
    for config in driven:
        config.env_config[BUFFER_NAME_KEY] = name
    return buffer


def _driven(config: AlgorithmConfig, run: RunConfig) -> AlgorithmConfig:
    register_swapped_env()
    config.environment(ENV_NAME, env_config={RUN_KEY: run.model_dump(mode="json"), REWARD_GPUS_KEY: reward_gpus(run)})
    config.env_runners(
        num_env_runners=run.env.num_env_runners,
        num_envs_per_env_runner=run.env.num_envs,
        gym_env_vectorize_mode=VectorizeMode.VECTOR_ENTRY_POINT,
    )
    config.callbacks(on_env_runners_recreated=reapply_reward)
    config.debugging(seed=derive_seed(run.seed, "rllib"), log_level="ERROR")
    config.algo_class = preference_driven_class(config.algo_class)
    return config
