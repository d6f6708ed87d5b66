"""A clip of an Atari game, played again: colour frames and RAM, which the native vector environment does not give."""

import threading
from dataclasses import dataclass

import numpy as np

from rlhp_ray.envs.atari_replay import AtariReplay
from rlhp_ray.envs.clip_origin import ClipOrigin
from rlhp_ray.envs.step_replay import replay_steps


@dataclass(frozen=True, eq=False)
class ReplayedClip:
    """What was seen of a clip's agent steps, each as in `ReplayedStep`.

    Attributes:
        screens: uint8 `[clip_steps, screens_per_step, 210, 160, 3]`.
        ram: uint8 `[clip_steps, 128]`.
        points: `[clip_steps]`.
        observed: uint8 `[clip_steps, 84, 84]`.
    """

    screens: np.ndarray
    ram: np.ndarray
    points: np.ndarray
    observed: np.ndarray

    @property
    def frames(self) -> np.ndarray:
        """All screens in a row, `[clip_steps * screens_per_step, 210, 160, 3]`."""
        return self.screens.reshape(-1, *self.screens.shape[2:])


class ClipReplayer:
    """Plays clips again; threads may share it.

    It keeps the console of the last game, since loading a ROM takes 0.1 s. A thousand agent steps take about 0.3 s, and
    a clip costs what its games lasted until its end.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._console: tuple[str, int, AtariReplay] | None = None

    def replay(self, origin: ClipOrigin, *, screens_per_step: int = 0) -> ReplayedClip:
        """Play the clip's games from their starts and look at the clip.

        Args:
            origin: of the clip.
            screens_per_step: how many colour screens to keep of each agent step: `frame_skip` gives all (60 a second),
                1 the last of each (15 a second with a frame skip of 4), 0 none.

        Raises:
            EnvironmentNotSupportedError: the game is not there.
            RewardDataError: the origin's actions do not fit the game.
        """
        with self._lock:
            steps = list(replay_steps(self._console_of(origin), origin, screens_per_step))
        return ReplayedClip(
            screens=np.stack([step.screens for step in steps]),
            ram=np.stack([step.ram for step in steps]),
            points=np.array([step.points for step in steps], np.int64),
            observed=np.stack([step.observed for step in steps]),
        )

    def _console_of(self, origin: ClipOrigin) -> AtariReplay:
        if self._console is None or self._console[:2] != (origin.rom, origin.frame_skip):
            self._console = (origin.rom, origin.frame_skip, AtariReplay(origin.rom, origin.frame_skip))
        return self._console[2]
