"""From the configuration's section `teacher` to the teacher."""

import contextlib
import math
from dataclasses import fields, replace
from typing import Any

from rlhp_ray.config.schema import RunConfig, TeacherConfig
from rlhp_ray.envs.atari_making import rom_of
from rlhp_ray.envs.env_lookup import find_env_spec
from rlhp_ray.errors import ConfigError, TeacherError
from rlhp_ray.preferences.own_teachers import CallableTeacher, OwnReward, asks_for_ram
from rlhp_ray.preferences.teacher_traits import TeacherTraits
from rlhp_ray.preferences.teachers import RandomTeacher, SimulatedTeacher, Teacher, true_rewards

PRESETS = {  # B-Pref s4 and its scripts
    "oracle": TeacherTraits(),
    "stoch": TeacherTraits(beta=1.0),
    "myopic": TeacherTraits(gamma=0.9),
    "mistake": TeacherTraits(mistake=0.1),
    "skip": TeacherTraits(skip=0.1),
    "equal": TeacherTraits(equal=0.1),
}


def make_teacher(config: TeacherConfig) -> Teacher:
    """The teacher of a validated configuration: its preset, with the keys that are not null laid over it.

    Raises:
        TeacherError: a function of the user's cannot be imported.
    """
    if config.callable is not None:
        return CallableTeacher(config.callable)
    if config.preset == "random":
        return RandomTeacher()
    traits = chosen_traits(config)
    preset = PRESETS[config.preset]
    changed = {name: value for name, value in _values(traits).items() if value != getattr(preset, name)}
    words = [config.preset, *(f"{name}={_text(value)}" for name, value in changed.items())]
    if config.reward_function is None:
        return SimulatedTeacher(traits, " ".join(words), true_rewards)
    words.append(f"reward_function={config.reward_function}")
    return SimulatedTeacher(traits, " ".join(words), OwnReward(config.reward_function))


def check_teacher(config: RunConfig) -> None:
    """Refuse a reward function that asks for the RAM of a console where there is none, before anything starts.

    One that cannot be used at all is left to `make_teacher`, which says why.

    Raises:
        ConfigError: naming the function.
    """
    target, env_id = config.teacher.reward_function, config.env.id
    if target is None or rom_of(find_env_spec(env_id)) is not None:
        return
    with contextlib.suppress(TeacherError):
        if asks_for_ram(target):
            raise ConfigError(
                f"configuration: teacher.reward_function: got {target}, which has a parameter `ram`, with env.id "
                f"{env_id}, which has no console's RAM; expected an Atari game (env.id=ALE/...) or a function of "
                "(observations, actions); change one of the two."
            )


def chosen_traits(config: TeacherConfig) -> TeacherTraits:
    """The traits of the preset, with the keys that are not null laid over them."""
    given = {field.name: getattr(config, field.name) for field in fields(TeacherTraits)}
    given["beta"] = math.inf if config.beta == "perfect" else config.beta
    return replace(PRESETS[config.preset], **{name: value for name, value in given.items() if value is not None})


def _values(traits: TeacherTraits) -> dict[str, Any]:
    return {field.name: getattr(traits, field.name) for field in fields(traits)}


def _text(value: float) -> str:
    return f"{value:g}" if math.isfinite(value) else "perfect"
