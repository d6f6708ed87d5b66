"""A single Atari game with visible ends, in points, that can be rendered in colour: for replay."""

from typing import Any

import gymnasium as gym
import numpy as np

from rlhp_ray.envs.atari_replay import RAW_FRAMES_PER_SECOND, AtariReplay
from rlhp_ray.envs.atari_vector import FRAME_STACK, AtariGameVectorEnv
from rlhp_ray.envs.game_infos import RAW_SCORE_KEY


class AtariGameEnv(gym.Env[np.ndarray, Any]):
    """An `AtariGameVectorEnv` of one, whose reward is the points won. See there for its Args.

    Rendered frames are in colour, with the score, from the same game played beside it.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"]}  # noqa: RUF012 - gymnasium's own convention
    frame_stack = FRAME_STACK

    def __init__(
        self, rom: str, *, frame_skip: int = 4, hides_score: bool = True, render_mode: str | None = None
    ) -> None:
        self._game = AtariGameVectorEnv(rom, 1, frame_skip=frame_skip, hides_score=hides_score)
        self._screen = None if render_mode is None else AtariReplay(rom, frame_skip)
        self._earlier_games: int | None = None  # on the native console; a seed puts in a new one
        self.metadata = {**self.metadata, "render_fps": RAW_FRAMES_PER_SECOND / frame_skip}
        self.render_mode = render_mode
        self.observation_space = self._game.single_observation_space
        self.action_space = self._game.single_action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start a game."""
        super().reset(seed=seed)
        self._earlier_games = 0 if seed is not None or self._earlier_games is None else self._earlier_games + 1
        observations, infos = self._game.reset(seed=seed)
        if self._screen is not None:
            self._screen.start(int(infos["episode_frame_number"][0]), self._earlier_games)
        return observations[0], {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Play one agent step."""
        observations, _, terminated, truncated, infos = self._game.step(np.asarray(action)[None])
        if self._screen is not None:
            self._screen.step(int(action))
        return observations[0], float(infos[RAW_SCORE_KEY][0]), bool(terminated[0]), bool(truncated[0]), {}

    def render(self) -> np.ndarray | None:  # type: ignore[override]  # its frame type is a free TypeVar
        """The colour screen uint8 `[210, 160, 3]`, or None without a render mode."""
        return None if self._screen is None else self._screen.screen()

    def close(self) -> None:
        """Stop the native environment's threads."""
        self._game.close()
