"""Adam on parameters that lie end to end in memory, so that a step is a dozen operations rather than a dozen of each.

On networks of two layers of 64 units, a step of `torch.optim.Adam` goes through ten small tensors and takes as long as
the backward pass. Laid end to end they are one tensor, and the same arithmetic is done on it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adam import adam

CLIP_EPSILON = 1e-6  # as in torch.nn.utils.clip_grads_with_norm_


class FlatAdam:
    """Takes the place of `optimiser.step` for a while: values, gradients and moments become parts of four tensors.

    Args:
        optimiser: plain Adam with one group of parameters; its state is read, written and stays its own.
    """

    def __init__(self, optimiser: torch.optim.Adam) -> None:
        self._optimiser = optimiser
        self._group = optimiser.param_groups[0]
        self._parameters: list[Tensor] = list(self._group["params"])
        for parameter in self._parameters:
            if not optimiser.state[parameter]:
                optimiser.state[parameter] = {
                    "step": torch.tensor(0.0),
                    "exp_avg": torch.zeros_like(parameter),
                    "exp_avg_sq": torch.zeros_like(parameter),
                }
        states = [optimiser.state[parameter] for parameter in self._parameters]
        self._steps = states[0]["step"].to(self._parameters[0].device, copy=True)  # where the fused step wants it
        self._values, values = _end_to_end([parameter.data for parameter in self._parameters])
        self._gradients, gradients = _end_to_end([torch.zeros_like(parameter) for parameter in self._parameters])
        self._means, means = _end_to_end([state["exp_avg"] for state in states])
        self._squares, squares = _end_to_end([state["exp_avg_sq"] for state in states])
        for parameter, state, value, gradient, mean, square in zip(
            self._parameters, states, values, gradients, means, squares, strict=True
        ):
            parameter.data, parameter.grad = value, gradient
            state["exp_avg"], state["exp_avg_sq"] = mean, square

    def zero_grad(self) -> None:
        """As `optimiser.zero_grad`; gradients stay where they are."""
        self._gradients.zero_()

    def norm(self) -> Tensor:
        """Over all gradients."""
        return torch.linalg.vector_norm(self._gradients)

    def step(self, norm: Tensor, max_norm: float) -> None:
        """Scale the gradients so that their norm is at most `max_norm`, and follow them."""
        self._gradients.mul_(torch.clamp(max_norm / (norm + CLIP_EPSILON), max=1.0))
        group = self._group
        beta1, beta2 = group["betas"]
        adam(
            [self._values], [self._gradients], [self._means], [self._squares], [], [self._steps],
            foreach=False, fused=True, amsgrad=False, beta1=beta1, beta2=beta2, lr=group["lr"],
            weight_decay=group["weight_decay"], eps=group["eps"], maximize=False,
        )  # fmt: skip

    def settle(self) -> None:
        """Write the number of steps into the optimiser's state; whoever calls the optimiser itself does this first."""
        for parameter in self._parameters:
            steps = self._optimiser.state[parameter]["step"]
            self._optimiser.state[parameter]["step"] = self._steps.to(steps.device, copy=True)


def _end_to_end(tensors: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """One tensor of all their elements, and parts of it in their shapes."""
    whole = torch.cat([tensor.reshape(-1) for tensor in tensors])
    parts = whole.split([tensor.numel() for tensor in tensors])
    return whole, [part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]
