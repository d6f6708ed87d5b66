"""The networks of a reward ensemble: every member in one computation. Input (observation, action), output a scalar."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from rlhp_ray.reward.member_layers import MemberConv2d, MemberLinear
from rlhp_ray.reward.observation_scaling import BYTE_MAX

LEAKY_SLOPE = 0.01  # C17 A.1, A.2
CNN_LAYERS = ((7, 3), (5, 2), (3, 1), (3, 1))  # (kernel, stride), C17 A.2
CNN_FILTERS = 16  # C17 A.2
CNN_HIDDEN = 64  # C17 A.2
KEYPOINT_FILTERS, KEYPOINT_KERNEL, KEYPOINT_STRIDE = 8, 8, 4  # kernel and stride of Mnih et al. 2013
KEYPOINT_SHARPNESS = 0.15  # sharper softmaxes jump from cell to cell, which was seen to be learnt by heart
SMALLEST_VARIANCE = 1e-6  # of a filter's response over a frame that shows nothing


def _activate(inputs: Tensor) -> Tensor:
    return nn.functional.leaky_relu(inputs, LEAKY_SLOPE, inplace=True)


class MLPRewardNetwork(nn.Module):
    """Layers of leaky ReLU units on (scaled observation, encoded action); C17 A.1 has two of 64."""

    def __init__(self, members: int, observation_size: int, action_size: int, hidden_sizes: Sequence[int]) -> None:
        super().__init__()
        sizes = (observation_size + action_size, *hidden_sizes, 1)
        self._members = members
        self.layers = nn.ModuleList(MemberLinear(members, in_size, out_size) for in_size, out_size in pairwise(sizes))

    def forward(self, observations: Tensor, actions: Tensor) -> Tensor:
        """`[..., observation_size]`, `[..., action_size]` to rewards `[members, ...]`.

        Observations may also be each member's own: `[members, ..., observation_size]`.
        """
        batch = actions.shape[:-1]
        own = observations if observations.dim() > actions.dim() else observations.unsqueeze(0)
        sides = [side.flatten(1, -2).expand(self._members, -1, -1) for side in (own, actions.unsqueeze(0))]
        hidden = torch.cat(sides, dim=-1)
        for layer in self.layers[:-1]:
            hidden = _activate(layer(hidden))
        return self.layers[-1](hidden).reshape(self._members, *batch)


class CNNRewardNetwork(nn.Module):
    """The paper's convolutional network (C17 A.2) on stacked frames; the action joins before the dense layer.

    Without the paper's batch norm and dropout. `hidden_sizes` are not used: the paper fixes them.
    """

    def __init__(self, members: int, image_shape: Sequence[int], action_size: int, hidden_sizes: Sequence[int]) -> None:
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
        """`[..., height, width, stack]` uint8, `[..., action_size]` to rewards `[members, ...]`."""
        batch = actions.shape[:-1]
        frames = observations.movedim(-1, -3).float().div_(BYTE_MAX).flatten(0, -4)
        for convolution in self.convolutions:
            frames = _activate(convolution(frames))
        features = frames.reshape(len(frames), self._members, -1).transpose(0, 1)
        hidden = torch.cat([features, actions.flatten(0, -2).expand(self._members, -1, -1)], dim=-1)
        return self.output(_activate(self.hidden(hidden))).reshape(self._members, *batch)


class KeypointRewardNetwork(nn.Module):
    """Where each filter responds most in each frame, and an MLP on these points and the action.

    The points are the spatial softmax of Finn et al. 2016 (Deep Spatial Autoencoders), of responses scaled to unit
    variance over the frame: `sum_ij softmax(0.15 f / std f)_ij * (y_ij, x_ij)`, in [-1, 1]. A network that gets
    positions need not learn from labels, cell by cell, that neighbouring cells are alike.
    """

    def __init__(self, members: int, image_shape: Sequence[int], action_size: int, hidden_sizes: Sequence[int]) -> None:
        super().__init__()
        height, width, stack = image_shape
        self._members, self._stack = members, stack
        self.convolution = MemberConv2d(
            members, 1, KEYPOINT_FILTERS, KEYPOINT_KERNEL, KEYPOINT_STRIDE, shared_input=True
        )
        rows, columns = ((side - KEYPOINT_KERNEL) // KEYPOINT_STRIDE + 1 for side in (height, width))
        axes = torch.linspace(-1, 1, rows), torch.linspace(-1, 1, columns)
        grid = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).flatten(0, 1)
        self.register_buffer("_grid", grid, persistent=False)
        self._grid: Tensor
        self.register_buffer("_sharpness", torch.full((rows * columns,), KEYPOINT_SHARPNESS), persistent=False)
        self._sharpness: Tensor
        self._points = 2 * KEYPOINT_FILTERS
        self.head = MLPRewardNetwork(members, stack * self._points, action_size, hidden_sizes)

    def keypoints(self, frames: Tensor) -> Tensor:
        """`[..., height, width]` uint8 to points `[members, ..., 2 * filters]`."""
        batch = frames.shape[:-2]
        pixels = frames.float().div_(BYTE_MAX).flatten(0, -3).unsqueeze(1)
        responses = self.convolution(pixels).flatten(2)
        scaled = nn.functional.layer_norm(responses, self._sharpness.shape, self._sharpness, eps=SMALLEST_VARIANCE)
        points = torch.softmax(scaled, dim=-1) @ self._grid
        return points.reshape(-1, self._members, self._points).transpose(0, 1).reshape(self._members, *batch, -1)

    def forward(self, observations: Tensor, actions: Tensor) -> Tensor:
        """`[..., height, width, stack]` uint8, `[..., action_size]` to rewards `[members, ...]`."""
        return self._rewards(self.keypoints(observations.movedim(-1, -3)), actions)

    def of_clips(self, frames: Tensor, actions: Tensor) -> Tensor:
        """`[n, stack - 1 + steps, height, width]` uint8, `[n, steps, action_size]` to `[members, n, steps]`."""
        return self._rewards(self.keypoints(frames).unfold(2, self._stack, 1).transpose(-1, -2), actions)

    def _rewards(self, points: Tensor, actions: Tensor) -> Tensor:
        return self.head(points.flatten(-2), actions)


IMAGE_NETWORKS: dict[str, Callable[[int, Sequence[int], int, Sequence[int]], nn.Module]] = {
    "cnn": CNNRewardNetwork,
    "keypoint_cnn": KeypointRewardNetwork,
}
"""By name; each takes members, image shape (height, width, stack), action size and hidden sizes."""
