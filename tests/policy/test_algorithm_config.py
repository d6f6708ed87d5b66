"""A user's own RLlib configuration, made preference-driven and trained by RLlib itself."""

import os
import signal
import sqlite3
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import ray
from ray import tune
from ray.rllib.algorithms.dqn import DQNConfig
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.columns import Columns

from rlhp_ray import metric_keys as keys
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.errors import ConfigError
from rlhp_ray.policy.algorithm_config import build_algorithm_config, preference_driven, share_preferences
from rlhp_ray.policy.sampling_ahead import TAG
from rlhp_ray.policy.swapped_env import swapped_env_of
from rlhp_ray.reward.inference import load_reward

SETTINGS = {
    "seed": 3,
    "mode": "sync",
    "training": {"env_steps": 2400},
    "preferences": {"labels": 12},
    "evaluation": {"episodes": 4},
}


@pytest.fixture(scope="module")
def ray_here():
    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, object_store_memory=200_000_000)
    yield
    ray.shutdown()


def own_config() -> PPOConfig:
    return (
        PPOConfig()
        .environment("Pendulum-v1")
        .env_runners(num_envs_per_env_runner=4, num_env_runners=0)
        .training(train_batch_size_per_learner=800, minibatch_size=200, num_epochs=2)
    )


def test_a_users_own_config_trains_from_preferences_in_tune_several_trials_at_a_time(ray_here, tmp_path: Path) -> None:
    driven = preference_driven(own_config(), **SETTINGS)
    analysis = tune.run(
        driven.algo_class,
        config=driven.to_dict(),
        num_samples=2,
        storage_path=str(tmp_path),
        checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=True),
        verbose=0,
    )
    found = [trial.last_result[keys.METRICS] for trial in analysis.trials]
    assert [(metrics[keys.ENV_STEPS], metrics[keys.QUERIES]) for metrics in found] == [(2400, 12), (2400, 12)]
    reward = load_reward(Path(analysis.trials[0].checkpoint.path))
    observations, actions = np.zeros((5, 3), np.float32), np.linspace(-2, 2, 5, dtype=np.float32)[:, None]
    assert reward(observations, actions).shape == (5,)
    assert np.isfinite(reward(observations, actions)).all()


def test_the_policy_is_trained_on_predicted_rewards_only(ray_here) -> None:
    run = RunConfig.model_validate(
        {**SETTINGS, "env": {"id": "rlhp/MovingDot-v0", "num_envs": 4}, "training": {"env_steps": 8000}}
    )
    algorithm = build_algorithm_config(run).build_algo()
    algorithm.train()
    env = swapped_env_of(algorithm.env_runner)
    episodes = algorithm.env_runner.sample(num_timesteps=200)
    for episode in episodes:
        rewards = episode.get_rewards()
        observations, actions = episode.get_observations()[:-1], episode.get_actions()
        raw = (observations + 1) / 2  # MovingDot's coordinates are scaled from [0, 1] to [-1, 1]
        expected = env._ensemble.rewards(raw.astype(np.float32), actions)
        np.testing.assert_allclose(rewards, expected, atol=1e-4)
        assert not np.allclose(rewards, np.round(rewards)), "true ones are whole numbers"
        assert not any(episode.get_infos()), "nor does the true reward travel beside"
        assert Columns.INFOS not in episode.extra_model_outputs
    algorithm.stop()


def wait_for_end(process: int) -> None:
    for _ in range(600):
        if not psutil.pid_exists(process) or psutil.Process(process).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.1)
    pytest.fail(f"process {process} did not end")


def test_actors_end_when_their_algorithm_is_stopped_and_not_when_it_is_collected(ray_here) -> None:
    """Else three trials in one process would leave no processor to a fourth."""
    algorithm = build_algorithm_config(
        RunConfig.model_validate({**SETTINGS, "env": {"id": "rlhp/MovingDot-v0", "num_envs": 4}})
    ).build_algo()
    actors = algorithm.training.actors
    found = [ray.get(actor.__ray_call__.remote(lambda _: os.getpid())) for actor in (actors.buffer, actors.learner)]
    algorithm.stop()
    algorithm.stop()
    for process in found:
        wait_for_end(process)


def processes(algorithm) -> list[int]:
    return algorithm.env_runner_group.foreach_env_runner(lambda runner: os.getpid(), local_env_runner=False)


def wait_until_started_again(actor) -> None:
    """By Ray, and behind RLlib's back."""
    for _ in range(600):
        try:
            ray.get(actor.ping.remote())
        except ray.exceptions.ActorUnavailableError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("the env runner was not started again")


@pytest.mark.parametrize("is_asked_meanwhile", [True, False])
def test_an_env_runner_in_place_of_a_killed_one_has_the_current_reward(ray_here, is_asked_meanwhile: bool) -> None:
    """Also where Ray had started it again before anybody asked for it, and the loss was not noticed."""
    env = {"id": "rlhp/MovingDot-v0", "num_envs": 4, "num_env_runners": 1}
    rllib = {"train_batch_size_per_learner": 800, "minibatch_size": 200}
    run = RunConfig.model_validate({**SETTINGS, "env": env, "training": {"env_steps": 80_000, "rllib": rllib}})
    algorithm = build_algorithm_config(run).build_algo()
    for _ in range(2):
        algorithm.train()
    (process,) = processes(algorithm)
    os.kill(process, signal.SIGKILL)
    if not is_asked_meanwhile:
        wait_until_started_again(algorithm.env_runner_group._worker_manager._actors[1])
    steps, recoveries = algorithm.training.env_steps, []
    while algorithm.training.env_steps < steps + 1600:
        recoveries += algorithm.train()[keys.RECOVERIES]
    versions = algorithm.env_runner_group.foreach_env_runner(
        lambda runner: swapped_env_of(runner).reward_version, local_env_runner=False
    )
    assert set(versions) == {algorithm.training.published.version} and versions[0] >= 2
    assert [kind for kind, _ in recoveries] == ["env_runner"]
    algorithm.stop()


