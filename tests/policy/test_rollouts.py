"""A policy that explores, in environments that are recorded."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from scipy.stats import binom

from rlhp_ray.config.schema import RunConfig
from rlhp_ray.envs.registry import describe_env
from rlhp_ray.policy.actor_critic import ActorCriticNetwork
from rlhp_ray.policy.rollouts import SamplingPolicy, roll_out, untrained_network
from rlhp_ray.reward.ensemble import RewardEnsemble
from rlhp_ray.reward.observation_scaling import ObservationScaling
from rlhp_ray.reward.run_ensemble import ensemble_spec
from rlhp_ray.reward.run_env import make_run_env

POINTS = gym.spaces.Box(-1.0, 1.0, (3,), np.float32)
SCALED = ObservationScaling.from_space(POINTS)
DRAWS = 20_000


def with_biases(action_space: gym.Space, biases: list[float]) -> ActorCriticNetwork:
    """A network whose outputs are these, whatever it sees."""
    network = ActorCriticNetwork(SCALED.scaled_space, action_space, (4,))
    with torch.no_grad():
        network.actor_head.weight.zero_()
        network.actor_head.bias.copy_(torch.tensor(biases))
    return network


def test_discrete_actions_are_drawn_in_their_shares():
    network = with_biases(gym.spaces.Discrete(3, start=5), np.log([0.5, 0.3, 0.2]).tolist())
    actions = SamplingPolicy(network, gym.spaces.Discrete(3, start=5), seed=0).act(np.zeros((DRAWS, 3), np.float32))
    for action, share in zip((5, 6, 7), (0.5, 0.3, 0.2), strict=True):
        low, high = binom.interval(0.9999, DRAWS, share)
        assert low <= (actions == action).sum() <= high
    assert set(actions.tolist()) == {5, 6, 7}


def test_continuous_actions_are_normal_around_the_mean_and_clipped_to_the_bounds():
    space = gym.spaces.Box(np.array([0.0, -4.0], np.float32), np.array([2.0, 4.0], np.float32))
    actions = SamplingPolicy(with_biases(space, [0.0, 0.5]), space, seed=0).act(np.zeros((DRAWS, 3), np.float32))
    assert actions.shape == (DRAWS, 2) and actions.dtype == np.float32
    # z = mean + N(0, 1) is clipped to [-1, 1] and mapped to the bounds: P(z <= -1), P(z <= mean), P(z >= 1).
    shares = [(actions[:, 0] == 0).mean(), (actions[:, 0] <= 1).mean(), (actions[:, 0] == 2).mean()]
    np.testing.assert_allclose(shares, [0.1587, 0.5, 0.1587], atol=0.015)
    shares = [(actions[:, 1] == -4).mean(), (actions[:, 1] <= 2).mean(), (actions[:, 1] == 4).mean()]
    np.testing.assert_allclose(shares, [0.0668, 0.5, 0.3085], atol=0.015)


@pytest.fixture
def rollout():
    """Clips of one rollout of 16 environments."""
    config = RunConfig.model_validate({"env": {"id": "rlhp/MovingDot-v0"}, "preferences": {"clip_steps": 10}})
    description = describe_env(config.env.id)
    spec = ensemble_spec(config, description)

    def make(env_steps: int, seed: int = 0, action_seed: int = 0):
        env = make_run_env(config, description, RewardEnsemble(spec), num_envs=16, use_true_reward=True, records=True)
        network = untrained_network(spec.scaling, spec.action_space, (8,), 0)
        policy = SamplingPolicy(network, spec.action_space, action_seed)
        return [clip for clips in roll_out(env, policy, env_steps, 10, seed) for clip in clips]

    return make


@pytest.mark.parametrize(("env_steps", "clips"), [(160, 16), (159, 16), (161, 16), (480, 48), (144, 0)])
def test_every_environment_gives_a_clip_each_time_it_has_taken_its_steps(rollout, env_steps, clips):
    assert len(rollout(env_steps)) == clips


def test_the_same_seeds_give_the_same_clips_and_others_do_not(rollout):
    ids = [[clip.clip_id for clip in rollout(320, *seeds)] for seeds in ((0, 0), (0, 0), (1, 0), (0, 1))]
    assert ids[0] == ids[1]
    assert ids[0] != ids[2] != ids[3] != ids[0]
    assert len(set(ids[0])) == 32


def test_an_untrained_network_follows_from_its_seed_and_leaves_the_global_stream_alone():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    first, same, other = (untrained_network(SCALED, gym.spaces.Discrete(2), (4,), seed) for seed in (0, 0, 1))
    assert torch.equal(torch.rand(1), expected)
    weights = [network.actor_trunk.layers[0].weight for network in (first, same, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
