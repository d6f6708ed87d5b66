"""A clip of an Atari game, played again: colour frames and RAM, which the native vector environment does not give."""

import threading
from dataclasses import dataclass

import numpy as np

from rlhp_ray.envs.area_resize import AreaResize
from rlhp_ray.envs.atari_replay import RAM_BYTES, AtariReplay
from rlhp_ray.envs.clip_origin import ClipOrigin, GameStretch
from rlhp_ray.envs.score_mask import FRAME_SIZE
from rlhp_ray.errors import RewardDataError


@dataclass(frozen=True, eq=False)
class ReplayedClip:
    """What was seen of a clip's agent steps; everything is after the step.

    Attributes:
        screens: uint8 `[clip_steps, screens_per_step, 210, 160, 3]`, RGB, raw frames in their order.
        ram: uint8 `[clip_steps, 128]`, what the action led to.
        points: `[clip_steps]`, of the game itself; 0 at a reset.
        observed: uint8 `[clip_steps, 84, 84]`, the newest frame of the observation that the action led to, its score
            not blanked: grey, each pixel at its brightest in the last two raw frames, shrunk by areas.
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
        if screens_per_step not in (0, 1, origin.frame_skip):
            raise ValueError(f"screens_per_step={screens_per_step}; expected 0, 1 or {origin.frame_skip}")
        with self._lock:
            console = self._console_of(origin)
            _check_actions(origin, console)
            sight = _Sight(console, len(origin), screens_per_step, origin.frame_skip)
            for number, stretch in enumerate(origin.stretches):
                _play(console, stretch, sight, unseen=0 if number else origin.first_step)
        return sight.seen

    def _console_of(self, origin: ClipOrigin) -> AtariReplay:
        if self._console is None or self._console[:2] != (origin.rom, origin.frame_skip):
            self._console = (origin.rom, origin.frame_skip, AtariReplay(origin.rom, origin.frame_skip))
        return self._console[2]


class _Sight:
    """Fills a `ReplayedClip`, step after step."""

    def __init__(self, console: AtariReplay, clip_steps: int, screens_per_step: int, frame_skip: int) -> None:
        self._console, self._frame_skip, self._kept = console, frame_skip, screens_per_step
        self._resize = AreaResize(console.screen_shape, (FRAME_SIZE, FRAME_SIZE))
        self._last_two = np.zeros((2, *console.screen_shape), np.uint8)
        self.seen = ReplayedClip(
            screens=np.zeros((clip_steps, screens_per_step, *console.screen_shape, 3), np.uint8),
            ram=np.zeros((clip_steps, RAM_BYTES), np.uint8),
            points=np.zeros(clip_steps, np.int64),
            observed=np.zeros((clip_steps, FRAME_SIZE, FRAME_SIZE), np.uint8),
        )
        self._step = 0

    def begin(self) -> None:
        """A game has begun: its start is shown alone, not with a frame before it."""
        self._last_two[0], self._last_two[1] = self._console.grey_screen(), 0

    def stand(self) -> None:
        """An agent step in which nothing moves: that of a reset."""
        self._finish(0, [self._console.screen()])

    def play(self, action: int) -> None:
        """An agent step of the game."""
        points, screens = 0, []
        for frame, won in enumerate(self._console.play(action)):
            points += won
            if self._kept:
                screens.append(self._console.screen())
            if frame >= self._frame_skip - 2 and not self._console.is_over():  # natively the end is not looked at
                self._last_two[self._frame_skip - 1 - frame] = self._console.grey_screen()
        self._finish(points, screens)

    def _finish(self, points: int, screens: list[np.ndarray]) -> None:
        if self._kept:
            screens += screens[-1:] * (self._frame_skip - len(screens))  # a game that is over stands still
            self.seen.screens[self._step] = screens[-self._kept :]
        self._last_two[0] = self._last_two.max(axis=0)
        self.seen.observed[self._step] = self._resize(self._last_two[0])
        self.seen.ram[self._step], self.seen.points[self._step] = self._console.memory(), points
        self._step += 1


def _play(console: AtariReplay, stretch: GameStretch, sight: _Sight, unseen: int) -> None:
    """Play a stretch from its start and look at all but the first `unseen` agent steps."""
    console.start(stretch.reset_frames, stretch.earlier_games)
    sight.begin()
    if stretch.opening_steps > unseen:
        sight.stand()
    for step, action in enumerate(stretch.actions.tolist(), start=stretch.opening_steps):
        if console.is_over():
            raise RewardDataError(
                f"a clip's game was over after {step} of {len(stretch)} agent steps when it was played again; expected "
                "it to go on. It was recorded with another version of ale_py, or with sticky actions."
            )
        if step < unseen:
            for _ in console.play(action):
                pass
        else:
            sight.play(action)


def _check_actions(origin: ClipOrigin, console: AtariReplay) -> None:
    highest = max((int(part.actions.max()) for part in origin.stretches if len(part.actions)), default=0)
    if highest >= console.num_actions:
        raise RewardDataError(
            f"a clip's origin holds the action {highest}; expected 0 to {console.num_actions - 1}, the minimal actions "
            f"of {origin.rom}. It was recorded with the full action set, or in another game."
        )
