"""Plays an Atari game again from its actions, to see it in colour or to read its memory.

The native vector environment shows neither; but with sticky actions off a game follows from its no-ops and actions, so
that the same in a plain `ALEInterface` is the same game, frame by frame.
"""

import ale_py
import numpy as np

from rlhp_ray.envs.atari_rom import require_rom

RAM_BYTES = 128
RAW_FRAMES_PER_SECOND = 60


class AtariReplay:
    """One game, played again.

    Args:
        rom: name of the game, in small letters and underscores.
        frame_skip: raw frames of an agent step.
    """

    def __init__(self, rom: str, frame_skip: int) -> None:
        ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
        self._ale = ale_py.ALEInterface()
        self._ale.setFloat("repeat_action_probability", 0.0)
        self._ale.loadROM(require_rom(rom))
        self._actions = self._ale.getMinimalActionSet()
        self._has_fire = ale_py.Action.FIRE in self._actions
        self._frame_skip = frame_skip

    def start(self, frames_played: int) -> None:
        """Begin a game as the vector environment does: FIRE, where there is one, and then no-ops.

        Args:
            frames_played: raw frames at its first observation, `episode_frame_number` of its infos.
        """
        self._ale.reset_game()
        for frame in range(frames_played):
            self._ale.act(ale_py.Action.FIRE if self._has_fire and frame == 0 else ale_py.Action.NOOP)

    def step(self, action: int, *, grey: bool = False) -> list[np.ndarray]:
        """Play an agent step; its raw frames, uint8 `[210, 160, 3]` or grey `[210, 160]`, fewer where the game ends."""
        frames = []
        for _ in range(self._frame_skip):
            self._ale.act(self._actions[action])
            frames.append(self._ale.getScreenGrayscale() if grey else self.screen())
            if self._ale.game_over():
                break
        return frames

    def screen(self) -> np.ndarray:
        """What is shown now, uint8 `[210, 160, 3]`."""
        return self._ale.getScreenRGB()

    def memory(self) -> np.ndarray:
        """The console's RAM, uint8 `[128]`."""
        return self._ale.getRAM()
