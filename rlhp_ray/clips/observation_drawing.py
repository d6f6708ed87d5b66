"""What people are shown of a clip that holds no pictures: drawn from the observations, by the environment itself.

An environment of Gymnasium's classic control draws its state, and its observation tells that state. Float32
observations round it, by less than a pixel.
"""

import contextlib
import os
from typing import Any

import gymnasium
import numpy as np

from rlhp_ray.clips.clip import Clip
from rlhp_ray.envs.env_lookup import find_env_spec
from rlhp_ray.envs.moving_dot_rules import LAST_POSITION
from rlhp_ray.envs.moving_dot_screen import draw_colour_screen
from rlhp_ray.envs.observed_state import MOVING_DOTS, PENDULUM, STATES

FRAMES_PER_SECOND = 30.0  # of an environment that does not tell


def frames_per_second(env_id: str, frame_skip: int) -> float:
    """Agent steps in a second, at the speed at which the environment is meant to be seen."""
    if env_id.startswith("rlhp/MovingDot"):
        frame_skip = 1  # its own metadata count agent steps
    find_env_spec(env_id)  # registers it, or says that it is not there
    with contextlib.closing(gymnasium.make(env_id)) as env:
        metadata: dict[str, Any] = env.metadata
    return float(metadata.get("render_fps") or FRAMES_PER_SECOND) / frame_skip


class ObservationDrawing:
    """Draws clips of one environment; one thread at a time.

    Args:
        env_id: one for which `can_draw` holds.
    """

    def __init__(self, env_id: str) -> None:
        self._env_id = env_id
        self._env: gymnasium.Env | None = None

    def frames(self, clip: Clip) -> np.ndarray:
        """Uint8 `[clip_steps, height, width, 3]`, what each step's observation shows."""
        if self._env_id in MOVING_DOTS:
            positions = np.rint(clip.observations * LAST_POSITION).astype(int)
            return np.stack([draw_colour_screen(int(x), int(y)) for x, y in positions])
        env = self._opened()
        frames = []
        for step, observation in enumerate(clip.observations):
            if self._env_id == PENDULUM:  # draws the torque of the action before, too
                env.unwrapped.last_u = float(clip.actions[step - 1].item()) if step else None  # type: ignore[attr-defined]  # its own
            env.unwrapped.state = STATES[self._env_id](observation.astype(np.float64))  # type: ignore[attr-defined]  # of classic control
            frames.append(np.asarray(env.render()))
        return np.stack(frames)

    def _opened(self) -> gymnasium.Env:
        if self._env is None:
            os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # pygame draws into memory and needs no display
            self._env = gymnasium.make(self._env_id, render_mode="rgb_array", disable_env_checker=True)
            self._env.reset(seed=0)
        return self._env

    def close(self) -> None:
        """Close the environment."""
        if self._env is not None:
            self._env.close()
            self._env = None
