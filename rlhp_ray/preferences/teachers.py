"""Simulated teachers: they see the true reward of both clips and say which is better."""

from typing import Protocol

import numpy as np

from rlhp_ray.preferences.preference import Answer

TIE_TOLERANCE = 1e-6  # float32 sums of equal rewards in another order still tie


class Teacher(Protocol):
    """Answers a query from the true rewards of its two clips."""

    name: str

    def answer(self, left_rewards: np.ndarray, right_rewards: np.ndarray, rng: np.random.Generator) -> Answer:
        """Compare two clips.

        Args:
            left_rewards: `[clip_steps]` true rewards of the left clip.
            right_rewards: `[clip_steps]` true rewards of the right clip.
            rng: derived from the run's seed and the query's index.
        """
        ...


class OracleTeacher:
    """Prefers the larger true return, without error; equal returns are a tie (B-Pref s4, beta infinite)."""

    name = "oracle"

    def answer(self, left_rewards: np.ndarray, right_rewards: np.ndarray, rng: np.random.Generator) -> Answer:
        difference = float(np.sum(left_rewards, dtype=np.float64) - np.sum(right_rewards, dtype=np.float64))
        if abs(difference) <= TIE_TOLERANCE:
            return Answer.EQUAL
        return Answer.LEFT if difference > 0 else Answer.RIGHT


class RandomTeacher:
    """Answers left or right by a fair coin: the negative control, from which nothing may be learnt."""

    name = "random"

    def answer(self, left_rewards: np.ndarray, right_rewards: np.ndarray, rng: np.random.Generator) -> Answer:
        return Answer.LEFT if rng.random() < 0.5 else Answer.RIGHT


TEACHERS: dict[str, type[OracleTeacher] | type[RandomTeacher]] = {
    teacher.name: teacher for teacher in (OracleTeacher, RandomTeacher)
}
