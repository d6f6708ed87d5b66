"""The policy's networks against figures of their own."""

import gymnasium as gym
import numpy as np
import torch

from rlhp_ray.policy.actor_critic import ActorCriticNetwork


def test_frames_are_scaled_to_one_before_they_are_convolved():
    space = gym.spaces.Box(0, 255, (84, 84, 4), np.uint8)
    network = ActorCriticNetwork(space, gym.spaces.Discrete(6), [])
    frames = torch.randint(0, 256, (5, 84, 84, 4), dtype=torch.uint8)
    trunk = network.actor_trunk
    scaled = (frames.double() / 255).permute(0, 3, 1, 2)
    expected = torch.relu(trunk.double().hidden(trunk.convolutions(scaled).flatten(1)))
    torch.testing.assert_close(trunk.float()(frames).double(), expected, rtol=1e-4, atol=1e-5)
