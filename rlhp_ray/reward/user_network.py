"""A network of the user's own: a plain `nn.Module` for one member, of which all members are computed in one call."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from rlhp_ray.errors import RewardNetworkError
from rlhp_ray.preferences.user_function import UserFunction, one_line
from rlhp_ray.reward.member_network import MemberNetwork, channels_last
from rlhp_ray.reward.network_spec import NetworkShape, NetworkSpec
from rlhp_ray.reward.observation_scaling import BYTE_MAX


class UserRewardNetwork(MemberNetwork):
    """`rewards_m = f(observations, actions; theta_m)` for all members m at once, f the user's module (torch.func.vmap).

    The class is made as `Class(observation_shape, action_size)`; its `forward(observations [n, *observation_shape],
    actions [n, action_size])` returns `[n]`. Vectors come scaled, images as floats in [0, 1], `[n, stack, height,
    width]`. With `reward.inputs=obs_action_next_obs` observations are `[n, 2 * size]`, each with the next one behind
    it. It holds the weights of all members, stacked along a first axis, under the names that the user gave them.

    Args:
        shape: members and sizes.
        spec: whose name is `module:Class`.

    Raises:
        RewardNetworkError: the class cannot be imported, is no nn.Module or cannot be made; or, when called, it fails
            or returns another shape.
    """

    def __init__(self, shape: NetworkShape, spec: NetworkSpec) -> None:
        super().__init__(spec)
        self._title = f"reward.network={spec.name}"
        self._is_image = shape.is_image
        make = _imported_class(spec.name)
        *sides, channels = shape.observation_shape
        own_shape = (channels, *sides) if shape.is_image else shape.observation_shape
        members: list[Any] = [make(own_shape, shape.action_size) for _ in range(shape.members)]
        try:
            self.member = _stacked(members)
        except Exception as error:
            raise RewardNetworkError(
                f"{self._title}: the members' weights cannot be stacked ({type(error).__name__}: {one_line(error)}); "
                "expected the same parameters, of the same shapes, each time the class is made."
            ) from error
        if not list(self.member.parameters()):
            raise RewardNetworkError(f"{self._title}: the module has no parameters; expected some that can be learnt.")

    def penalised(self) -> list[nn.Parameter]:
        """Those that are matrices or more for one member: no biases, no gains of a normalisation."""
        return [parameter for parameter in self.member.parameters() if parameter.dim() > 2]

    def forward(self, observations: Tensor, actions: Tensor) -> Tensor:
        """As `MemberNetwork`; the user's module gets the steps of all clips as rows."""
        batch = actions.shape[:-1]
        rows = (
            channels_last(observations).div_(BYTE_MAX).contiguous() if self._is_image else observations.flatten(0, -2)
        )
        weights = dict(self.member.named_parameters()), dict(self.member.named_buffers())
        every_member = vmap(self._rewards_of_one, in_dims=(0, 0, None, None), randomness="different")
        try:
            rewards = every_member(*weights, rows, actions.flatten(0, -2))
        except Exception as error:
            raise RewardNetworkError(
                f"{self._title} raised {type(error).__name__}: {one_line(error)}. All members are computed at once by "
                "torch.func.vmap, which takes no branches on values and no .item(). Correct the class."
            ) from error
        if rewards.shape[1:] != (len(rows),):
            raise RewardNetworkError(
                f"{self._title} returned the shape {list(rewards.shape[1:])} for {len(rows)} steps; expected "
                f"[{len(rows)}], one reward a step. Correct the class, for instance by .squeeze(-1) at its end."
            )
        return self.bounded(rewards).reshape(-1, *batch)

    def _rewards_of_one(self, parameters: dict, buffers: dict, observations: Tensor, actions: Tensor) -> Tensor:
        return functional_call(self.member, (parameters, buffers), (observations, actions))


def check_user_network(shape: NetworkShape, spec: NetworkSpec) -> None:
    """Make the network and try it on random steps, so that what cannot be used shows before the run starts.

    Raises:
        RewardNetworkError: as `UserRewardNetwork`; or rewards are not finite, or do not depend on the parameters.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = UserRewardNetwork(shape, spec)
        for training, steps in ((False, 1), (False, 8), (True, 2), (True, 8)):
            observations = torch.rand(steps, *shape.observation_shape)
            if shape.is_image:
                observations = (255 * observations).to(torch.uint8)
            rewards = network.train(training)(observations, torch.rand(steps, shape.action_size))
            if not torch.isfinite(rewards).all():
                raise RewardNetworkError(
                    f"reward.network={spec.name} returned {one_line(rewards[0].tolist())} for random observations in "
                    "[0, 1]; expected finite numbers. Correct the class."
                )
            if not rewards.requires_grad:
                raise RewardNetworkError(
                    f"reward.network={spec.name}: the rewards do not depend on the parameters, or were detached from "
                    "them; expected rewards that can be fitted. Correct the class."
                )


def _imported_class(target: str) -> UserFunction:
    make = UserFunction(
        "reward.network", target, ("observation_shape", "action_size"), kind="class", error=RewardNetworkError
    )
    if not (isinstance(make.imported, type) and issubclass(make.imported, nn.Module)):
        raise RewardNetworkError(f"{make.title}: got {one_line(make.imported)}; expected a class of torch.nn.Module.")
    return make


def _stacked(members: list[nn.Module]) -> nn.Module:
    """The first module with the weights of all in the place of its own, tied ones still tied."""
    first = members[0]
    parameters, buffers = stack_module_state(members)
    stacked = {id(first.get_parameter(name)): nn.Parameter(value) for name, value in parameters.items()}
    stacked |= {id(first.get_buffer(name)): value for name, value in buffers.items()}
    for module in first.modules():
        for own in (module._parameters, module._buffers):
            own.update({name: stacked[id(value)] for name, value in own.items() if value is not None})
    return first
