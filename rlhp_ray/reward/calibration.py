"""Calibration of P: whether what is predicted to be preferred with a chance of 70 % is preferred in 70 % of cases."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from rlhp_ray.reward.bradley_terry import preference_probability
from rlhp_ray.reward.ensemble import RewardEnsemble
from rlhp_ray.reward.labelled_pairs import LabelledPairs, bootstrap_weights

CALIBRATION_BINS = 10  # Guo et al. 2017 (arXiv 1706.04599), s2, use 15 on far more labels


@dataclass(frozen=True, eq=False)
class Calibration:
    """A reliability table over equal bins of P(left) in [0, 1]; sums, so that no bin is divided by nothing.

    Args:
        count: `[bins]` answers in each bin.
        probability: `[bins]` sum of P(left) over them.
        left: `[bins]` how many of them are left.
        accuracy: share of all answers whose side has P above 0.5; NaN without answers.
    """

    count: np.ndarray
    probability: np.ndarray
    left: np.ndarray
    accuracy: float

    @classmethod
    def of(cls, probability: np.ndarray, outcome: np.ndarray) -> "Calibration":
        """The table of `[n]` probabilities of left and `[n]` bool, whether left was preferred."""
        assert probability.shape == outcome.shape and probability.ndim == 1
        exact = probability.astype(np.float64)
        bins = np.minimum((probability * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
        count, sums, left = (np.bincount(bins, values, CALIBRATION_BINS) for values in (None, exact, outcome))
        right = np.where(outcome, probability > 0.5, probability < 0.5)
        return cls(count, sums, left, float(right.mean()) if len(right) else math.nan)

    @property
    def error(self) -> float:
        """Expected calibration error: `sum_b n_b / n |mean P_b - share of left_b|`; NaN without answers.

        Source: Naeini et al. 2015; Guo et al. 2017 (arXiv 1706.04599), equation 3, here over P(left) in [0, 1].
        """
        total = self.count.sum()
        return float(np.abs(self.probability - self.left).sum() / total) if total else math.nan

    def rows(self) -> list[dict[str, float]]:
        """The bins that hold answers, JSON-writable."""
        return [
            {
                "low": index / CALIBRATION_BINS,
                "high": (index + 1) / CALIBRATION_BINS,
                "mean_probability": float(self.probability[index] / count),
                "share_left": float(self.left[index] / count),
                "count": int(count),
            }
            for index, count in enumerate(self.count)
            if count
        ]


def held_out_calibration(
    ensemble: RewardEnsemble, pairs: LabelledPairs, seed: int, response_error: float
) -> Calibration:
    """How far P' of each member can be trusted on the decided labels that its bootstrap left out.

        P'(left over right) = (1 - e) sigmoid(R_left - R_right) + e / 2

    with R a member's own return before normalisation, which is what members are fitted by (C17 s2.2.3). A label counts
    once for each member that never trained on it.

    Args:
        ensemble: fitted to these labels, among others.
        pairs: labels; ties are left out.
        seed: of the run, by which labels were held out.
        response_error: e, that members were fitted with.
    """
    left, right = (ensemble.member_rewards_of_clips(side).sum(-1) for side in (pairs.left, pairs.right))
    probability = preference_probability(torch.from_numpy(left), torch.from_numpy(right), response_error).numpy()
    held_out = bootstrap_weights(seed, pairs.query_index, ensemble.members) == 0
    held_out &= pairs.mu_left != 0.5
    answered_left = np.broadcast_to(pairs.mu_left == 1.0, probability.shape)
    return Calibration.of(probability[held_out], answered_left[held_out])
