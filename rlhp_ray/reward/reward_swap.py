"""The reward swap: a vector environment whose reward is the predicted one (design 2).

The policy and the value function see the predicted reward only. The true reward goes to the `info` key
`TRUE_REWARD_KEY`, to the return statistics, and to the teacher's side of the clips.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import gymnasium as gym
import numpy as np

from rlhp_ray.clips.clip import Clip
from rlhp_ray.clips.episode_recorder import EpisodeRecorder, RecordedEpisode
from rlhp_ray.clips.recorder import ClipRecorder
from rlhp_ray.envs.game_infos import GAME_OVER_KEY, RAW_SCORE_KEY
from rlhp_ray.errors import RewardDataError
from rlhp_ray.reward.ensemble import PublishedReward, RewardEnsemble
from rlhp_ray.reward.observation_statistics import InputObserver, Moments

TRUE_REWARD_KEY = "true_reward"
MAX_UNPAID_STEPS = 1024  # over all environments, predicted at once: of pixels 116 MB as floats
MAX_PENDING_EPISODES = 1024  # returns of finished episodes nobody has fetched yet; the oldest go


@dataclass(frozen=True)
class EpisodeReturns:
    """Sums over one finished episode, or game with a hidden end: true return or points, predicted return, env steps."""

    true_return: float
    predicted_return: float
    env_steps: int


@dataclass(frozen=True, eq=False)
class _UnpaidStep:
    """One vector step whose reward is still to be predicted; arrays over environments."""

    observed: np.ndarray
    actions: np.ndarray
    true_rewards: np.ndarray
    stepped: np.ndarray
    ended: np.ndarray
    led_to: np.ndarray
    points: np.ndarray
    game_over: np.ndarray


class RewardSwapVectorEnv(gym.vector.VectorWrapper):
    """Swaps rewards, scales observations, records clips.

    Args:
        env: a vector environment with next-step autoreset (the step after an end is a reset, without reward).
        ensemble: predicts rewards, and owns the observation scaling.
        recorder: takes in every step; None records nothing.
        use_true_reward: pass the game's reward through instead (the baseline that claims are measured against).
        centres: take their mean off the predicted rewards of a rollout.
        episodes: keeps the newest whole episode; None keeps none.
        stacks_frames: whether an observation is a stack of frames, the newest last.
    """

    def __init__(
        self,
        env: gym.vector.VectorEnv,
        ensemble: RewardEnsemble,
        recorder: ClipRecorder | None,
        use_true_reward: bool,
        centres: bool = False,
        episodes: EpisodeRecorder | None = None,
        stacks_frames: bool = False,
    ) -> None:
        super().__init__(env)
        self._reads_frames_once = stacks_frames and ensemble.network.reads_single_frames
        self._ensemble = ensemble
        self._recorder = recorder
        self._episodes = episodes
        self._use_true_reward = use_true_reward
        self._centres = centres
        self._observer = InputObserver(len(ensemble.spec.network_shape.observation_shape), step_rows=env.num_envs)
        ensemble.observer = self._observer
        self._set_spaces()
        self._observations: np.ndarray = np.zeros(0)
        self._autoreset = np.zeros(env.num_envs, bool)
        self._newest: _UnpaidStep | None = None
        self._unpaid: list[_UnpaidStep] = []
        self._paid: list[np.ndarray] = []
        self._paid_steps: list[np.ndarray] = []
        self._true_return = np.zeros(env.num_envs)
        self._predicted_return = np.zeros(env.num_envs)
        self._length = np.zeros(env.num_envs, np.int64)
        self._finished: deque[EpisodeReturns] = deque(maxlen=MAX_PENDING_EPISODES)
        self._reset_seed: int | None = None
        self._env_steps = 0

    def _set_spaces(self) -> None:
        self.single_observation_space = self._ensemble.scaling.scaled_space
        self.observation_space = gym.vector.utils.batch_space(self.single_observation_space, self.num_envs)

    @property
    def reward_version(self) -> int:
        """Version of the reward that is applied; 0 before the first."""
        return self._ensemble.version

    @property
    def shown(self) -> np.ndarray:
        """What the next actions are chosen from, scaled; the last observation of an episode where one has ended."""
        return self._ensemble.scaling(self._observations)

    def apply_reward(self, published: PublishedReward) -> None:
        """Apply this version from the next step on."""
        assert not self._unpaid, "steps under the version before are still to be paid"
        self._ensemble.load(published)

    def reset_with(self, seed: int) -> None:
        """Use this seed at the next reset, whatever the caller of `reset` says (the barrier of sync mode)."""
        self._reset_seed = seed

    def reset(  # type: ignore[override]  # VectorWrapper fixes no types for its free type variables
        self, *, seed: int | list[int] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Reset all environments; clips and returns under way are forgotten."""
        if self._reset_seed is not None:
            seed, self._reset_seed = self._reset_seed, None
        observations, infos = self.env.reset(seed=seed, options=options)  # type: ignore[arg-type]  # lists are taken too
        _check_finite(observations)
        self._observations = observations.copy()
        self._autoreset = np.zeros(self.num_envs, bool)
        self._unpaid, self._paid, self._paid_steps = [], [], []
        self._true_return[:], self._predicted_return[:], self._length[:] = 0, 0, 0
        if self._recorder is not None:
            self._recorder.discard_partial()
        if self._episodes is not None:
            self._episodes.discard_partial(is_start=True)
        return self._ensemble.scaling(observations), infos

    def step(  # type: ignore[override]  # as reset
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Step all environments; the reward returned is the predicted one of what was seen and done."""
        observations, terminations, truncations = self.advance(actions)
        assert self._newest is not None
        infos = {TRUE_REWARD_KEY: self._newest.true_rewards, f"_{TRUE_REWARD_KEY}": self._newest.stepped}
        return observations, self.pay()[-1], terminations, truncations, infos

    def advance(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Step all environments, and owe the reward until `pay`: many are predicted at once for the price of few.

        Returns:
            Scaled observations `[num_envs, ...]`, and what terminated and what was truncated, `[num_envs]` bool.
        """
        observed, stepped = self._observations, ~self._autoreset
        observations, true_rewards, terminations, truncations, infos = self.env.step(actions)
        if not np.isfinite(true_rewards).all():
            raise RewardDataError(f"the environment returned the rewards {true_rewards}; expected finite numbers")
        _check_finite(observations)
        ended = terminations | truncations
        if self._recorder is not None:
            self._recorder.record(observed, actions, true_rewards, stepped, ended, observations)
        # copied, since it is kept until it is paid for, and an environment may write into one array again and again
        self._observations, self._autoreset = observations.copy(), ended
        points = infos.get(RAW_SCORE_KEY, np.where(stepped, true_rewards, 0.0))
        over = infos.get(GAME_OVER_KEY, ended)
        if self._episodes is not None and (stepped[0] or not self._was_over()):
            self._episodes.record(
                observed[0], actions[0], float(true_rewards[0]), float(points[0]), ended=bool(over[0])
            )
        self._newest = _UnpaidStep(
            observed, actions, true_rewards.copy(), stepped, ended, self._observations, points, over
        )
        self._unpaid.append(self._newest)
        if len(self._unpaid) * self.num_envs >= MAX_UNPAID_STEPS:
            self._predict()
        return self._ensemble.scaling(observations), terminations, truncations

    def _was_over(self) -> bool:
        """Whether the first environment's game ended with the step before; at a horizon it may go on."""
        return self._newest is not None and bool(self._newest.game_over[0])

    def pay(self) -> np.ndarray:
        """Rewards `[steps, num_envs]` float32 of all steps since the last call; 0 where one was an automatic reset."""
        if self._unpaid:
            self._predict()
        paid, self._paid, self._paid_steps = self._paid, [], []
        return np.concatenate(paid) if paid else np.zeros((0, self.num_envs), np.float32)

    def pay_rollout(self) -> np.ndarray:
        """As `pay`, of a whole rollout: centred, `r - mean r` over its steps, where this was asked for.

        Preferences say nothing of a constant in the reward, and the normaliser's choice of one moves with each version.
        With a discount g a step's constant c is c / (1 - g) in every value, a hundred times as much at .99, and what
        a value function learns of states is lost beside it. In episodes of fixed length the constant changes no policy
        (Naik et al. 2024, Reward Centering, arXiv 2405.09999).
        """
        if not self._centres or self._use_true_reward:
            return self.pay()
        if self._unpaid:
            self._predict()
        if not self._paid:
            return self.pay()
        stepped = np.concatenate(self._paid_steps)
        rewards = self.pay()
        mean = rewards[stepped].mean() if stepped.any() else np.float32(0)
        return np.where(stepped, rewards - mean, np.float32(0))

    def _predict(self) -> None:
        steps, self._unpaid = self._unpaid, []
        true_rewards = np.stack([step.true_rewards for step in steps])
        stepped = np.stack([step.stepped for step in steps])
        if self._use_true_reward:
            rewards = true_rewards.astype(np.float32)
        elif self._reads_frames_once:
            begins = np.zeros_like(stepped)
            begins[1:] = ~stepped[:-1]
            actions = np.stack([step.actions for step in steps])
            rewards = self._ensemble.rewards_of_rollout([step.observed for step in steps], actions, begins)
        else:
            seen = ["observed", "actions"]
            if self._ensemble.spec.network.sees_next_observations:
                seen.append("led_to")
            arrays = (np.concatenate([getattr(step, name) for step in steps]) for name in seen)
            rewards = self._ensemble.rewards(*arrays).reshape(true_rewards.shape)
        rewards = np.where(stepped, rewards, np.float32(0))
        for step, predicted in zip(steps, rewards, strict=True):
            self._count(step, predicted)
        self._paid.append(rewards)
        self._paid_steps.append(stepped)

    def _count(self, step: _UnpaidStep, predicted: np.ndarray) -> None:
        self._env_steps += int(step.stepped.sum())
        self._true_return += step.points
        self._predicted_return += predicted
        self._length += step.stepped
        for index in np.flatnonzero(step.game_over):
            self._finished.append(
                EpisodeReturns(
                    float(self._true_return[index]), float(self._predicted_return[index]), int(self._length[index])
                )
            )
            self._true_return[index], self._predicted_return[index], self._length[index] = 0, 0, 0

    def drain(self, env_steps: int) -> "Harvest":
        """What was recorded since the last call.

        Args:
            env_steps: age of the policy that was at work, to stamp the clips with.
        """
        clips, clips_dropped = [], 0
        if self._recorder is not None:
            clips = self._recorder.drain(env_steps)
            clips_dropped, self._recorder.dropped = self._recorder.dropped, 0
        newest = None if self._episodes is None else self._episodes.take()
        harvest = Harvest(
            clips, list(self._finished), self._env_steps, clips_dropped, self._observer.take(), newest_episode=newest
        )
        self._finished.clear()
        self._env_steps = 0
        return harvest


def _check_finite(observations: np.ndarray) -> None:
    if observations.dtype.kind == "f" and not np.isfinite(observations).all():
        finite = np.isfinite(observations).reshape(len(observations), -1).all(axis=1)
        raise RewardDataError(
            f"the environment returned NaN or infinity in the observations of its copies {np.flatnonzero(~finite)}; "
            "expected finite numbers: no reward can be predicted from them. Look at what the environment returns."
        )


@dataclass(frozen=True, eq=False)
class Harvest:
    """What environments recorded.

    Args:
        clips: oldest first.
        episodes: returns of those that finished.
        env_steps: taken.
        clips_dropped: clips that nobody fetched in time.
        predictor_saw: observations as the reward networks were shown them; None of none.
        policy_saw: observations as the policy network was shown them to act on; None of none.
        newest_episode: for people to watch; None where none ended, or nobody watches.
    """

    clips: list[Clip]
    episodes: list[EpisodeReturns]
    env_steps: int
    clips_dropped: int = 0
    predictor_saw: Moments | None = None
    policy_saw: Moments | None = None
    newest_episode: RecordedEpisode | None = None

    @classmethod
    def merged(cls, harvests: Iterable["Harvest"]) -> "Harvest":
        """The harvest of several runners as one, in their order."""
        parts = list(harvests)
        return cls(
            [clip for part in parts for clip in part.clips],
            [episode for part in parts for episode in part.episodes],
            sum(part.env_steps for part in parts),
            sum(part.clips_dropped for part in parts),
            reduce(Moments.together, (part.predictor_saw for part in parts), None),
            reduce(Moments.together, (part.policy_saw for part in parts), None),
            next((part.newest_episode for part in parts if part.newest_episode is not None), None),
        )
