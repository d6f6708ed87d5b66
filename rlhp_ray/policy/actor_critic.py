"""Actor and critic networks, without Ray: they train inside an RLModule and act alone in replay."""

import math
from collections.abc import Sequence
from itertools import pairwise

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor, nn

from rlhp_ray.reward.observation_scaling import BYTE_MAX

CNN_LAYERS = ((16, 8, 4), (32, 4, 2))  # (filters, kernel, stride): the smaller network of Mnih et al. 2013
CNN_HIDDEN = 256  # Mnih et al. 2013
HEAD_GAIN = 0.01  # a nearly uniform first policy (Andrychowicz et al. 2021, s3.2)
INITIAL_LOG_STD = 0.0  # of normalised actions: as wide as their range


def _linear(in_size: int, out_size: int, gain: float = math.sqrt(2)) -> nn.Linear:
    layer = nn.Linear(in_size, out_size)
    nn.init.orthogonal_(layer.weight, gain)
    nn.init.zeros_(layer.bias)
    return layer


class MLPTrunk(nn.Module):
    """Tanh layers on a scaled observation vector."""

    def __init__(self, observation_size: int, hidden_sizes: Sequence[int]) -> None:
        super().__init__()
        sizes = (observation_size, *hidden_sizes)
        layers = [(_linear(n_in, n_out), nn.Tanh()) for n_in, n_out in pairwise(sizes)]
        self.layers = nn.Sequential(*(module for pair in layers for module in pair))
        self.out_size = sizes[-1]

    def forward(self, observations: Tensor) -> Tensor:
        return self.layers(observations)


class CNNTrunk(nn.Module):
    """Convolutions on stacked frames `[n, height, width, stack]` uint8."""

    def __init__(self, image_shape: Sequence[int]) -> None:
        super().__init__()
        height, width, channels = image_shape
        layers: list[nn.Module] = []
        for filters, kernel, stride in CNN_LAYERS:
            layers += [nn.Conv2d(channels, filters, kernel, stride), nn.ReLU()]
            channels = filters
            height, width = (height - kernel) // stride + 1, (width - kernel) // stride + 1
        self.convolutions = nn.Sequential(*layers)
        self.hidden = _linear(channels * height * width, CNN_HIDDEN)
        self.out_size = CNN_HIDDEN

    def forward(self, observations: Tensor) -> Tensor:
        first = self.convolutions[0]
        assert isinstance(first, nn.Conv2d)
        # The first layer's weights are divided rather than the frames: a pass over them less, the same numbers.
        weight, bias = first.weight / BYTE_MAX, first.bias
        frames = observations.permute(0, 3, 1, 2).float()  # channels stay last in memory, as they are fastest
        features = nn.functional.conv2d(frames, weight, bias, first.stride)
        return torch.relu(self.hidden(self.convolutions[1:](features).flatten(1)))


class ActorCriticNetwork(nn.Module):
    """Logits of a Discrete action, or mean and log standard deviation of a normalised Box action; and a value.

    Vectors get separate trunks for actor and critic; pixels share one.

    Args:
        observation_space: scaled, as the policy sees it.
        action_space: Discrete, or Box with one axis.
        hidden_sizes: of the MLP trunks.
    """

    def __init__(self, observation_space: gym.Space, action_space: gym.Space, hidden_sizes: Sequence[int]) -> None:
        super().__init__()
        shape = observation_space.shape
        assert shape is not None
        self.is_image = len(shape) == 3
        trunk = CNNTrunk(shape) if self.is_image else MLPTrunk(shape[0], hidden_sizes)
        self.actor_trunk: nn.Module = trunk
        self.critic_trunk: nn.Module | None = None if self.is_image else MLPTrunk(shape[0], hidden_sizes)
        discrete = isinstance(action_space, gym.spaces.Discrete)
        if isinstance(action_space, gym.spaces.Discrete):
            num_outputs = int(action_space.n)
        else:
            assert action_space.shape is not None
            num_outputs = int(np.prod(action_space.shape))
        self.actor_head = _linear(trunk.out_size, num_outputs, HEAD_GAIN)
        self.critic_head = _linear(trunk.out_size, 1, 1.0)
        self.log_std = None if discrete else nn.Parameter(torch.full((num_outputs,), INITIAL_LOG_STD))

    def features(self, observations: Tensor) -> Tensor:
        """Output of the actor's trunk, `[n, out_size]`."""
        return self.actor_trunk(observations)

    def action_distribution_inputs(self, features: Tensor) -> Tensor:
        """Logits `[n, actions]`, or mean and log std side by side `[n, 2 * action_size]`."""
        output = self.actor_head(features)
        if self.log_std is None:
            return output
        return torch.cat([output, self.log_std.expand_as(output)], dim=-1)

    def value(self, observations: Tensor, features: Tensor | None = None) -> Tensor:
        """State values `[n]`; features of the actor's trunk are used where the trunk is shared."""
        if self.critic_trunk is not None:
            features = self.critic_trunk(observations)
        elif features is None:
            features = self.actor_trunk(observations)
        return self.critic_head(features).squeeze(-1)
