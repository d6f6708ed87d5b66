"""Builds the swapped vector environment inside RLlib's env runners, and reaches it there."""

from dataclasses import replace
from typing import Any

import gymnasium as gym
from ray import tune
from ray.rllib.env.env_runner import EnvRunner

from rlhp_ray.config.schema import RunConfig
from rlhp_ray.envs.registry import describe_env
from rlhp_ray.policy.rl_modules import ActorCriticRLModule
from rlhp_ray.reward.ensemble import PublishedReward, RewardEnsemble
from rlhp_ray.reward.reward_swap import Harvest, RewardSwapVectorEnv
from rlhp_ray.reward.run_ensemble import ensemble_spec
from rlhp_ray.reward.run_env import make_run_env
from rlhp_ray.seeding import derive_seed

ENV_NAME = "rlhp_reward_swap"
# Of RLlib's env_config:
RUN_KEY = "rlhp_run"  # the whole run configuration, as plain data
TRIAL_NAME_KEY = "rlhp_trial"  # what the trial is called, set by itself


def run_config_of(env_config: dict[str, Any]) -> RunConfig:
    """The run configuration that travels in RLlib's env_config."""
    return RunConfig.model_validate(env_config[RUN_KEY])


def make_swapped_env(env_config: dict[str, Any]) -> gym.vector.VectorEnv:
    """RLlib's environment creator: `num_envs` environments with clips, scaling and the predicted reward."""
    config = run_config_of(env_config)
    description = describe_env(config.env.id, frame_skip=config.env.frame_skip)
    ensemble = RewardEnsemble(ensemble_spec(config, description))
    use_true_reward = config.reward_source == "true_reward"
    return make_run_env(
        config,
        description,
        ensemble,
        num_envs=env_config.get("num_envs", config.env.num_envs),
        use_true_reward=use_true_reward,
        records=not use_true_reward or ensemble.scaling.needs_data,
    )


def register_swapped_env() -> None:
    """Make the creator known to RLlib by `ENV_NAME`, in this process and on the cluster."""
    tune.register_env(ENV_NAME, make_swapped_env)


def swapped_env_of(runner: EnvRunner) -> RewardSwapVectorEnv | None:
    """The swapped environment inside an env runner; None where a runner holds no environment."""
    env = runner.env
    while env is not None and not isinstance(env, RewardSwapVectorEnv):
        env = getattr(env, "env", None)
    return env


def drain(runner: EnvRunner, env_steps: int) -> tuple[int, Harvest]:
    """What a runner recorded since the last call, with its index."""
    env, module = swapped_env_of(runner), getattr(runner, "module", None)
    harvest = Harvest([], [], 0) if env is None else env.drain(env_steps)
    if isinstance(module, ActorCriticRLModule):
        harvest = replace(harvest, policy_saw=module.observer.take())
    return runner.worker_index, harvest


def apply_reward(runner: EnvRunner, published: PublishedReward) -> None:
    """Apply a version in a runner's environment."""
    env = swapped_env_of(runner)
    if env is not None:
        env.apply_reward(published)
    if hasattr(runner, "take_up_reward"):  # ours, not RLlib's
        runner.take_up_reward()


def restart_episodes(runner: EnvRunner, seed: int) -> None:
    """Make the runner reset all its environments, from this seed, before it samples again."""
    env = swapped_env_of(runner)
    if env is not None:
        env.reset_with(derive_seed(seed, "runner", runner.worker_index))
        runner._needs_initial_reset = True  # RLlib has no public way to ask for a reset without sampling
