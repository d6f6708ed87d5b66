"""Watches for a reward whose accuracy is that of chance."""

import math
from collections import deque

import numpy as np

from rlhp_ray import metric_keys as keys
from rlhp_ray.health.condition import Condition, Reading, Row

ROUNDS = 5  # over which accuracies are averaged (ours)
CHANCE = 0.5
Z = 1.645  # one-sided 5 % of the normal distribution
LEFT_OUT = math.exp(-1)  # share of the labels that a bootstrap of as many leaves out
MIN_LEFT_OUT = 30  # decided labels, below which nothing is said
MOST_AT_CHANCE = 0.6  # the healthy range of both accuracies begins here


class AccuracyAtChance:
    """Over the last rounds, left-out labels are predicted no better than by guessing, and fresh pairs hardly better.

    Of n left-out decided labels, guessing gets a share below 1/2 + z / (2 sqrt n) right, in 95 of 100 rounds. Fresh
    pairs have no such bound: the order that any reward gives them, however wrong, is right or wrong by more than a
    coin, as all clips are of one policy; so their share counts up to where the healthy range begins. Flipped answers
    lower the first accuracy alone, a policy whose clips have come to be all alike the second: so both have to be low,
    where both are known.

    Args:
        is_true_return_taught: whether the fresh pairs, which are ordered by it, say anything of the reward.
    """

    condition = Condition(
        keys.UNHEALTHY_ACCURACY,
        "above what guessing gives, over the last 5 rounds",
        "Look at labels and clips (rlhp preferences stats): can the better clip be told at all? More labels, longer "
        "clips (preferences.clip_steps), or a higher reward.response_error where many answers are wrong.",
    )

    def __init__(self, is_true_return_taught: bool) -> None:
        self._is_true_return_taught = is_true_return_taught
        self._version = -1.0
        self._left_out: deque[float] = deque(maxlen=ROUNDS)
        self._fresh: deque[float] = deque(maxlen=ROUNDS)

    def read(self, row: Row) -> Reading | None:
        if keys.REWARD_VALIDATION_ACCURACY not in row or row.get(keys.REWARD_VERSION, self._version) == self._version:
            return None
        self._version = row[keys.REWARD_VERSION]
        self._left_out.append(row[keys.REWARD_VALIDATION_ACCURACY])
        num_left_out = LEFT_OUT * (row.get(keys.LABELS, 0.0) + row.get(keys.LABELS_LOADED, 0.0))
        num_left_out *= 1 - row.get(keys.TIE_SHARE, 0.0)
        if keys.FRESH_ACCURACY in row:
            self._fresh.append(row[keys.FRESH_ACCURACY])
        if len(self._left_out) < ROUNDS or num_left_out < MIN_LEFT_OUT:
            return None
        accuracy = float(np.mean(self._left_out))
        is_sick = accuracy <= min(MOST_AT_CHANCE, CHANCE + Z * 0.5 / math.sqrt(num_left_out))
        seen = f"{100 * accuracy:.0f} % of the left-out labels right"
        if self._is_true_return_taught and self._fresh:
            fresh = float(np.mean(self._fresh))
            is_sick &= fresh <= MOST_AT_CHANCE
            seen += f", {100 * fresh:.0f} % of fresh pairs"
        return Reading(is_sick, f"{seen}, over {ROUNDS} rounds")
