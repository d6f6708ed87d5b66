"""Gradient steps for all members at once, with each member's own L2 coefficient."""

from typing import Any

import torch
from torch import Tensor

from rlhp_ray.reward.fit_recipe import FitRecipe
from rlhp_ray.reward.member_network import MemberNetwork

BETA2 = 0.999  # Kingma and Ba 2015 (Adam), s2


class MemberOptimiser:
    """Descends `loss + sum_m l2_m ||W_m||^2`, W_m the weights of member m without biases.

    adam, rmsprop: the penalty's gradient `2 l2_m W_m` joins that of the loss. adamw: Adam on the loss alone, then
    `W_m -= learning_rate * 2 l2_m W_m`, decoupled (Loshchilov and Hutter 2019), so that Adam's scaling of gradients
    does not undo what the coefficient asks for.

    Args:
        network: whose parameters are moved in place.
        learning_rate: of a step.
        recipe: names the optimiser, and its momentum.
    """

    def __init__(self, network: MemberNetwork, learning_rate: float, recipe: FitRecipe) -> None:
        self._penalised = network.penalised()
        self._learning_rate = learning_rate
        self._decoupled = recipe.optimiser == "adamw"
        self._optimiser: torch.optim.Optimizer
        if recipe.optimiser == "rmsprop":
            self._optimiser = torch.optim.RMSprop(network.parameters(), lr=learning_rate)
        else:
            betas = (recipe.beta1, BETA2)
            self._optimiser = torch.optim.Adam(network.parameters(), lr=learning_rate, betas=betas, fused=True)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        self._optimiser.zero_grad(set_to_none=True)

    @torch.no_grad()
    def step(self, l2: Tensor) -> None:
        """One step along the gradients of the loss, with coefficients `l2 [members]`."""
        if not self._decoupled:
            for weights in self._penalised:
                assert weights.grad is not None
                weights.grad.addcmul_(weights, _by_member(2 * l2, weights))
        self._optimiser.step()
        if self._decoupled:
            for weights in self._penalised:
                weights.mul_(_by_member(1 - self._learning_rate * 2 * l2, weights))

    def state_dict(self) -> dict[str, Any]:
        """Torch's own, for a checkpoint."""
        return self._optimiser.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`."""
        self._optimiser.load_state_dict(state)


def _by_member(numbers: Tensor, weights: Tensor) -> Tensor:
    """`[members]` as a factor of `[members, ...]`."""
    return numbers.view(-1, *[1] * (weights.dim() - 1))
