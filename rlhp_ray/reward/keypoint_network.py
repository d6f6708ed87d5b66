"""A network that reads frames as positions, for few labels on scenes of small moving things."""

import torch
from torch import Tensor, nn

from rlhp_ray.reward.member_layers import MemberConv2d
from rlhp_ray.reward.member_network import MemberNetwork
from rlhp_ray.reward.mlp_network import MLPRewardNetwork
from rlhp_ray.reward.network_spec import NetworkShape, NetworkSpec
from rlhp_ray.reward.observation_scaling import BYTE_MAX

KEYPOINT_FILTERS, KEYPOINT_KERNEL, KEYPOINT_STRIDE = 8, 8, 4  # kernel and stride of Mnih et al. 2013
KEYPOINT_SHARPNESS = 0.15  # sharper softmaxes jump from cell to cell, which was seen to be learnt by heart
SMALLEST_VARIANCE = 1e-6  # of a filter's response over a frame that shows nothing


class KeypointRewardNetwork(MemberNetwork):
    """Where each filter responds most in each frame, and an MLP on these points and the action.

    The points are the spatial softmax of Finn et al. 2016 (Deep Spatial Autoencoders), of responses scaled to unit
    variance over the frame: `sum_ij softmax(0.15 f / std f)_ij * (y_ij, x_ij)`, in [-1, 1]. A network that gets
    positions need not learn from labels, cell by cell, that neighbouring cells are alike. Dropout and batch norm are
    those of the MLP.
    """

    reads_single_frames = True

    def __init__(self, shape: NetworkShape, spec: NetworkSpec) -> None:
        super().__init__(spec)
        height, width, stack = shape.observation_shape
        self._members = shape.members
        self.convolution = MemberConv2d(
            shape.members, 1, KEYPOINT_FILTERS, KEYPOINT_KERNEL, KEYPOINT_STRIDE, shared_input=True
        )
        rows, columns = ((side - KEYPOINT_KERNEL) // KEYPOINT_STRIDE + 1 for side in (height, width))
        axes = torch.linspace(-1, 1, rows), torch.linspace(-1, 1, columns)
        grid = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).flatten(0, 1)
        self.register_buffer("_grid", grid, persistent=False)
        self._grid: Tensor
        self.register_buffer("_sharpness", torch.full((rows * columns,), KEYPOINT_SHARPNESS), persistent=False)
        self._sharpness: Tensor
        self._points = 2 * KEYPOINT_FILTERS
        self.head = MLPRewardNetwork(NetworkShape(shape.members, (stack * self._points,), shape.action_size), spec)

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

    def of_frames(self, frames: Tensor, actions: Tensor, stack: int) -> Tensor:
        """Each frame is read once, however many stacks it is in."""
        return self._rewards(self.keypoints(frames).unfold(2, stack, 1).transpose(-1, -2), actions)

    def _rewards(self, points: Tensor, actions: Tensor) -> Tensor:
        return self.head(points.flatten(-2), actions)
