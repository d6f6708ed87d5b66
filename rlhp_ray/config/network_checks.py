"""Checks of the keys of the section `reward` that describe the network: what the environment rules out."""

from collections.abc import Iterator

from rlhp_ray.config.field_guide import closest
from rlhp_ray.config.schema import RewardConfig
from rlhp_ray.config.target_name import is_target

_TAKES_IMAGES = {"mlp": False, "cnn": True, "keypoint_cnn": True}


def network_problems(reward: RewardConfig, env_id: str, is_image: bool) -> Iterator[str]:
    """One line for every contradiction.

    Args:
        reward: what was asked for.
        env_id: of the environment.
        is_image: whether its observations are frames, large enough for convolutions.
    """
    name = reward.network
    if name == "auto" or is_target(name):
        return
    if name not in _TAKES_IMAGES:
        names = ["auto", *_TAKES_IMAGES, "module:Class"]
        hint = closest(name, names).removeprefix("; ") or "leave it out for the default, auto"
        yield f"reward.network: got {name!r}, expected {', '.join(names[:-1])} or {names[-1]}; {hint}"
    elif _TAKES_IMAGES[name] != is_image:
        got, fitting = ("images", "cnn or keypoint_cnn") if is_image else ("vectors", "mlp")
        yield (
            f"reward.network: got {name}, but the observations of {env_id} are {got} to the networks; expected "
            f"{fitting}; leave it out for the default, auto, which chooses by itself"
        )
