"""The rollout runner beside RLlib's own: the same episodes, of the same seeds."""

import numpy as np
import pytest
import torch
from ray.rllib.core.columns import Columns
from ray.rllib.env.single_agent_env_runner import SingleAgentEnvRunner

from rlhp_ray.config.schema import RunConfig
from rlhp_ray.envs.registry import describe_env
from rlhp_ray.policy.algorithm_config import build_algorithm_config
from rlhp_ray.policy.process_seeding import seed_process
from rlhp_ray.policy.rollout_runner import RolloutRunner
from rlhp_ray.policy.swapped_env import drain, swapped_env_of
from rlhp_ray.reward.ensemble import RewardEnsemble
from rlhp_ray.reward.run_ensemble import ensemble_spec

NUM_ENVS = 3


def make_runner(kind: type[SingleAgentEnvRunner], env: dict, **settings) -> SingleAgentEnvRunner:
    """With a reward that is not constant, in a process that is seeded."""
    run = RunConfig.model_validate({"env": {"num_envs": NUM_ENVS, **env}, **settings})
    seed_process(3)
    runner = kind(config=build_algorithm_config(run), worker_index=0)
    ensemble = RewardEnsemble(ensemble_spec(run, describe_env(run.env.id)))
    space = describe_env(run.env.id)
    rng = np.random.default_rng(0)
    space.observation_space.seed(1), space.action_space.seed(1)
    observations = np.stack([space.observation_space.sample() for _ in range(20)])
    actions = np.stack([space.action_space.sample() for _ in range(20)])
    rewards = ensemble.member_rewards(np.nan_to_num(np.clip(observations, -10, 10)), actions)
    swapped_env_of(runner).apply_reward(ensemble.publish(1, rewards[:, None]))
    seed_process(int(rng.integers(100)))
    return runner


def described(episode) -> dict:
    """All of an episode that the learner sees."""
    columns = {
        name: episode.get_extra_model_outputs(name) for name in (Columns.ACTION_LOGP, Columns.ACTION_DIST_INPUTS)
    }
    return {
        "observations": episode.get_observations(),
        "actions": episode.get_actions(),
        "rewards": episode.get_rewards(),
        "started": episode.t_started,
        "t": episode.t,
        "terminated": episode.is_terminated,
        "truncated": episode.is_truncated,
        **columns,
    }


ENVS = [
    {"id": "rlhp/MovingDot-v0", "horizon": 7},
    {"id": "CartPole-v1", "horizon": None},  # ends at different times, and visibly
    {"id": "Pendulum-v1", "horizon": 9},
    {"id": "rlhp/MovingDotPixels-v0", "horizon": 5},
]


@pytest.mark.parametrize("env", ENVS, ids=lambda env: env["id"])
def test_gives_the_episodes_that_rllibs_own_runner_gives(env):
    ours, theirs = (make_runner(kind, env) for kind in (RolloutRunner, SingleAgentEnvRunner))
    names = [{}, {}]
    for steps in (13, 40, 3, 1, 25):
        samples = []
        for runner in (ours, theirs):
            torch.manual_seed(steps)
            samples.append(runner.sample(num_timesteps=steps))
        assert len(samples[0]) == len(samples[1])
        for mine, other in zip(*samples, strict=True):
            mine.validate()
            assert names[0].setdefault(mine.id_, other.id_) == other.id_, "chunks of one episode have one name"
            assert names[1].setdefault(other.id_, mine.id_) == mine.id_
            expected, got = described(other), described(mine)
            for name, value in expected.items():
                np.testing.assert_allclose(got[name], value, rtol=1e-5, atol=1e-5, err_msg=name)
                assert np.asarray(got[name]).shape == np.asarray(value).shape, name


@pytest.mark.parametrize("env", ENVS[:3], ids=lambda env: env["id"])
def test_reports_the_metrics_that_rllibs_own_runner_reports(env):
    results = []
    for kind in (RolloutRunner, SingleAgentEnvRunner):
        runner = make_runner(kind, env)
        for steps in (50, 60):
            torch.manual_seed(steps)
            runner.sample(num_timesteps=steps)
        results.append(runner.get_metrics())
    mine, other = results
    for name in ("num_env_steps_sampled", "num_episodes", "episode_len_mean", "episode_return_mean"):
        assert float(mine[name].peek()) == pytest.approx(float(other[name].peek()), rel=1e-5, abs=1e-4), name


def test_keeps_no_frames_of_an_episode_that_goes_on():
    runner = make_runner(RolloutRunner, {"id": "rlhp/MovingDotPixels-v0"})
    for _ in range(3):
        runner.sample(num_timesteps=30)
    kept = [chunk for chunks in runner._ongoing_episodes_for_metrics.values() for chunk in chunks]
    assert [len(chunk) for chunk in kept] == [10] * 9
    assert not any(hasattr(chunk, "observations") for chunk in kept)


def test_acts_greedily_where_it_is_not_to_explore():
    runner = make_runner(RolloutRunner, ENVS[0])
    for episode in runner.sample(num_timesteps=12, explore=False):
        logits = runner.module.forward_inference({Columns.OBS: torch.from_numpy(episode.get_observations()[:-1])})
        assert episode.get_actions().tolist() == logits[Columns.ACTION_DIST_INPUTS].argmax(-1).tolist()


def test_whole_episodes_can_still_be_asked_for_and_steps_afterwards():
    runner = make_runner(RolloutRunner, ENVS[0])
    runner.sample(num_timesteps=4)
    episodes = runner.sample(num_episodes=NUM_ENVS)
    assert [len(episode) for episode in episodes] == [ENVS[0]["horizon"]] * NUM_ENVS
    assert sorted(e.t_started for e in runner.sample(num_timesteps=4)) == [0] * NUM_ENVS


def test_where_episodes_end_with_a_rollout_policy_and_predictor_are_still_shown_the_same():
    """Blanks in the place of ended episodes once raised the alarm of observations that differ, at every horizon."""
    runner = make_runner(RolloutRunner, ENVS[0])
    drain(runner, 0)
    for steps in (ENVS[0]["horizon"], ENVS[0]["horizon"] - 1):
        runner.sample(num_timesteps=NUM_ENVS * steps)
        _, harvest = drain(runner, 0)
        assert harvest.policy_saw is not None and harvest.predictor_saw is not None
        np.testing.assert_allclose(harvest.policy_saw.mean, harvest.predictor_saw.mean, rtol=1e-5)
        assert np.abs(harvest.policy_saw.mean).max() > 0.01
