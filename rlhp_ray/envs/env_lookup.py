"""The ids of this project's environments, finding any environment by id, and what to do when it is not there."""

import contextlib
import difflib
import importlib
import re
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from rlhp_ray.envs.moving_dot_rules import DEFAULT_FRAME_SKIP
from rlhp_ray.errors import EnvironmentNotSupportedError

ATARI_NAMESPACE = "ALE"

MOVING_DOTS: dict[str, dict[str, Any]] = {
    "rlhp/MovingDot-v0": {"observation_mode": "coordinates", "continuous": False},
    "rlhp/MovingDotPixels-v0": {"observation_mode": "pixels", "continuous": False},
    "rlhp/MovingDotContinuous-v0": {"observation_mode": "coordinates", "continuous": True},
}

_EXTRAS = {
    "mujoco": 'pip install "gymnasium[mujoco]"',
    "box2d": 'pip install swig && pip install "gymnasium[box2d]"',
    "pygame": 'pip install "gymnasium[classic-control]"',
    "jax": 'pip install "gymnasium[jax]"',
    "ale_py": "pip install ale-py",
}


def register_moving_dots() -> None:
    """Register MovingDot with Gymnasium; importing this module does so.

    No `max_episode_steps`: the environment truncates itself after 1,000 raw steps, and Gymnasium's TimeLimit of 250
    agent steps would cut an episode with another frame skip short. `EnvDescription.episode_steps` knows the length.
    """
    for env_id, kwargs in MOVING_DOTS.items():
        if env_id not in gym.registry:
            gym.register(
                env_id,
                entry_point="rlhp_ray.envs.moving_dot:MovingDotEnv",
                vector_entry_point="rlhp_ray.envs.moving_dot_vector:MovingDotVectorEnv",
                kwargs={**kwargs, "frame_skip": DEFAULT_FRAME_SKIP},
            )


register_moving_dots()


def find_env_spec(env_id: str) -> EnvSpec:
    """Look up an environment's registration.

    Atari games are registered only when an id starts with `ALE/`, so that nobody else waits for that import. An id
    `module:Name-v0` imports `module` first, as in Gymnasium.

    Raises:
        EnvironmentNotSupportedError: The id is unknown, or what registers it is not installed.
    """
    with dependencies_explained(env_id):
        module, _, name = env_id.rpartition(":")
        if module:
            importlib.import_module(module)
        if name.startswith(f"{ATARI_NAMESPACE}/"):
            gym.register_envs(importlib.import_module("ale_py"))
    if name not in gym.registry:
        raise EnvironmentNotSupportedError(_unknown_id_message(env_id, name))
    return gym.registry[name]


@contextlib.contextmanager
def dependencies_explained(env_id: str) -> Iterator[None]:
    """Turn the ways in which Gymnasium fails to make an environment into an error that says what to install."""
    try:
        yield
    except (ImportError, gym.error.DependencyNotInstalled) as error:
        raise EnvironmentNotSupportedError(
            f"Environment {env_id!r} needs a package that cannot be imported: {str(error).rstrip('.')}. "
            f"{_what_to_install(error)}"
        ) from error
    except gym.error.Error as error:
        raise EnvironmentNotSupportedError(
            f"Environment {env_id!r} cannot be made: {error} Check env.id with `gymnasium.make({env_id!r})`."
        ) from error


def _what_to_install(error: Exception) -> str:
    module = (getattr(error, "name", None) or "").partition(".")[0]
    if isinstance(error, gym.error.DependencyNotInstalled):  # names the package only in its text
        module = next((name for name in _EXTRAS if name in str(error).lower()), "")
    if not module:
        return "Install what it names, or choose another version of it or another env.id."
    return f"To use it: {_EXTRAS.get(module.lower(), f'pip install {module}')}; or choose another env.id."


def _unknown_id_message(env_id: str, name: str) -> str:
    newest = {_versionless(known): known for known in gym.registry}  # later versions are registered later
    for known in list(newest):
        newest.setdefault(known.rpartition("/")[2], newest[known])
    full, bare = _versionless(name), _versionless(name).rpartition("/")[2]
    matches = difflib.get_close_matches(full, newest, n=3) + difflib.get_close_matches(bare, newest, n=3)
    close = list(dict.fromkeys(newest[match] for match in matches))[:3]
    hint = f"Did you mean {' or '.join(close)}?" if close else "`gymnasium.pprint_registry()` lists what is known."
    return (
        f"Unknown environment {env_id!r}. Expected a Gymnasium id with its version, such as rlhp/MovingDot-v0, "
        f"Pendulum-v1 or ALE/Pong-v5. {hint}"
    )


def _versionless(env_id: str) -> str:
    return re.sub(r"-v\d+$", "", env_id.lower())
