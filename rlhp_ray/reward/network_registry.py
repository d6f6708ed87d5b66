"""Reward networks by name; `module:Class` is one of the user's."""

from collections.abc import Callable

from rlhp_ray.reward.cnn_network import CNNRewardNetwork
from rlhp_ray.reward.keypoint_network import KeypointRewardNetwork
from rlhp_ray.reward.member_network import MemberNetwork
from rlhp_ray.reward.mlp_network import MLPHeadsRewardNetwork, MLPRewardNetwork
from rlhp_ray.reward.network_spec import NetworkShape, NetworkSpec
from rlhp_ray.reward.user_network import UserRewardNetwork

NETWORKS: dict[str, Callable[[NetworkShape, NetworkSpec], MemberNetwork]] = {
    "mlp": MLPRewardNetwork,
    "mlp_heads": MLPHeadsRewardNetwork,
    "cnn": CNNRewardNetwork,
    "keypoint_cnn": KeypointRewardNetwork,
}


def build_network(shape: NetworkShape, spec: NetworkSpec) -> MemberNetwork:
    """The network that `spec` describes, for prediction (`eval` mode), with weights from torch's generator.

    Raises:
        KeyError: no network has that name.
        ValueError: it does not take such observations, or needs actions.
        RewardNetworkError: a class of the user's cannot be used.
    """
    make = UserRewardNetwork if spec.is_users else NETWORKS[spec.name]
    return make(shape, spec).eval()
