"""The multilayer perceptron of C17 A.1, for observations that are vectors, and one with a head for each action."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from rlhp_ray.reward.member_layers import MemberBatchNorm, MemberLinear, PairDropout
from rlhp_ray.reward.member_network import MemberNetwork, activate
from rlhp_ray.reward.network_spec import NetworkShape, NetworkSpec


class MLPRewardNetwork(MemberNetwork):
    """Layers of leaky ReLU units on (scaled observation, encoded action); C17 A.1 has two of 64."""

    def __init__(self, shape: NetworkShape, spec: NetworkSpec) -> None:
        super().__init__(spec)
        inputs, outputs = self.sizes(shape)
        sizes = (inputs, *spec.hidden_sizes, outputs)
        self._members = shape.members
        self.layers = nn.ModuleList(
            MemberLinear(shape.members, in_size, out_size) for in_size, out_size in pairwise(sizes)
        )
        self.norms = nn.ModuleList(
            MemberBatchNorm(shape.members, size) if spec.batch_norm else nn.Identity() for size in spec.hidden_sizes
        )
        self._dropout = PairDropout(spec.dropout, spec.dropout_mask == "shared", rows_dim=1)

    @staticmethod
    def sizes(shape: NetworkShape) -> tuple[int, int]:
        """Numbers that go into the first layer, and that come out of the last."""
        return shape.observation_shape[0] + shape.action_size, 1

    def forward(self, observations: Tensor, actions: Tensor) -> Tensor:
        """`[..., observation_size]`, `[..., action_size]` to rewards `[members, ...]`.

        Observations may also be each member's own: `[members, ..., observation_size]`.
        """
        batch = actions.shape[:-1]
        if observations.dim() > actions.dim():
            acted = actions.unsqueeze(0).expand(self._members, *actions.shape)
            hidden = torch.cat([observations, acted], dim=-1).flatten(1, -2)
        else:
            hidden = torch.cat([observations, actions], dim=-1).flatten(0, -2).expand(self._members, -1, -1)
        return self.bounded(self._outputs(hidden)).reshape(self._members, *batch)

    def _outputs(self, hidden: Tensor) -> Tensor:
        """What the layers make of their inputs `[members, rows, inputs]`: `[members, rows, outputs]`."""
        *layers, last = self.layers
        for layer, norm in zip(layers, self.norms, strict=True):
            hidden = activate(self._normed(norm, layer(hidden)))
            if self.training:
                hidden = self._dropout(hidden)
        return last(hidden)

    def _normed(self, norm: nn.Module, hidden: Tensor) -> Tensor:
        """Batch norm of `[members, rows, units]`."""
        if isinstance(norm, nn.Identity):
            return hidden
        rows_first = hidden.transpose(0, 1)
        return norm(rows_first.flatten(1)).unflatten(1, rows_first.shape[1:]).transpose(0, 1)


class MLPHeadsRewardNetwork(MLPRewardNetwork):
    """An MLP on the observation alone, with one output for each choice of a discrete action.

    `r(s, a) = sum_i a_i f_i(s)`, a the one-hot action. Actions that stand beside the observation enter as offsets, from
    which it must first be learnt that an action is good *here*; a head is a function of the place from the start.
    """

    @staticmethod
    def sizes(shape: NetworkShape) -> tuple[int, int]:
        """As those of `MLPRewardNetwork`. Raises ValueError where actions are not seen."""
        if shape.action_size == 0:
            raise ValueError("a network with a head for each action sees actions")
        return shape.observation_shape[0], shape.action_size

    def forward(self, observations: Tensor, actions: Tensor) -> Tensor:
        """`[..., observation_size]`, `[..., action_size]` to rewards `[members, ...]`."""
        heads = self._outputs(observations.flatten(0, -2).expand(self._members, -1, -1))
        rewards = (heads * actions.flatten(0, -2)).sum(-1)
        return self.bounded(rewards).reshape(self._members, *actions.shape[:-1])
