"""The convolutional network of C17 A.2, for observations that are stacked frames."""

import torch
from torch import Tensor, nn

from rlhp_ray.reward.member_layers import MemberBatchNorm, MemberConv2d, MemberLinear, PairDropout
from rlhp_ray.reward.member_network import MemberNetwork, activate, channels_last
from rlhp_ray.reward.network_spec import NetworkShape, NetworkSpec
from rlhp_ray.reward.observation_scaling import BYTE_MAX

CNN_LAYERS = ((7, 3), (5, 2), (3, 1), (3, 1))  # (kernel, stride), C17 A.2
CNN_FILTERS = 16  # C17 A.2
CNN_HIDDEN = 64  # C17 A.2
FRAMES_PER_PASS = 64  # of inference


class CNNRewardNetwork(MemberNetwork):
    """The paper's network (C17 A.2) on stacked frames; the action joins before the dense layer.

    Batch norm and dropout, which the paper has on every convolution, are the configuration's. `hidden_sizes` are not
    used: the paper fixes them.
    """

    def __init__(self, shape: NetworkShape, spec: NetworkSpec) -> None:
        super().__init__(spec)
        height, width, channels = shape.observation_shape
        self._members = shape.members
        self.convolutions, self.norms = nn.ModuleList(), nn.ModuleList()
        for index, (kernel, stride) in enumerate(CNN_LAYERS):
            first = index == 0
            scale = 1 / BYTE_MAX if first else 1.0
            self.convolutions.append(
                MemberConv2d(
                    shape.members, channels, CNN_FILTERS, kernel, stride, shared_input=first, input_scale=scale
                )
            )
            self.norms.append(MemberBatchNorm(shape.members, CNN_FILTERS) if spec.batch_norm else nn.Identity())
            channels = CNN_FILTERS
            height, width = (height - kernel) // stride + 1, (width - kernel) // stride + 1
        self.hidden = MemberLinear(shape.members, channels * height * width + shape.action_size, CNN_HIDDEN)
        self.output = MemberLinear(shape.members, CNN_HIDDEN, 1)
        self._dropout = PairDropout(spec.dropout, spec.dropout_mask == "shared")

    def forward(self, observations: Tensor, actions: Tensor) -> Tensor:
        """`[..., height, width, stack]` uint8, `[..., action_size]` to rewards `[members, ...]`."""
        if torch.is_inference_mode_enabled():  # in parts whose activations stay in the cache
            rows = observations.flatten(0, -4).split(FRAMES_PER_PASS), actions.flatten(0, -2).split(FRAMES_PER_PASS)
            parts = [self._rewards(*part) for part in zip(*rows, strict=True)]
            return torch.cat(parts, dim=1).reshape(self._members, *actions.shape[:-1])
        return self._rewards(observations, actions)

    def _rewards(self, observations: Tensor, actions: Tensor) -> Tensor:
        batch = actions.shape[:-1]
        frames = channels_last(observations)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            frames = self._dropout(activate(norm(convolution(frames))))
        features = frames.reshape(len(frames), self._members, -1).transpose(0, 1)
        hidden = torch.cat([features, actions.flatten(0, -2).expand(self._members, -1, -1)], dim=-1)
        return self.bounded(self.output(activate(self.hidden(hidden)))).reshape(self._members, *batch)
