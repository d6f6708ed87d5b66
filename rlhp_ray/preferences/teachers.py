"""Simulated teachers: they see the true reward of both clips and say which is better."""

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from scipy.special import expit

from rlhp_ray.clips.clip import Clip
from rlhp_ray.preferences.preference import Answer
from rlhp_ray.preferences.teacher_traits import TeacherThresholds, TeacherTraits

TIE_TOLERANCE = 1e-6  # float32 sums of equal rewards in another order still tie

ClipRewards = Callable[[Clip], np.ndarray]
"""From a clip to the rewards `[clip_steps]` by which a teacher judges it."""


class Teacher(Protocol):
    """Answers queries.

    Args:
        name: short and readable; it is stored with each answer.
    """

    name: str

    def calibrate(self, recent: Sequence[Clip]) -> list[str]:
        """Look at recent behaviour before a round of queries; gives what the user must know, each thing once."""
        ...

    def answer(self, left: Clip, right: Clip, rng: np.random.Generator) -> Answer:
        """Compare two clips.

        Args:
            left: clip shown on the left.
            right: clip shown on the right.
            rng: derived from the run's seed and the query's index.

        Raises:
            TeacherError: a function of the user's failed.
        """
        ...


def true_rewards(clip: Clip) -> np.ndarray:
    """The environment's own rewards."""
    return clip.teacher_rewards


class SimulatedTeacher:
    """Compares the returns of two clips as B-Pref s4 and its code do, in this order.

    With r_t the reward of step t in a clip of H steps, S = sum_t r_t and R = sum_t gamma^(H-t) r_t, it

        1. skips                         where max(S_left, S_right) < d_skip,
        2. says left with the chance     sigmoid(beta (R_left - R_right)), else right; with beta infinite it says what
                                         is larger, and equal where both are (within TIE_TOLERANCE),
        3. says the opposite             with the chance `mistake`,
        4. says equal after all          where |S_left - S_right| < d_equal.

    Args:
        traits: beta, gamma, mistake, and the thresholds d; by default the oracle, who never errs.
        name: stored with each answer.
        rewards: what is summed.
    """

    def __init__(
        self, traits: TeacherTraits | None = None, name: str = "oracle", rewards: ClipRewards = true_rewards
    ) -> None:
        self.name = name
        self._traits = traits or TeacherTraits()
        self._rewards = rewards
        self._thresholds = TeacherThresholds(self._traits)

    def calibrate(self, recent: Sequence[Clip]) -> list[str]:
        if not self._thresholds.are_relative:
            return []
        return self._thresholds.recompute(np.array([_sum(self._rewards(clip)) for clip in recent]))

    def answer(self, left: Clip, right: Clip, rng: np.random.Generator) -> Answer:
        left_rewards, right_rewards = self._rewards(left), self._rewards(right)
        left_sum, right_sum = _sum(left_rewards), _sum(right_rewards)
        if max(left_sum, right_sum) < self._thresholds.skip_below:
            return Answer.SKIP
        difference = left_sum - right_sum
        if self._traits.gamma != 1:
            difference = self._discounted(left_rewards) - self._discounted(right_rewards)
        answer = self._compare(difference, rng)
        if rng.random() < self._traits.mistake:
            answer = answer.mirrored
        if abs(left_sum - right_sum) < self._thresholds.equal_within:
            return Answer.EQUAL
        return answer

    def _discounted(self, rewards: np.ndarray) -> float:
        return _sum(self._traits.gamma ** np.arange(len(rewards) - 1, -1, -1) * rewards)

    def _compare(self, difference: float, rng: np.random.Generator) -> Answer:
        if math.isfinite(self._traits.beta):
            return Answer.LEFT if rng.random() < expit(self._traits.beta * difference) else Answer.RIGHT
        if abs(difference) <= TIE_TOLERANCE:
            return Answer.EQUAL
        return Answer.LEFT if difference > 0 else Answer.RIGHT


class RandomTeacher:
    """Answers left or right by a fair coin: the negative control, from which nothing may be learnt."""

    name = "random"

    def calibrate(self, recent: Sequence[Clip]) -> list[str]:
        return []

    def answer(self, left: Clip, right: Clip, rng: np.random.Generator) -> Answer:
        return Answer.LEFT if rng.random() < 0.5 else Answer.RIGHT


def _sum(rewards: np.ndarray) -> float:
    return float(rewards.sum(dtype=np.float64))
