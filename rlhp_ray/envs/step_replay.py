"""An Atari game played again, one agent step after the other, and what was to be seen of each."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rlhp_ray.envs.area_resize import AreaResize
from rlhp_ray.envs.atari_replay import AtariReplay
from rlhp_ray.envs.clip_origin import ClipOrigin, GameStretch
from rlhp_ray.envs.score_mask import FRAME_SIZE
from rlhp_ray.errors import RewardDataError


@dataclass(frozen=True, eq=False)
class ReplayedStep:
    """What was seen of an agent step; everything is after it.

    Attributes:
        screens: uint8 `[screens_per_step, 210, 160, 3]`, RGB, raw frames in their order.
        ram: uint8 `[128]`, what the action led to.
        points: of the game itself; 0 at a reset.
        observed: uint8 `[84, 84]`, the newest frame of the observation that the action led to, its score not blanked:
            grey, each pixel at its brightest in the last two raw frames, shrunk by areas.
    """

    screens: np.ndarray
    ram: np.ndarray
    points: int
    observed: np.ndarray


def replay_steps(console: AtariReplay, origin: ClipOrigin, screens_per_step: int = 0) -> Iterator[ReplayedStep]:
    """Play a clip's games from their starts, and give the clip's steps one by one.

    Args:
        console: of the game, nobody else's meanwhile.
        origin: of the clip.
        screens_per_step: how many colour screens to look at in each agent step: `frame_skip` gives all (60 a second), 1
            the last of each (15 a second with a frame skip of 4), 0 none.

    Raises:
        RewardDataError: the origin's actions do not fit the game.
    """
    if screens_per_step not in (0, 1, origin.frame_skip):
        raise ValueError(f"screens_per_step={screens_per_step}; expected 0, 1 or {origin.frame_skip}")
    _check_actions(origin, console)
    sight = _Sight(console, screens_per_step, origin.frame_skip)
    for number, stretch in enumerate(origin.stretches):
        yield from _play(console, stretch, sight, unseen=0 if number else origin.first_step)


class _Sight:
    """Looks at the console, step after step."""

    def __init__(self, console: AtariReplay, screens_per_step: int, frame_skip: int) -> None:
        self._console, self._frame_skip, self._kept = console, frame_skip, screens_per_step
        self._resize = AreaResize(console.screen_shape, (FRAME_SIZE, FRAME_SIZE))
        self._last_two = np.zeros((2, *console.screen_shape), np.uint8)

    def begin(self) -> None:
        """A game has begun: its start is shown alone, not with a frame before it."""
        self._last_two[0], self._last_two[1] = self._console.grey_screen(), 0

    def stand(self) -> ReplayedStep:
        """An agent step in which nothing moves: that of a reset."""
        return self._seen(0, [self._console.screen()])

    def play(self, action: int) -> ReplayedStep:
        """An agent step of the game."""
        points, screens = 0, []
        for frame, won in enumerate(self._console.play(action)):
            points += won
            if self._kept:
                screens.append(self._console.screen())
            if frame >= self._frame_skip - 2 and not self._console.is_over():  # natively the end is not looked at
                self._last_two[self._frame_skip - 1 - frame] = self._console.grey_screen()
        return self._seen(points, screens)

    def _seen(self, points: int, screens: list[np.ndarray]) -> ReplayedStep:
        kept = np.zeros((0, *self._console.screen_shape, 3), np.uint8)
        if self._kept:
            screens += screens[-1:] * (self._frame_skip - len(screens))  # a game that is over stands still
            kept = np.stack(screens[-self._kept :])
        self._last_two[0] = self._last_two.max(axis=0)
        return ReplayedStep(kept, self._console.memory(), points, self._resize(self._last_two[0]))


def _play(console: AtariReplay, stretch: GameStretch, sight: _Sight, unseen: int) -> Iterator[ReplayedStep]:
    """Play a stretch from its start and look at all but the first `unseen` agent steps."""
    console.start(stretch.reset_frames, stretch.earlier_games)
    sight.begin()
    if stretch.opening_steps > unseen:
        yield sight.stand()
    for step, action in enumerate(stretch.actions.tolist(), start=stretch.opening_steps):
        if console.is_over():
            raise RewardDataError(
                f"a clip's game was over after {step} of {len(stretch)} agent steps when it was played again; expected "
                "it to go on. It was recorded with another version of ale_py, or with sticky actions."
            )
        if step < unseen - 1:
            for _ in console.play(action):
                pass
            continue
        seen = sight.play(action)  # of the step before the clip, too: at a game's end a part of it is still shown
        if step >= unseen:
            yield seen


def _check_actions(origin: ClipOrigin, console: AtariReplay) -> None:
    highest = max((int(part.actions.max()) for part in origin.stretches if len(part.actions)), default=0)
    if highest >= console.num_actions:
        raise RewardDataError(
            f"a clip's origin holds the action {highest}; expected 0 to {console.num_actions - 1}, the minimal actions "
            f"of {origin.rom}. It was recorded with the full action set, or in another game."
        )
