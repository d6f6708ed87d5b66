"""Plays an Atari game again from its actions, to see it in colour or to read its memory.

The native vector environment shows neither; but with sticky actions off a game follows from its no-ops and actions, so
that the same in a plain `ALEInterface` is the same game, frame by frame, whatever the seed: the emulator's own
generator has a fixed one. Each reset takes a number from it, which starts the timer chip, and BeamRider and Seaquest
read that chip: a game there depends on how many resets the console saw before.
"""

from collections.abc import Iterator

import ale_py
import numpy as np

from rlhp_ray.envs.atari_rom import game_frames, require_rom

RAM_BYTES = 128
RAW_FRAMES_PER_SECOND = 60
MAX_KEPT_STATES = 32  # of 8 kB; ours: a reset takes 5 ms, so that without them a thousandth game would wait for 5 s


class AtariReplay:
    """One console, and on it one game after the other, played again.

    Args:
        rom: name of the game, in small letters and underscores.
        frame_skip: raw frames of an agent step.

    Raises:
        EnvironmentNotSupportedError: there is no such game.
    """

    def __init__(self, rom: str, frame_skip: int) -> None:
        ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
        self._ale = ale_py.ALEInterface()
        self._ale.setFloat("repeat_action_probability", 0.0)
        self._ale.loadROM(require_rom(rom))
        self._actions = self._ale.getMinimalActionSet()
        self._has_fire = ale_py.Action.FIRE in self._actions
        self._frame_skip = frame_skip
        self._frames, self._most_frames = 0, game_frames(rom)
        self._states = {0: self._ale.cloneState()}  # of the console, by the games begun on it

    @property
    def num_actions(self) -> int:
        """Of the minimal action set."""
        return len(self._actions)

    @property
    def screen_shape(self) -> tuple[int, int]:
        """Rows and columns: 210 and 160 but for PAL games."""
        rows, columns = self._ale.getScreenDims()
        return rows, columns

    def start(self, frames_played: int, earlier_games: int = 0) -> None:
        """Begin a game as the vector environment does: FIRE, where there is one, and then no-ops.

        Args:
            frames_played: raw frames at its first observation, `episode_frame_number` of its infos.
            earlier_games: games begun on the native console before; a reset with a seed loads the ROM anew.
        """
        self._bring_to(earlier_games)
        self._ale.reset_game()
        for frame in range(frames_played):
            self._ale.act(ale_py.Action.FIRE if self._has_fire and frame == 0 else ale_py.Action.NOOP)
        self._frames = 0

    def play(self, action: int) -> Iterator[int]:
        """Play an agent step, raw frame by raw frame, as far as the game lasts; gives the points of each."""
        for _ in range(self._frame_skip):
            self._frames += 1
            yield self._ale.act(self._actions[action])
            if self.is_over():
                break

    def step(self, action: int) -> list[np.ndarray]:
        """Play an agent step; its raw frames, uint8 `[210, 160, 3]`, fewer where the game ends."""
        return [self.screen() for _ in self.play(action)]

    def is_over(self) -> bool:
        """Whether the game has ended, or was cut short as it is in training."""
        return self._ale.game_over() or self._frames >= self._most_frames

    def screen(self) -> np.ndarray:
        """What is shown now, uint8 `[210, 160, 3]`."""
        return self._ale.getScreenRGB()

    def grey_screen(self) -> np.ndarray:
        """What is shown now, as the native environment sees it before it shrinks it, uint8 `[210, 160]`."""
        return self._ale.getScreenGrayscale().reshape(self.screen_shape)

    def memory(self) -> np.ndarray:
        """The console's RAM, uint8 `[128]`."""
        return self._ale.getRAM()

    def _bring_to(self, earlier_games: int) -> None:
        """A game's actions leave no trace behind the next reset: bare resets stand for the games themselves."""
        nearest = max(known for known in self._states if known <= earlier_games)
        self._ale.restoreState(self._states[nearest])
        for _ in range(earlier_games - nearest):
            self._ale.reset_game()
        if earlier_games not in self._states:
            if len(self._states) == MAX_KEPT_STATES:
                self._states.pop(next(known for known in self._states if known))  # the oldest but the first
            self._states[earlier_games] = self._ale.cloneState()
