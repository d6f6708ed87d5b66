"""Cuts the steps of a vector environment into clips of a fixed length."""

from collections import deque
from dataclasses import replace

import gymnasium as gym
import numpy as np

from rlhp_ray.clips.clip import Clip
from rlhp_ray.envs.action_log import ActionLog

MAX_PENDING_CLIPS = 4096  # clips are cheap: when nobody fetches them, the oldest go


class ClipRecorder:
    """Records every environment of a vector, `clip_steps` agent steps at a time, without overlap.

    A visible end of an episode discards the clip under way: a clip never spans a reset that the policy can see.
    Hidden resets (fixed horizon) are unknown here and so lie inside clips. A known limit: an environment clears its
    stack at such a reset, while the stacks rebuilt from a clip's single frames still hold frames from before it.

    Of observations that are no stacks, the one that a clip's last action led to is kept too.

    Args:
        num_envs: sub-environments.
        clip_steps: agent steps in a clip.
        observation_space: of one sub-environment.
        action_space: of one sub-environment.
        frame_stack: frames in a stacked observation (newest last), or None.
        action_log: tells where each clip comes from, and is a step ahead of `record`; None of environments without one.
    """

    def __init__(
        self,
        num_envs: int,
        clip_steps: int,
        observation_space: gym.Space,
        action_space: gym.Space,
        frame_stack: int | None = None,
        action_log: ActionLog | None = None,
    ) -> None:
        shape = observation_space.shape or ()
        self._lead_in = 0 if frame_stack is None else frame_stack - 1
        frame_shape = shape if frame_stack is None else shape[:-1]
        self._frame_stack = frame_stack
        self._clip_steps = clip_steps
        self._action_log = action_log
        self._observations = np.zeros((num_envs, self._lead_in + clip_steps, *frame_shape), observation_space.dtype)
        self._actions = np.zeros((num_envs, clip_steps, *(action_space.shape or ())), action_space.dtype)
        self._rewards = np.zeros((num_envs, clip_steps), np.float32)
        self._position = np.zeros(num_envs, np.int64)
        self._pending: deque[Clip] = deque(maxlen=MAX_PENDING_CLIPS)
        self.dropped = 0

    def record(
        self,
        observations: np.ndarray,
        actions: np.ndarray,
        true_rewards: np.ndarray,
        stepped: np.ndarray,
        ended: np.ndarray,
        next_observations: np.ndarray,
    ) -> None:
        """Take in one vector step.

        Args:
            observations: `[num_envs, *observation_shape]`, what the actions were chosen from.
            actions: `[num_envs, *action_shape]`.
            true_rewards: `[num_envs]`.
            stepped: `[num_envs]` bool; False where the step was an automatic reset.
            ended: `[num_envs]` bool; True where this step ended an episode visibly.
            next_observations: `[num_envs, *observation_shape]`, what the actions led to: at an end, before any reset.
        """
        rows = np.flatnonzero(stepped)
        position = self._position[rows]
        if self._frame_stack is None:
            self._observations[rows, position] = observations[rows]
        else:
            self._observations[rows, self._lead_in + position] = observations[rows, ..., -1]
            fresh = rows[position == 0]
            self._observations[fresh, : self._lead_in] = np.moveaxis(observations[fresh][..., :-1], -1, 1)
        self._actions[rows, position] = actions[rows]
        self._rewards[rows, position] = true_rewards[rows]
        self._position[rows] += 1
        for row in np.flatnonzero(self._position == self._clip_steps):
            self._emit(int(row), next_observations[row])
        self._position[ended] = 0

    def discard_partial(self) -> None:
        """Forget all clips under way, as after a reset of every environment."""
        self._position[:] = 0

    def drain(self, env_steps: int) -> list[Clip]:
        """The clips finished since the last call, oldest first, stamped with the age of the policy in env steps."""
        clips = [replace(clip, env_steps=env_steps) for clip in self._pending]
        self._pending.clear()
        return clips

    def _emit(self, row: int, next_observation: np.ndarray) -> None:
        self.dropped += len(self._pending) == self._pending.maxlen
        following = None if self._frame_stack else np.array(next_observation, self._observations.dtype)
        shown, done, paid = (array[row].copy() for array in (self._observations, self._actions, self._rewards))
        origin = None if self._action_log is None else self._action_log.origin(row, self._clip_steps)
        self._pending.append(Clip(shown, done, paid, 0, self._frame_stack, following, origin))
        self._position[row] = 0
