"""Repeating an action for several raw steps, which makes one agent step."""

from typing import Any, SupportsFloat

import gymnasium as gym
from gymnasium.utils import RecordConstructorArgs

from rlhp_ray.errors import ConfigError


class FrameSkip(gym.Wrapper, RecordConstructorArgs):
    """Repeat each action for `frame_skip` raw steps, sum their rewards, and stop early at an end.

    Observation and info are those of the last raw step. Christiano et al. 2017, A.2, act on Atari every 4 frames.

    Args:
        env: The environment to slow down.
        frame_skip: Raw steps per agent step, 1 or more.
    """

    def __init__(self, env: gym.Env, frame_skip: int) -> None:
        if frame_skip < 1:
            raise ConfigError(f"env.frame_skip is {frame_skip}; expected a number of raw steps, 1 or more.")
        RecordConstructorArgs.__init__(self, frame_skip=frame_skip)
        super().__init__(env)
        self._frame_skip = frame_skip

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Take one agent step."""
        total_reward = 0.0
        for _ in range(self._frame_skip):
            observation, reward, terminated, truncated, info = self.env.step(action)
            total_reward += float(reward)
            if terminated or truncated:
                break
        return observation, total_reward, terminated, truncated, info
