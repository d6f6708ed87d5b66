"""What was done in the games under way, so that any of their clips can be played again."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np
from gymnasium.vector import VectorEnv

from rlhp_ray.envs.clip_origin import ClipOrigin, GameStretch
from rlhp_ray.errors import RewardDataError


@runtime_checkable
class LogsActions(Protocol):
    """A vector environment whose games can be played again."""

    def log_actions(self, clip_steps: int) -> "ActionLog":
        """Log from the next reset on, for clips of up to `clip_steps` agent steps."""
        ...


def action_log_of(env: VectorEnv, clip_steps: int) -> "ActionLog | None":
    """The log of an environment that has not been reset yet; None where its games cannot be played again."""
    return env.log_actions(clip_steps) if isinstance(env, LogsActions) else None


class ActionLog:
    """The actions of each sub-environment since its game began, and of the games just before.

    One byte an agent step; a game's end begins anew. Earlier games are kept while the last `clip_steps` reach into
    them, since hidden ends lie inside clips.

    Args:
        rom: ALE's name of the game.
        frame_skip: raw frames an agent step.
        num_envs: sub-environments.
        clip_steps: agent steps of the longest clip whose origin is asked for.
        max_game_steps: agent steps after which the environment ends any game.
    """

    def __init__(self, rom: str, frame_skip: int, num_envs: int, clip_steps: int, max_game_steps: int) -> None:
        self._rom, self._frame_skip, self._clip_steps = rom, frame_skip, clip_steps
        self._every_row = np.arange(num_envs)
        self._actions = np.zeros((num_envs, max_game_steps + 1), np.uint8)  # one more: that of a reset, overwritten
        self._length = np.zeros(num_envs, np.int64)
        self._starts: list[tuple[int, int, int] | None] = [None] * num_envs
        self._past: list[deque[GameStretch]] = [deque() for _ in range(num_envs)]

    def begin(self, rows: Sequence[int], reset_frames: np.ndarray, *, console_loaded: bool) -> None:
        """Games begin between two agent steps.

        Args:
            rows: the sub-environments.
            reset_frames: `[num_envs]`, `episode_frame_number` of the infos.
            console_loaded: whether the ROM was loaded anew: at the very first reset, and at every one with a seed.
        """
        for row in rows:
            self._begin(row, int(reset_frames[row]), opening_steps=0, console_loaded=console_loaded)

    def record(self, actions: np.ndarray, reset: np.ndarray, reset_frames: np.ndarray) -> None:
        """Take in one vector step.

        Args:
            actions: `[num_envs]`, indices into the minimal action set.
            reset: `[num_envs]` bool, where this agent step was an automatic reset: its action was not played.
            reset_frames: `[num_envs]`, `episode_frame_number` of the infos; read where `reset` is true.
        """
        self._actions[self._every_row, self._length] = actions
        self._length += 1
        for row in np.flatnonzero(reset).tolist():
            self._length[row] -= 1
            self._begin(row, int(reset_frames[row]), opening_steps=1, console_loaded=False)

    def origin(self, row: int, clip_steps: int) -> ClipOrigin:
        """Where the newest `clip_steps` agent steps of a sub-environment come from.

        Raises:
            RewardDataError: fewer were recorded, or more are asked for than the log keeps.
        """
        parts = [part for part in (*self._past[row], self._current(row)) if part is not None and len(part)]
        recorded = sum(len(part) for part in parts)
        if not 0 < clip_steps <= min(recorded, self._clip_steps):
            raise RewardDataError(
                f"the origin of {clip_steps} agent steps of environment {row} was asked for; expected from 1 to "
                f"{min(recorded, self._clip_steps)}, of which the actions are known."
            )
        while recorded - len(parts[0]) >= clip_steps:
            recorded -= len(parts.pop(0))
        return ClipOrigin(self._rom, self._frame_skip, recorded - clip_steps, tuple(parts))

    def game_origin(self, row: int, game_steps: int, kept_steps: int) -> ClipOrigin:
        """Where the newest `game_steps` agent steps of the game under way come from; of these the first `kept_steps`.

        Raises:
            RewardDataError: the game has had fewer.
        """
        game = self._current(row)
        recorded = 0 if game is None else len(game)
        if game is None or not 0 < kept_steps <= game_steps <= recorded:
            raise RewardDataError(
                f"the origin of {kept_steps} of {game_steps} agent steps of environment {row} was asked for; its game "
                f"has had {recorded}. Expected one of the game under way."
            )
        first_step = recorded - game_steps
        played = game.actions[: first_step + kept_steps - game.opening_steps]
        return ClipOrigin(self._rom, self._frame_skip, first_step, (replace(game, actions=played),))

    def _begin(self, row: int, reset_frames: int, *, opening_steps: int, console_loaded: bool) -> None:
        before, ended = self._starts[row], self._current(row)
        earlier = 0 if console_loaded or before is None else before[0] + 1
        if ended is not None and len(ended):
            self._past[row].append(ended)
            self._forget(row)
        self._starts[row] = (earlier, reset_frames, opening_steps)
        self._length[row] = 0

    def _current(self, row: int) -> GameStretch | None:
        start = self._starts[row]
        return None if start is None else GameStretch(*start, self._actions[row, : self._length[row]].copy())

    def _forget(self, row: int) -> None:
        past = self._past[row]
        kept = sum(len(part) for part in past)
        while kept - len(past[0]) >= self._clip_steps:
            kept -= len(past.popleft())
