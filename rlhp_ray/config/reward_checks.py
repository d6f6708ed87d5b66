"""Checks of the keys of the section `reward` that say what is fitted, and how."""

from collections.abc import Iterator

from rlhp_ray.config.field_guide import closest
from rlhp_ray.config.schema import RewardConfig
from rlhp_ray.config.target_name import is_target
from rlhp_ray.config.yaml_text import format_value

_TAKES_IMAGES = {"mlp": False, "mlp_heads": False, "cnn": True, "keypoint_cnn": True}


def network_problems(reward: RewardConfig, env_id: str, is_image: bool, is_discrete: bool) -> Iterator[str]:
    """One line for every contradiction.

    Args:
        reward: section of the configuration.
        env_id: of the environment.
        is_image: whether its observations are frames, large enough for convolutions.
        is_discrete: whether its actions are choices.
    """
    if is_image and reward.inputs == "obs_action_next_obs":
        yield (
            f"reward.inputs: got obs_action_next_obs, but the observations of {env_id} are images, whose frames show "
            "motion by themselves; expected obs or obs_action; leave it out for the default, obs_action"
        )
    name = reward.network
    if is_target(name):
        yield from _own_network_problems(reward)
    elif name != "auto" and name not in _TAKES_IMAGES:
        names = ["auto", *_TAKES_IMAGES, "module:Class"]
        hint = closest(name, names).removeprefix("; ") or "leave it out for the default, auto"
        yield f"reward.network: got {name!r}, expected {', '.join(names[:-1])} or {names[-1]}; {hint}"
    elif name != "auto" and _TAKES_IMAGES[name] != is_image:
        got, fitting = ("images", "cnn or keypoint_cnn") if is_image else ("vectors", "mlp or mlp_heads")
        yield (
            f"reward.network: got {name}, but the observations of {env_id} are {got} to the networks; expected "
            f"{fitting}; leave it out for the default, auto, which chooses by itself"
        )
    elif name == "mlp_heads" and not (is_discrete and reward.inputs == "obs_action"):
        got = f"reward.inputs {reward.inputs}" if is_discrete else f"the continuous actions of {env_id}"
        yield (
            f"reward.network: got mlp_heads, which has an output for each choice of a discrete action, with {got}; "
            "expected discrete actions and reward.inputs obs_action; choose mlp"
        )


def _own_network_problems(reward: RewardConfig) -> Iterator[str]:
    for key, off in (("dropout", 0.0), ("batch_norm", False)):
        value = getattr(reward, key)
        if value != off:
            yield (
                f"reward.{key}: got {format_value(value)} with reward.network {reward.network}, whose class has "
                f"layers of its own; expected {format_value(off)}; leave it out"
            )


def fitting_problems(reward: RewardConfig, labels: int) -> Iterator[str]:
    """One line for every contradiction among the keys that say how a reward is fitted.

    Args:
        reward: section of the configuration.
        labels: budget of queries.
    """
    if reward.optimiser == "rmsprop" and reward.beta1 != RewardConfig.model_fields["beta1"].default:
        yield (
            f"reward.beta1: got {format_value(reward.beta1)} with reward.optimiser rmsprop, which has none; expected "
            "the default; leave it out, or set reward.optimiser=adam"
        )
    if reward.load is not None and not reward.warm_start and labels > 0:
        yield (
            f"reward.warm_start: got false with reward.load {reward.load} and {labels} labels, whose first round would "
            "forget what was loaded; expected true; leave it out, or leave out reward.load"
        )
