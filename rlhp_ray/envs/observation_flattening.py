"""Observations of several parts as one vector, so that all that follows sees a Box."""

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Tuple
from gymnasium.spaces.utils import flatdim
from gymnasium.vector import VectorEnv
from gymnasium.wrappers import FlattenObservation
from gymnasium.wrappers.vector import FlattenObservation as FlattenVectorObservation

from rlhp_ray.envs.image_space import is_image_space
from rlhp_ray.errors import EnvironmentNotSupportedError

FLATTENED = Dict | Tuple | MultiDiscrete | MultiBinary


def flattened(env_id: str, env: gym.Env) -> gym.Env:
    """The environment with observations that are one Box or Discrete, where they are made of parts.

        o = [flat(o_1), ..., flat(o_k)]

    by Gymnasium's `FlattenObservation`, parts in the order of the space (of a Dict made from a plain one, that of its
    sorted keys): a Box or MultiBinary row by row, a Discrete one-hot, a MultiDiscrete each entry one-hot, Dict and
    Tuple part by part. Numbers keep their units and bounds; their type is one that holds those of all parts.

    Args:
        env_id: for the error.
        env: any; returned as it is where its observations are not of parts.

    Raises:
        EnvironmentNotSupportedError: a part is an image, is empty or has no fixed size; the environment is closed then.
    """
    if not isinstance(env.observation_space, FLATTENED):
        return env
    _require_flat_parts(env_id, env, env.observation_space)
    return FlattenObservation(env)


def flattened_vector(env_id: str, env: VectorEnv) -> VectorEnv:
    """As `flattened`, for an environment that is many copies by itself."""
    if not isinstance(env.single_observation_space, FLATTENED):
        return env
    _require_flat_parts(env_id, env, env.single_observation_space)
    return FlattenVectorObservation(env)


def _require_flat_parts(env_id: str, env: gym.Env | VectorEnv, space: gym.Space) -> None:
    for name, part in _parts(space):
        wrong = _what_is_wrong(part)
        if wrong is not None:
            env.close()
            raise EnvironmentNotSupportedError(
                f"Environment {env_id!r} has observations {space}, of which {name or 'the whole'} is {wrong}; expected "
                "a Dict or Tuple of Box (but no image), Discrete, MultiDiscrete and MultiBinary. Leave that part out "
                "in a wrapper (`gymnasium.wrappers.FilterObservation`, TransformObservation) and register the result, "
                "or choose another env.id."
            )


def _parts(space: gym.Space, name: str = "") -> Iterator[tuple[str, gym.Space]]:
    """The innermost spaces with their way from the outermost, such as `['hand'][0]`; an empty one is a part itself."""
    inner: dict[Any, gym.Space] = {}
    if isinstance(space, Dict | Tuple):
        inner = dict(space.items() if isinstance(space, Dict) else enumerate(space.spaces))
    for key, part in inner.items():
        yield from _parts(part, f"{name}[{key!r}]")
    if not inner:
        yield name, space


def _what_is_wrong(part: gym.Space) -> str | None:
    if is_image_space(part):
        return "an image"
    if not isinstance(part, Box | Discrete | FLATTENED):
        return f"a {type(part).__name__}"
    return "empty" if flatdim(part) == 0 else None
