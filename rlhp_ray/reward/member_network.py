"""What every reward network of an ensemble is: all members at once, on single steps or on clips."""

import torch
from torch import Tensor, nn

from rlhp_ray.reward.network_spec import NetworkSpec

LEAKY_SLOPE = 0.01  # C17 A.1, A.2


class MemberNetwork(nn.Module):
    """Rewards of all members. `forward(observations [..., *shape], actions [..., action_size])` gives `[members, ...]`.

    While it is in training mode, rows come as pairs: the left clips are the first half, the right clips the second, in
    the same order. Dropout relies on it.
    """

    reads_single_frames: bool = False  # whether it is cheaper to show it a frame once than in every stack it is in

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        self._tanh = spec.output == "tanh"

    def bounded(self, outputs: Tensor) -> Tensor:
        """What the last layer gives, as rewards: unchanged, or its tanh (PEBBLE, Lee et al. 2021)."""
        return torch.tanh(outputs) if self._tanh else outputs

    def penalised(self) -> list[nn.Parameter]:
        """Parameters `[members, ...]` that L2 shrinks: weights, not biases."""
        return [parameter for name, parameter in self.named_parameters() if name.endswith("weight")]

    def of_frames(self, frames: Tensor, actions: Tensor, stack: int) -> Tensor:
        """Rewards `[members, n, steps]` of clips held as single frames.

        Args:
            frames: `[n, stack - 1 + steps, height, width]` uint8.
            actions: `[n, steps, action_size]`.
            stack: frames in a stack.
        """
        return self(frames.unfold(1, stack, 1), actions)


def activate(inputs: Tensor) -> Tensor:
    """Leaky ReLU (C17 A.1, A.2), in place."""
    return nn.functional.leaky_relu(inputs, LEAKY_SLOPE, inplace=True)


def channels_last(frames: Tensor) -> Tensor:
    """`[..., height, width, stack]` uint8 to rows `[n, stack, height, width]` of floats, of which memory holds the
    stack innermost: convolutions are nearly twice as fast on it."""
    return frames.contiguous().float().flatten(0, -4).permute(0, 3, 1, 2)
