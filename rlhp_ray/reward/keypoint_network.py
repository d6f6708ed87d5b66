"""A network that reads frames as positions, for few labels on scenes of small moving things."""

import torch
from torch import Tensor, nn

from rlhp_ray.reward.member_layers import MemberConv2d
from rlhp_ray.reward.member_network import MemberNetwork
from rlhp_ray.reward.mlp_network import MLPRewardNetwork
from rlhp_ray.reward.network_spec import NetworkShape, NetworkSpec
from rlhp_ray.reward.observation_scaling import BYTE_MAX

KEYPOINT_FILTERS = 5  # three members' are then computed as one block of 16 channels: a third faster than of 8
KEYPOINT_KERNEL, KEYPOINT_STRIDE = 8, 4  # those of Mnih et al. 2013
POSITION_SHARPNESS = 0.15  # sharper softmaxes jump from cell to cell, which was seen to be learnt by heart
MOTION_SHARPNESS = 0.6  # of changes, which few cells have
FRAMES_PER_PASS = 128  # whose responses stay in the cache: three times as fast as 1,000 at once
SMALLEST_VARIANCE = 1e-6  # of a filter's response over a frame that shows nothing


class KeypointRewardNetwork(MemberNetwork):
    """Where each filter responds most in each frame, and where its response changes, then an MLP on these points.

    The points are the spatial softmax of Finn et al. 2016 (Deep Spatial Autoencoders), of responses f scaled to unit
    variance over the frame: `sum_ij softmax(s f / std f)_ij * (y_ij, x_ij)`, in [-1, 1]; of the responses themselves,
    and of what they changed by since the frame before. A network that gets positions need not learn from labels, cell
    by cell, that neighbouring cells are alike. What stands still draws the points of the responses to itself, so that a
    small thing hardly moves them where much else is shown; of the changes it has no part. The MLP sees the action, too.
    Dropout and batch norm are those of the MLP.
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
        # [2, cells]: the other way is six times as slow
        grid = torch.stack(torch.meshgrid(*axes, indexing="ij")).flatten(1)
        self.register_buffer("_grid", grid, persistent=False)
        self._grid: Tensor
        num_points = (2 * stack - 1) * KEYPOINT_FILTERS
        self.head = MLPRewardNetwork(NetworkShape(shape.members, (2 * num_points,), shape.action_size), spec)

    def forward(self, observations: Tensor, actions: Tensor) -> Tensor:
        """`[..., height, width, stack]` uint8, `[..., action_size]` to rewards `[members, ...]`."""
        frames = observations.movedim(-1, -3)
        points = self.points(frames.flatten(0, -4), stack=frames.shape[-3])
        return self.head(points.reshape(self._members, *frames.shape[:-3], -1), actions)

    def of_frames(self, frames: Tensor, actions: Tensor, stack: int) -> Tensor:
        """Each frame is read once, however many stacks it is in."""
        return self.head(self.points(frames, stack), actions)

    def points(self, frames: Tensor, stack: int) -> Tensor:
        """`[n, stack - 1 + steps, height, width]` uint8 to the points of each step's stack.

        Returns:
            `[members, n, steps, filters * 2 * (2 stack - 1)]`: for each filter y, then x, of the frames, oldest first,
            then of the changes.
        """
        clips_per_pass = max(1, FRAMES_PER_PASS // frames.shape[1])
        return torch.cat([self._points_of_pass(clips, stack) for clips in frames.split(clips_per_pass)], dim=1)

    def _points_of_pass(self, frames: Tensor, stack: int) -> Tensor:
        pixels = frames.float().div_(BYTE_MAX).flatten(0, 1).unsqueeze(1)
        responses = self.convolution(pixels).flatten(2).unflatten(0, frames.shape[:2])
        stacks = [self._keypoints(responses, POSITION_SHARPNESS).unfold(1, stack, 1)]
        if stack > 1:
            changes = responses[:, 1:] - responses[:, :-1]
            stacks.append(self._keypoints(changes, MOTION_SHARPNESS).unfold(1, stack - 1, 1))
        return torch.cat(stacks, dim=-1).unflatten(2, (self._members, -1)).flatten(3).movedim(2, 0)

    def _keypoints(self, responses: Tensor, sharpness: float) -> Tensor:
        """`[n, frames, members * filters, cells]` to `[n, frames, members * filters * 2]`."""
        cells = responses.shape[-1:]
        scaled = nn.functional.layer_norm(responses, cells, responses.new_full(cells, sharpness), eps=SMALLEST_VARIANCE)
        return nn.functional.linear(torch.softmax(scaled, dim=-1), self._grid).flatten(2)
