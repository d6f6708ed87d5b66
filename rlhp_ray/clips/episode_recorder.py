"""Keeps the newest whole episode of one environment, for people to watch."""

from dataclasses import dataclass

import numpy as np

from rlhp_ray.clips.clip import Clip
from rlhp_ray.envs.action_log import ActionLog

MAX_EPISODE_STEPS = 1000  # kept of a longer one, from its beginning: of grey frames 7 MB


@dataclass(frozen=True, eq=False)
class RecordedEpisode:
    """What an environment showed from one end of a game to the next.

    Args:
        clip: its first agent steps, at most MAX_EPISODE_STEPS; of an Atari game with its origin.
        env_steps: agent steps that it took.
        true_return: of all of it, in points where the game tells them. Nobody learns from it.
    """

    clip: Clip
    env_steps: int
    true_return: float


class EpisodeRecorder:
    """Records the first environment of a vector, from one end of a game to the next, hidden ends included.

    Args:
        frame_stack: frames in a stacked observation (newest last), or None.
        action_log: tells where an episode comes from, and is a step ahead of `record`; None of environments without
            one.
    """

    def __init__(self, frame_stack: int | None = None, action_log: ActionLog | None = None) -> None:
        self._frame_stack = frame_stack
        self._action_log = action_log
        self._newest: RecordedEpisode | None = None
        self.discard_partial(is_start=False)

    def discard_partial(self, *, is_start: bool) -> None:
        """Forget what is under way.

        Args:
            is_start: whether a game begins now, as after a reset; else nothing is recorded until one has ended.
        """
        self._observations: list[np.ndarray] = []
        self._actions: list[np.ndarray] = []
        self._rewards: list[float] = []
        self._steps, self._points = 0, 0.0
        self._records = is_start

    def record(
        self, observation: np.ndarray, action: np.ndarray, true_reward: float, points: float, *, ended: bool
    ) -> None:
        """Take in one agent step of the environment.

        Args:
            observation: `[*observation_shape]`, what the action was chosen from.
            action: `[*action_shape]`.
            true_reward: of the step.
            points: that the game gave.
            ended: whether a game ended with it.
        """
        if self._records:
            if self._steps < MAX_EPISODE_STEPS:
                self._keep(observation, action, true_reward)
            self._steps += 1
            self._points += points
            if ended:
                self._newest = RecordedEpisode(self._clip(), self._steps, self._points)
        if ended:
            self.discard_partial(is_start=True)

    def take(self) -> RecordedEpisode | None:
        """The newest whole one since the last call."""
        newest, self._newest = self._newest, None
        return newest

    def _keep(self, observation: np.ndarray, action: np.ndarray, true_reward: float) -> None:
        if self._frame_stack is None:
            self._observations.append(np.array(observation))
        elif self._observations:
            self._observations.append(observation[..., -1].copy())
        else:  # with the lead-in of the first stack, as in a clip
            self._observations += list(np.moveaxis(observation, -1, 0).copy())
        self._actions.append(np.array(action))
        self._rewards.append(true_reward)

    def _clip(self) -> Clip:
        rewards = np.array(self._rewards, np.float32)
        log, kept = self._action_log, len(rewards)
        origin = None if log is None else log.game_origin(0, self._steps, kept)
        return Clip(np.stack(self._observations), np.stack(self._actions), rewards, 0, self._frame_stack, origin=origin)
