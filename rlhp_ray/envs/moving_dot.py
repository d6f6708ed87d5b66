"""MovingDot: move a dot to the centre of the screen; the smallest task on which learning from preferences can be seen.

The single environment, which is a vector of one: its rules are in `moving_dot_rules`, for many dots at a time.
"""

from typing import Any

import gymnasium as gym
import numpy as np

from rlhp_ray.envs.moving_dot_rules import DEFAULT_FRAME_SKIP, RAW_STEPS_PER_SECOND, stratified_starts
from rlhp_ray.envs.moving_dot_vector import MovingDotVectorEnv, ObservationMode

__all__ = ["MovingDotEnv", "MovingDotVectorEnv", "stratified_starts"]


class MovingDotEnv(gym.Env[np.ndarray, Any]):
    """One MovingDot: a `MovingDotVectorEnv` of one, with its Args (but `num_envs` and `max_episode_steps`)."""

    metadata = {  # noqa: RUF012 - gymnasium's own convention
        "render_modes": ["rgb_array"],
        "render_fps": RAW_STEPS_PER_SECOND // DEFAULT_FRAME_SKIP,
    }

    def __init__(
        self,
        *,
        observation_mode: ObservationMode = "coordinates",
        continuous: bool = False,
        frame_skip: int = DEFAULT_FRAME_SKIP,
        random_start: bool = True,
        render_mode: str | None = None,
    ) -> None:
        self._dots = MovingDotVectorEnv(
            1,
            observation_mode=observation_mode,
            continuous=continuous,
            frame_skip=frame_skip,
            random_start=random_start,
            render_mode=render_mode,
        )
        self.metadata = {key: self._dots.metadata[key] for key in ("render_modes", "render_fps")}
        self.render_mode = render_mode
        self.observation_space = self._dots.single_observation_space
        self.action_space = self._dots.single_action_space
        self.frame_stack = self._dots.frame_stack
        self.episode_steps = self._dots.episode_steps

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start anew; `options["starts"]` is `[1, 2]`."""
        super().reset(seed=seed)
        self._dots.np_random = self.np_random  # one generator, so that unseeded resets continue it
        observations, infos = self._dots.reset(options=options)
        return observations[0], infos

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Move for one agent step."""
        observations, rewards, terminations, truncations, infos = self._dots.step(np.asarray(action)[None])
        return observations[0], float(rewards[0]), bool(terminations[0]), bool(truncations[0]), infos

    def render(self) -> np.ndarray | None:  # type: ignore[override]  # its frame type is a free TypeVar
        """The colour screen uint8 `[210, 160, 3]`, or None without a render mode."""
        screens = self._dots.render()
        return None if screens is None else screens[0]
