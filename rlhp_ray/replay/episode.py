"""One episode of a policy, with its true and predicted rewards and, as far as wanted, its frames."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import gymnasium
import numpy as np

from rlhp_ray.envs.episode_ends import MAX_EPISODE_STEPS
from rlhp_ray.errors import RlhpError
from rlhp_ray.replay.frame_spool import FrameSpool

RewardFunction = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""(observations [n, *obs_shape], actions [n, *action_shape], next observations [n, *obs_shape]) -> rewards [n]."""


class Policy(Protocol):
    """What is replayed: the policy of `rlhp_ray.policy.inference`, or anything that acts like it."""

    def act(self, observations: np.ndarray) -> np.ndarray:
        """Observations [num_envs, *obs_shape] -> actions [num_envs, *action_shape], ready for the environment."""


@dataclass(frozen=True)
class Episode:
    """What was played. `frames` may hold fewer than steps + 1 frames; its owner closes it.

    Attributes:
        true_rewards: [steps]
        predicted_rewards: [steps], or None without a reward predictor.
        ended: whether the environment ended it, rather than MAX_EPISODE_STEPS.
    """

    frames: FrameSpool
    true_rewards: np.ndarray
    predicted_rewards: np.ndarray | None
    ended: bool


def play_episode(
    env: gymnasium.Env[Any, Any], policy: Policy, reward: RewardFunction | None, *, seed: int, max_frames: int
) -> Episode:
    """Plays one episode from `seed` to its end and keeps its first `max_frames` frames, the one after reset included.

    Raises:
        RlhpError: the environment cannot be rendered as pictures.
    """
    frames = FrameSpool()
    true_rewards: list[float] = []
    predicted_rewards: list[float] = []
    ended = False
    try:
        observation, _ = env.reset(seed=seed)
        if max_frames > 0:
            _append_frame(frames, env)
        while not ended and len(true_rewards) < MAX_EPISODE_STEPS:
            observations = np.array(observation)[None]  # a copy: the step may write into what the environment gave
            actions = policy.act(observations)
            observation, true_reward, terminated, truncated, _ = env.step(actions[0])
            if reward is not None:
                predicted = reward(observations, actions, np.asarray(observation)[None])
                predicted_rewards.append(float(np.asarray(predicted)[0]))
            true_rewards.append(float(true_reward))
            ended = terminated or truncated
            if len(frames) < max_frames:
                _append_frame(frames, env)
    except BaseException:
        frames.close()
        raise
    all_predicted = np.array(predicted_rewards) if reward is not None else None
    return Episode(frames, np.array(true_rewards), all_predicted, bool(ended))


def _append_frame(frames: FrameSpool, env: gymnasium.Env[Any, Any]) -> None:
    """Renders into `frames`; whatever prevents it becomes one message."""
    try:
        frame: Any = env.render()
    except Exception as error:  # the environment's own code and its graphics library run
        raise _cannot_be_rendered(env, error) from error
    try:
        if not isinstance(frame, np.ndarray):
            raise TypeError(f"render() gave {type(frame).__name__}, expected an array of pixels")
        frames.append(frame)
    except (TypeError, ValueError) as error:
        raise _cannot_be_rendered(env, error) from error


def _cannot_be_rendered(env: gymnasium.Env[Any, Any], error: Exception) -> RlhpError:
    name = env.spec.id if env.spec else type(env.unwrapped).__name__
    return RlhpError(
        f"{name} cannot be rendered, so there is nothing to show: {error}. Replay needs an environment with "
        "render_mode 'rgb_array'. MuJoCo's use OpenGL: without a display, set MUJOCO_GL=egl or MUJOCO_GL=osmesa."
    )
