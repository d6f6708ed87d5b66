"""Layers that hold the weights of all ensemble members and compute them in one call, without a loop over members."""

import math

import torch
from torch import Tensor, nn


class MemberLinear(nn.Module):
    """`y_m = x_m W_m + b_m` for every member m, by one batched product. Input `[members, n, in]`."""

    def __init__(self, members: int, in_features: int, out_features: int) -> None:
        super().__init__()
        bound = 1.0 / math.sqrt(in_features)
        self.weight = nn.Parameter(torch.empty(members, in_features, out_features).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(members, 1, out_features).uniform_(-bound, bound))

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, inputs, self.weight)


class MemberConv2d(nn.Module):
    """One convolution for all members, by groups.

    Args:
        members: ensemble members.
        in_channels: of one member.
        out_channels: of one member.
        kernel_size: of the square kernel.
        stride: of the kernel.
        shared_input: True for the first layer, where every member sees the same frames `[n, in, h, w]`; False for
            later ones, which take `[n, members * in, h, w]`.
    """

    def __init__(
        self, members: int, in_channels: int, out_channels: int, kernel_size: int, stride: int, shared_input: bool
    ) -> None:
        super().__init__()
        bound = 1.0 / math.sqrt(in_channels * kernel_size**2)
        shape = (members, out_channels, in_channels, kernel_size, kernel_size)
        self.weight = nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(members, out_channels).uniform_(-bound, bound))
        self._stride = stride
        self._groups = 1 if shared_input else members

    def forward(self, inputs: Tensor) -> Tensor:
        weight, bias = self.weight.flatten(0, 1), self.bias.flatten()
        return nn.functional.conv2d(inputs, weight, bias, stride=self._stride, groups=self._groups)
