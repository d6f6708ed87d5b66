"""Making environments by id: single ones whose ends are visible, and vector ones for training."""

from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

from rlhp_ray.envs.atari_making import make_atari_game, make_atari_games, rom_of
from rlhp_ray.envs.env_lookup import MOVING_DOTS, dependencies_explained, find_env_spec
from rlhp_ray.envs.fixed_horizon import FixedHorizon
from rlhp_ray.envs.frame_skip import FrameSkip
from rlhp_ray.envs.moving_dot_rules import DEFAULT_FRAME_SKIP, episode_agent_steps
from rlhp_ray.envs.observation_flattening import flattened, flattened_vector
from rlhp_ray.errors import ConfigError

_NO_TIME_LIMIT = -1  # how `gymnasium.make` is asked for it


def make_env(
    env_id: str, *, frame_skip: int | None = None, hides_score: bool = True, render_mode: str | None = None
) -> gym.Env:
    """Make a single environment whose ends are visible, as replay shows it; observations of parts are one vector.

    Args:
        env_id: The Gymnasium id.
        frame_skip: Raw steps per agent step; None for the environment's own.
        hides_score: Blank the score of an Atari game whose mask is known.
        render_mode: As in Gymnasium.

    Raises:
        EnvironmentNotSupportedError: It cannot be made, or its observations have parts that are no vectors.
    """
    spec = find_env_spec(env_id)
    rom = rom_of(spec)
    if rom is None:
        return _make_single(spec, frame_skip, render_mode)
    _check_counts(frame_skip=frame_skip)
    with dependencies_explained(env_id):
        return make_atari_game(rom, frame_skip, hides_score, render_mode)


def make_vector_env(
    env_id: str,
    num_envs: int,
    *,
    frame_skip: int | None = None,
    horizon: int | None = None,
    termination_penalty: float = 0.0,
    hides_score: bool = True,
    render_mode: str | None = None,
) -> VectorEnv:
    """Make a vector environment with next-step autoreset, by the native implementation where that does what is asked.

    Observations of parts are one vector, as in `make_env`. Of Atari games the reward is clipped, and the infos hold the
    points (`AtariGameVectorEnv`).

    Args:
        env_id: The Gymnasium id.
        num_envs: The number of copies.
        frame_skip: Raw steps per agent step; None for the environment's own.
        horizon: Agent steps per episode, the ends of the game being hidden (`FixedHorizon`, without Gymnasium's own
            time limit); None leaves the ends visible.
        termination_penalty: With a horizon: subtracted from the reward of a step at which the game ends.
        hides_score: Blank the score of an Atari game whose mask is known.
        render_mode: As in Gymnasium; not of Atari.
    """
    _check_counts(num_envs=num_envs, frame_skip=frame_skip, horizon=horizon)
    spec = find_env_spec(env_id)
    rom = rom_of(spec)
    if rom is not None:
        settings = {"horizon": horizon, "termination_penalty": termination_penalty, "hides_score": hides_score}
        with dependencies_explained(env_id):
            return make_atari_games(rom, num_envs, frame_skip=frame_skip, **settings)
    kwargs = native_vector_kwargs(spec, frame_skip, horizon)
    if kwargs is not None:
        with dependencies_explained(env_id):
            kwargs |= _render_kwargs(render_mode)
            env = gym.make_vec(spec.id, num_envs, vectorization_mode="vector_entry_point", **kwargs)
        return flattened_vector(env_id, env)

    def make_copy() -> gym.Env:
        if horizon is None:
            return _make_single(spec, frame_skip, render_mode)
        env = _make_single(spec, frame_skip, render_mode, max_episode_steps=_NO_TIME_LIMIT)
        return FixedHorizon(env, horizon, termination_penalty)

    return SyncVectorEnv([make_copy] * num_envs, autoreset_mode=AutoresetMode.NEXT_STEP)


def _make_single(
    spec: EnvSpec, frame_skip: int | None, render_mode: str | None, max_episode_steps: int | None = None
) -> gym.Env:
    _check_counts(frame_skip=frame_skip)
    own_setting = own_frame_skip_setting(spec)
    kwargs: dict[str, Any] = {own_setting: frame_skip} if own_setting and frame_skip is not None else {}
    with dependencies_explained(spec.id):
        kwargs |= _render_kwargs(render_mode)
        env: gym.Env = gym.make(spec.id, max_episode_steps=max_episode_steps, **kwargs)
    env = flattened(spec.id, env)
    return env if own_setting or frame_skip in (None, 1) else FrameSkip(env, frame_skip)


def own_frame_skip_setting(spec: EnvSpec) -> str | None:
    """The keyword by which the environment skips frames itself (MovingDot, Atari), None if it does not."""
    return next((key for key in ("frame_skip", "frameskip") if key in spec.kwargs), None)


def own_frame_skip(spec: EnvSpec) -> object:
    """Raw steps of an agent step as the environment is registered; old Atari ids skip a random number of them."""
    own_setting = own_frame_skip_setting(spec)
    return spec.kwargs[own_setting] if own_setting else 1


def native_vector_kwargs(spec: EnvSpec, frame_skip: int | None, horizon: int | None) -> dict[str, Any] | None:
    """What to pass to the native vector environment to get what is asked, or None if it cannot do that."""
    if spec.vector_entry_point is None:
        return None
    kwargs: dict[str, Any] = {}
    own_setting = own_frame_skip_setting(spec)
    if own_setting and frame_skip is not None:
        kwargs[own_setting] = frame_skip
    elif frame_skip not in (None, 1):
        return None
    if horizon is not None:
        if spec.id not in MOVING_DOTS or horizon > episode_agent_steps(frame_skip or DEFAULT_FRAME_SKIP):
            return None
        kwargs["max_episode_steps"] = horizon  # never terminates, so there is no end to hide within
    return kwargs


def _render_kwargs(render_mode: str | None) -> dict[str, str]:
    """Nothing for None: some environments do not know the keyword."""
    return {} if render_mode is None else {"render_mode": render_mode}


def _check_counts(**counts: int | None) -> None:
    for name, value in counts.items():
        if value is not None and value < 1:
            raise ConfigError(f"env.{name} is {value}; expected a whole number, 1 or more.")
