"""Actor and critic networks, without Ray: they train inside an RLModule and act alone in replay."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor, nn

from rlhp_ray.reward.observation_scaling import BYTE_MAX

CNN_LAYERS = ((16, 8, 4), (32, 4, 2))  # (filters, kernel, stride): the smaller network of Mnih et al. 2013
CNN_HIDDEN = 256  # Mnih et al. 2013
Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)
WORD = torch.complex128  # stands for any 16 bytes: there is no wider type to move
HEAD_GAIN = 0.01  # a nearly uniform first policy (Andrychowicz et al. 2021, s3.2)
INITIAL_LOG_STD = 0.0  # of normalised actions: as wide as their range


def _orthogonal(layer: Layer, gain: float = math.sqrt(2)) -> Layer:
    """Keeps the size of what passes through ReLUs (Saxe et al. 2014), in convolutions as in linear layers."""
    nn.init.orthogonal_(layer.weight, gain)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


def _linear(in_size: int, out_size: int, gain: float = math.sqrt(2)) -> nn.Linear:
    return _orthogonal(nn.Linear(in_size, out_size), gain)


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
    """Convolutions on stacked frames `[n, height, width, stack]` uint8, with weights in float32.

    Args:
        image_shape: height, width and frames of a stack.
        precision: what is computed in. In bfloat16 half as many bytes are moved, and processors with AMX, or GPUs,
            multiply many times as fast; features have three significant digits.
    """

    def __init__(self, image_shape: Sequence[int], precision: torch.dtype = torch.float32) -> None:
        super().__init__()
        self._precision = precision
        height, width, channels = image_shape
        layers: list[nn.Module] = []
        for filters, kernel, stride in CNN_LAYERS:
            layers += [_orthogonal(nn.Conv2d(channels, filters, kernel, stride)), nn.ReLU()]
            channels = filters
            height, width = (height - kernel) // stride + 1, (width - kernel) // stride + 1
        self.convolutions = nn.Sequential(*layers)
        self.hidden = _linear(channels * height * width, CNN_HIDDEN)
        self.out_size = CNN_HIDDEN

    def forward(self, observations: Tensor, *, exact: bool = False) -> Tensor:
        """Features `[n, 256]` float32; `exact` computes them in float32 whatever the precision."""
        if self._precision != torch.float32 and not exact:
            return self.by_blocks(observations, self._precision).float()
        first = self.convolutions[0]
        assert isinstance(first, nn.Conv2d)
        # The first layer's weights are divided rather than the frames: a pass over them less, the same numbers.
        weight, bias = first.weight / BYTE_MAX, first.bias
        frames = observations.permute(0, 3, 1, 2).float()  # channels stay last in memory, as they are fastest
        features = nn.functional.conv2d(frames, weight, bias, first.stride)
        return torch.relu(self.hidden(self.convolutions[1:](features).flatten(1)))

    def by_blocks(self, observations: Tensor, precision: torch.dtype) -> Tensor:
        """The same features, in another precision and order of computing.

        Pixels are put together to blocks of 4 x 4, so that the first convolution, 8 x 8 with stride 4 over 4 channels,
        is one of 2 x 2 with stride 1 over 64: sums of as many products as processors multiply at once.
        """
        first, second = (layer for layer in self.convolutions if isinstance(layer, nn.Conv2d))
        side, count = CNN_LAYERS[0][2], CNN_LAYERS[0][1] // CNN_LAYERS[0][2]
        channels = observations.shape[-1]
        blocks = _blocks(observations, side).to(precision)
        of_blocks = (first.weight / BYTE_MAX).view(-1, channels, count, side, count, side).permute(0, 3, 5, 1, 2, 4)
        weight = of_blocks.reshape(-1, side * side * channels, count, count).to(precision)
        weight = weight.contiguous(memory_format=torch.channels_last)
        features = nn.functional.conv2d(blocks.permute(0, 3, 1, 2), weight, _cast(first.bias, precision))
        weight, bias = _cast(second.weight, precision), _cast(second.bias, precision)
        features = torch.relu(nn.functional.conv2d(torch.relu(features), weight, bias, second.stride)).flatten(1)
        weight, bias = self.hidden.weight.to(precision), self.hidden.bias.to(precision)
        return torch.relu(nn.functional.linear(features, weight, bias))


def _blocks(frames: Tensor, side: int) -> Tensor:
    """`[n, height, width, channels]` bytes to `[n, height / side, width / side, side * side * channels]`, cropped."""
    num, height, width, channels = frames.shape
    rows, columns = height // side, width // side
    lines = frames[:, : rows * side, : columns * side].reshape(num, rows, side, columns, side * channels).contiguous()
    if side * channels != WORD.itemsize:
        return lines.transpose(2, 3).flatten(3)
    words = lines.view(WORD).transpose(2, 3).contiguous()  # lines are moved whole, not byte by byte
    return words.view(frames.dtype).flatten(3)


def _cast(parameter: Tensor | None, precision: torch.dtype) -> Tensor:
    assert parameter is not None
    return parameter.to(precision)


class ActorCriticNetwork(nn.Module):
    """Logits of a Discrete action, or mean and log standard deviation of a normalised Box action; and a value.

    Vectors get separate trunks for actor and critic; pixels share one.

    Args:
        observation_space: scaled, as the policy sees it.
        action_space: Discrete, or Box with one axis.
        hidden_sizes: of the MLP trunks.
        precision: of the convolutions; vectors, and the heads, are float32's.
    """

    def __init__(
        self,
        observation_space: gym.Space,
        action_space: gym.Space,
        hidden_sizes: Sequence[int],
        precision: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        shape = observation_space.shape
        assert shape is not None
        self.is_image = len(shape) == 3
        trunk = CNNTrunk(shape, precision) if self.is_image else MLPTrunk(shape[0], hidden_sizes)
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

    def features(self, observations: Tensor, *, exact: bool = False) -> Tensor:
        """Output of the actor's trunk, `[n, out_size]`; `exact` computes it in float32 whatever the precision."""
        return self.actor_trunk(observations, exact=exact) if self.is_image else self.actor_trunk(observations)

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