def test_an_env_runner_that_samples_ahead_goes_on_while_the_trial_works(ray_here, monkeypatch) -> None:
    """What it recorded and the next reward reach it by its samples' turns: to ask for them would wait for a sample."""
    env = {"id": "rlhp/MovingDot-v0", "num_envs": 4, "num_env_runners": 1}
    rllib = {"train_batch_size_per_learner": 800, "minibatch_size": 200}
    run = RunConfig.model_validate(
        {**SETTINGS, "mode": "async", "env": env, "training": {"env_steps": 80_000, "rllib": rllib}}
    )
    algorithm = build_algorithm_config(run).build_algo()
    algorithm.train()
    begun, group, calls = algorithm.training.env_steps, algorithm.env_runner_group, []
    call = group.foreach_env_runner
    monkeypatch.setattr(
        group, "foreach_env_runner", lambda *args, **kwargs: calls.append(kwargs) or call(*args, **kwargs)
    )
    returns, iterations = [], 0
    while algorithm.training.published.version < 3:
        metrics = algorithm.train()[keys.METRICS]
        iterations += 1
        assert group.num_in_flight_async_reqs(tag=TAG) == 1, "the next batch is under way"
        returns += [metrics[key] for key in (keys.TRUE_RETURN, keys.PREDICTED_RETURN) if key in metrics]
    assert [kwargs["timeout_seconds"] for kwargs in calls] == [0] * (3 - 1), "one call a version, not waited for"
    assert algorithm.training.env_steps == begun + 800 * iterations
    assert len(returns) > 0 and np.isfinite(returns).all() and algorithm.training.loop.clips_sent > 0
    algorithm.train()
    algorithm.train()  # the env runner takes its calls in turn, so that this one's sample came after the version
    ((version, weights),) = call(
        lambda runner: (swapped_env_of(runner).reward_version, runner.module.get_state()), local_env_runner=False
    )
    assert version == algorithm.training.published.version
    learnt = algorithm.learner_group.get_weights()[DEFAULT_MODULE_ID]
    assert weights.keys() <= learnt.keys()
    for name, values in weights.items():
        np.testing.assert_array_equal(values, learnt[name], err_msg=name)
    algorithm.stop()


def test_the_given_config_is_not_changed() -> None:
    config = own_config()
    preference_driven(config, **SETTINGS)
    assert config.env == "Pendulum-v1"
    assert config.algo_class.__name__ == "PPO"


def test_off_policy_algorithms_are_refused() -> None:
    with pytest.raises(ConfigError, match="off-policy"):
        preference_driven(DQNConfig().environment("CartPole-v1"), **SETTINGS)


def test_an_environment_object_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"gymnasium\.register"):
        preference_driven(PPOConfig(), **SETTINGS)


def test_an_unknown_rllib_setting_names_the_nearest() -> None:
    run = RunConfig.model_validate({"env": {"id": "Pendulum-v1"}, "training": {"rllib": {"entropy_coef": 0.1}}})
    with pytest.raises(ConfigError, match="did you mean entropy_coeff"):
        build_algorithm_config(run)


def test_a_users_own_trials_share_one_set_of_answers(ray_here, tmp_path: Path) -> None:
    shared = SETTINGS | {"mode": "async", "scope": "sweep"}
    driven = [preference_driven(own_config(), **shared | {"seed": seed}) for seed in (0, 1)]
    buffer = share_preferences(driven, tmp_path / "answers")
    experiments = [
        tune.Experiment(f"seed{seed}", config.algo_class, config=config.to_dict(), storage_path=str(tmp_path))
        for seed, config in enumerate(driven)
    ]
    analysis = tune.run(experiments, verbose=0)
    ray.get(buffer.__ray_ready__.remote())
    ray.kill(buffer)
    for trial in analysis.trials:
        metrics = trial.last_result[keys.METRICS]
        assert (metrics[keys.QUERIES], metrics[keys.LABELS]) == (12, 12)
    with sqlite3.connect(tmp_path / "answers" / "preferences.sqlite") as connection:
        assert [row[0] for row in connection.execute("SELECT query_index FROM preferences")] == list(range(12))


def test_sharing_without_the_scope_for_it_is_refused(tmp_path: Path) -> None:
    driven = [preference_driven(own_config(), **SETTINGS)]
    with pytest.raises(ConfigError, match='expected scope="sweep" of every trial'):
        share_preferences(driven, tmp_path)


def test_a_trial_that_is_to_share_and_does_not_know_with_whom_is_refused(ray_here) -> None:
    driven = preference_driven(own_config(), **SETTINGS | {"mode": "async", "scope": "sweep"})
    with pytest.raises(ConfigError, match="names no PreferenceBuffer"):
        driven.build_algo()
