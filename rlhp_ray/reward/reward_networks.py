"""The networks of a reward ensemble: every member in one computation. Input (observation, action), output a scalar."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from rlhp_ray.reward.member_layers import MemberConv2d, MemberLinear
from rlhp_ray.reward.observation_scaling import BYTE_MAX

LEAKY_SLOPE = 0.01  # C17 A.1, A.2
CNN_LAYERS = ((7, 3), (5, 2), (3, 1), (3, 1))  # (kernel, stride), C17 A.2
CNN_FILTERS = 16  # C17 A.2
CNN_HIDDEN = 64  # C17 A.2


def _activate(inputs: Tensor) -> Tensor:
    return nn.functional.leaky_relu(inputs, LEAKY_SLOPE)


class MLPRewardNetwork(nn.Module):
    """Layers of leaky ReLU units on (scaled observation, encoded action); C17 A.1 has two of 64."""

    def __init__(self, members: int, observation_size: int, action_size: int, hidden_sizes: Sequence[int]) -> None:
        super().__init__()
        sizes = (observation_size + action_size, *hidden_sizes, 1)
        self._members = members
        self.layers = nn.ModuleList(MemberLinear(members, in_size, out_size) for in_size, out_size in pairwise(sizes))

    def forward(self, observations: Tensor, actions: Tensor) -> Tensor:
        """`[n, observation_size]`, `[n, action_size]` to rewards `[members, n]`."""
        hidden = torch.cat([observations, actions], dim=-1).expand(self._members, -1, -1)
        for layer in self.layers[:-1]:
            hidden = _activate(layer(hidden))
        return self.layers[-1](hidden).squeeze(-1)


class CNNRewardNetwork(nn.Module):
    """The paper's convolutional network (C17 A.2) on stacked frames; the action joins before the dense layer.

    Without the paper's batch norm and dropout.
    """

    def __init__(self, members: int, image_shape: Sequence[int], action_size: int) -> None:
        super().__init__()
        height, width, channels = image_shape
        self._members = members
        self.convolutions = nn.ModuleList()
        for index, (kernel, stride) in enumerate(CNN_LAYERS):
            self.convolutions.append(
                MemberConv2d(members, channels, CNN_FILTERS, kernel, stride, shared_input=index == 0)
            )
            channels = CNN_FILTERS
            height, width = (height - kernel) // stride + 1, (width - kernel) // stride + 1
        self.hidden = MemberLinear(members, channels * height * width + action_size, CNN_HIDDEN)
        self.output = MemberLinear(members, CNN_HIDDEN, 1)

    def forward(self, observations: Tensor, actions: Tensor) -> Tensor:
        """`[n, height, width, stack]` uint8, `[n, action_size]` to rewards `[members, n]`."""
        frames = observations.permute(0, 3, 1, 2).float() / BYTE_MAX
        for convolution in self.convolutions:
            frames = _activate(convolution(frames))
        features = frames.reshape(len(frames), self._members, -1).transpose(0, 1)
        hidden = torch.cat([features, actions.expand(self._members, -1, -1)], dim=-1)
        return self.output(_activate(self.hidden(hidden))).squeeze(-1)
