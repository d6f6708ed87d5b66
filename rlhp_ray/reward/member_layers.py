"""Layers that hold the weights of all ensemble members and compute them in one call, without a loop over members."""

import math

import torch
from torch import Tensor, nn

BATCH_NORM_MOMENTUM = 0.01  # slow: a pass over images holds one pair only


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
        input_scale: what the input is to be multiplied by. The weights are, which are fewer.
    """

    def __init__(
        self,
        members: int,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int,
        shared_input: bool,
        input_scale: float = 1.0,
    ) -> None:
        super().__init__()
        bound = 1.0 / math.sqrt(in_channels * kernel_size**2)
        shape = (members, out_channels, in_channels, kernel_size, kernel_size)
        self.weight = nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(members, out_channels).uniform_(-bound, bound))
        self._stride = stride
        self._groups = 1 if shared_input else members
        self._input_scale = input_scale

    def forward(self, inputs: Tensor) -> Tensor:
        weight, bias = self.weight.flatten(0, 1) * self._input_scale, self.bias.flatten()
        return nn.functional.conv2d(inputs, weight, bias, stride=self._stride, groups=self._groups)


class MemberBatchNorm(nn.Module):
    """Batch norm with each member's own statistics, over all rows of a pass: both clips of a pair share them.

    `gain (x - mean) / sqrt(variance + eps) + shift`, by the rows' statistics while training and by running ones
    afterwards (Ioffe and Szegedy 2015). Takes `[rows, members * features, ...]`.
    """

    def __init__(self, members: int, features: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(members, features))
        self.shift = nn.Parameter(torch.zeros(members, features))
        self.register_buffer("mean", torch.zeros(members, features))
        self.register_buffer("variance", torch.ones(members, features))
        self.mean: Tensor
        self.variance: Tensor

    def forward(self, inputs: Tensor) -> Tensor:
        statistics = self.mean.view(-1), self.variance.view(-1)  # views: the running statistics move in place
        gain, shift = self.gain.flatten(), self.shift.flatten()
        return nn.functional.batch_norm(inputs, *statistics, gain, shift, self.training, BATCH_NORM_MOMENTUM)


def is_normed(network: nn.Module) -> bool:
    """Whether batch norm is in it, ours or PyTorch's: fitting and prediction then go by other statistics."""
    return any(isinstance(module, MemberBatchNorm | nn.modules.batchnorm._BatchNorm) for module in network.modules())


class PairDropout(nn.Module):
    """Dropout that can drop the same units in both clips of a pair, so that equal clips are judged equal.

    While training, the first half of the rows are left clips and the second half right clips, in the same order. With
    a shared mask, two identical clips have P = .5 to rounding; with separate masks they do not.

    Args:
        probability: of a unit to be dropped; the others are divided by 1 - probability.
        shared: one mask for both clips of a pair.
        rows_dim: which dimension of the input the rows are.
    """

    def __init__(self, probability: float, shared: bool, rows_dim: int = 0) -> None:
        super().__init__()
        self._probability, self._shared, self._rows_dim = probability, shared, rows_dim

    def forward(self, inputs: Tensor) -> Tensor:
        if not self.training or self._probability == 0:
            return inputs
        if not self._shared:
            return nn.functional.dropout(inputs, self._probability)
        rows = inputs.shape[self._rows_dim]
        assert rows % 2 == 0, f"{rows} rows are no pairs of clips"
        one_side = inputs.narrow(self._rows_dim, 0, rows // 2)
        mask = nn.functional.dropout(torch.ones_like(one_side), self._probability)
        return inputs * torch.cat([mask, mask], dim=self._rows_dim)
