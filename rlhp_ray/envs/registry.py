"""What environments offer, by id: the package's front, next to the making of them (`env_making`)."""

import math
import warnings
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.spaces import Box, Discrete

from rlhp_ray.envs.atari_making import GAME_BYTES, HORIZON, rom_of
from rlhp_ray.envs.env_choice import EnvChoice
from rlhp_ray.envs.env_lookup import MOVING_DOTS, find_env_spec
from rlhp_ray.envs.env_making import (
    make_env,
    make_vector_env,
    native_vector_kwargs,
    own_frame_skip,
    own_frame_skip_setting,
)
from rlhp_ray.envs.episode_ends import warn_of_visible_ends
from rlhp_ray.envs.moving_dot_rules import stratified_starts
from rlhp_ray.envs.score_mask import SCORE_PARTS
from rlhp_ray.errors import EnvironmentNotSupportedError

__all__ = [
    "EnvDescription",
    "describe_env",
    "evaluation_reset_options",
    "make_env",
    "make_vector_env",
    "recorded_choice",
    "warn_if_ends_visible",
    "warn_if_score_shown",
]


@dataclass(frozen=True)
class EnvDescription:
    """What an environment offers, as one of its copies shows it.

    Attributes:
        env_id: The Gymnasium id.
        observation_space: Of a single environment, Box or Discrete; observations of parts are one Box (`flattened`).
        action_space: Of a single environment, bounded one-dimensional Box or Discrete.
        episode_steps: The environment's own time limit in agent steps, None if it has none; of Atari the length of
            the episodes in which the ends of games are hidden.
        frame_stack: How many frames are stacked in the last axis of an observation, None if it is no stack.
        has_native_vector: Whether many copies are stepped by one vectorised implementation.
        has_score_mask: Of an Atari game, whether it is known where the score is shown; None of any other environment.
        game_bytes: Memory of one copy of an Atari game; 0 of other environments, where it is not known.
    """

    env_id: str
    observation_space: Box | Discrete
    action_space: Box | Discrete
    episode_steps: int | None
    frame_stack: int | None
    has_native_vector: bool
    has_score_mask: bool | None = None
    game_bytes: int = 0

    @property
    def observation_bytes(self) -> int:
        """Memory of one observation."""
        dtype = self.observation_space.dtype
        assert dtype is not None  # of a Box or Discrete
        return math.prod(self.observation_space.shape or ()) * dtype.itemsize


def describe_env(env_id: str, *, frame_skip: int | None = None) -> EnvDescription:
    """Make the environment once and say what it offers.

    Args:
        env_id: The Gymnasium id.
        frame_skip: Raw steps per agent step; None for the environment's own.

    Raises:
        EnvironmentNotSupportedError: Unknown id, missing package, or spaces that cannot be used.
    """
    spec = find_env_spec(env_id)
    rom = rom_of(spec)
    env = make_env(env_id, frame_skip=frame_skip)
    try:
        observation_space, action_space = _supported_spaces(env_id, env)
        return EnvDescription(
            env_id=env_id,
            observation_space=observation_space,
            action_space=action_space,
            episode_steps=_episode_steps(spec, env, frame_skip),
            frame_stack=getattr(env.unwrapped, "frame_stack", None),
            has_native_vector=rom is not None or native_vector_kwargs(spec, frame_skip, None) is not None,
            has_score_mask=None if rom is None else rom in SCORE_PARTS,
            game_bytes=0 if rom is None else GAME_BYTES,
        )
    finally:
        env.close()


def evaluation_reset_options(env_id: str, num_episodes: int) -> dict[str, Any] | None:
    """Options for the reset of `num_episodes` environments that make evaluations comparable, where there are any.

    MovingDot's are fixed, stratified starting points, for the vector environment that `make_vector_env` makes without a
    horizon; None elsewhere.
    """
    return {"starts": stratified_starts(num_episodes)} if env_id in MOVING_DOTS else None


def recorded_choice(choice: EnvChoice) -> EnvChoice:
    """A choice in the one way in which it is stored, so that equal ones compare equal.

    A frame skip that is the environment's own becomes None; the score counts as shown only where it could be blanked.

    Raises:
        EnvironmentNotSupportedError: The id is unknown, or what registers it is not installed.
    """
    spec = find_env_spec(choice.env_id)
    is_own = choice.frame_skip == own_frame_skip(spec)
    shows_score = not choice.hides_score and rom_of(spec) in SCORE_PARTS
    return EnvChoice(choice.env_id, None if is_own else choice.frame_skip, not shows_score)


def warn_if_ends_visible(description: EnvDescription, horizon: int | None) -> None:
    """Warn once per process and environment if the policy can see where episodes end; see `episode_ends`."""
    warn_of_visible_ends(description.env_id, horizon)


def warn_if_score_shown(description: EnvDescription, score_mask: str) -> None:
    """Warn if an Atari game is played whose score can be read from its frames, from which rewards could be learnt."""
    if description.has_score_mask is None or (description.has_score_mask and score_mask != "off"):
        return
    reason = "env.score_mask is off" if description.has_score_mask else "no mask of this game is known"
    warnings.warn(
        f"{description.env_id} shows its score to policy and predictor ({reason}). It can tell them the reward, "
        "whatever was preferred (Christiano et al. 2017, A.2).",
        UserWarning,
        stacklevel=2,
    )


def _episode_steps(spec: EnvSpec, env: gym.Env, frame_skip: int | None) -> int | None:
    if rom_of(spec) is not None:
        return HORIZON
    own_steps = getattr(env.unwrapped, "episode_steps", None)
    if own_steps is not None:
        return int(own_steps)
    own_setting = own_frame_skip_setting(spec)
    raw_steps = spec.max_episode_steps or spec.kwargs.get("max_num_frames_per_episode")
    if raw_steps is None:
        return None
    if own_setting and spec.max_episode_steps is not None:
        return int(raw_steps)  # Gymnasium's limit then counts agent steps
    skipped = frame_skip or own_frame_skip(spec)
    return -(-raw_steps // skipped) if isinstance(skipped, int) else None  # old Atari ids skip a random number


def _supported_spaces(env_id: str, env: gym.Env) -> tuple[Box | Discrete, Box | Discrete]:
    observations, actions = env.observation_space, env.action_space
    if not isinstance(observations, Box | Discrete):
        raise EnvironmentNotSupportedError(
            f"Environment {env_id!r} has observations {observations}; expected a Box, Discrete, MultiDiscrete or "
            "MultiBinary space, or a Dict or Tuple of such. Turn them into one in a wrapper "
            "(`gymnasium.wrappers.TransformObservation`) and register the result, or choose another env.id."
        )
    if isinstance(actions, Box) and (len(actions.shape) != 1 or not np.isfinite([actions.low, actions.high]).all()):
        raise EnvironmentNotSupportedError(
            f"Environment {env_id!r} has actions {actions} of shape {actions.shape}; expected one dimension and finite "
            "bounds. Flatten or rescale them (`gymnasium.wrappers.RescaleAction`), or choose another env.id."
        )
    if not isinstance(actions, Box | Discrete):
        raise EnvironmentNotSupportedError(
            f"Environment {env_id!r} has actions {actions}; expected a Discrete or a bounded one-dimensional Box "
            "space. Wrap and register it with such actions, or choose another env.id."
        )
    return observations, actions
