"""Rollouts of a policy that explores as in training, without Ray: for preferences that are gathered by themselves."""

import math
from collections.abc import Iterator

import gymnasium as gym
import numpy as np
import torch

from rlhp_ray.clips.clip import Clip
from rlhp_ray.policy.actor_critic import ActorCriticNetwork
from rlhp_ray.policy.inference import draw_actions
from rlhp_ray.reward.observation_scaling import ObservationScaling
from rlhp_ray.reward.reward_swap import RewardSwapVectorEnv


class SamplingPolicy:
    """Draws actions from the distribution that the network gives, of scaled observations.

    Args:
        network: actor and critic.
        action_space: of one environment.
        seed: of the draws.
    """

    def __init__(self, network: ActorCriticNetwork, action_space: gym.Space, seed: int) -> None:
        self._network = network
        self._action_space = action_space
        self._generator = torch.Generator().manual_seed(seed)

    @torch.inference_mode()
    def act(self, scaled: np.ndarray) -> np.ndarray:
        """Actions `[num_envs, *action]`, ready for the environment, for scaled observations `[num_envs, ...]`."""
        features = self._network.features(torch.from_numpy(np.ascontiguousarray(scaled)))
        inputs = self._network.action_distribution_inputs(features)
        return draw_actions(inputs, self._action_space, self._generator)


def untrained_network(
    scaling: ObservationScaling, action_space: gym.Space, hidden_sizes: tuple[int, ...], seed: int
) -> ActorCriticNetwork:
    """A policy before its training."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ActorCriticNetwork(scaling.scaled_space, action_space, hidden_sizes)


def roll_out(
    env: RewardSwapVectorEnv, policy: SamplingPolicy, env_steps: int, clip_steps: int, seed: int
) -> Iterator[list[Clip]]:
    """Clips of one rollout from a reset of all environments, each time as many steps as a clip has.

    Args:
        env: records clips.
        policy: acts.
        env_steps: over all environments, rounded up to whole steps of all of them.
        clip_steps: length of a clip.
        seed: of the reset.
    """
    observations, _ = env.reset(seed=seed)
    for step in range(math.ceil(env_steps / env.num_envs)):
        observations = env.step(policy.act(observations))[0]
        if (step + 1) % clip_steps == 0:
            yield env.drain(0).clips
    yield env.drain(0).clips
