"""How predicted rewards are distributed, how far a fit moved them, and what the policy gained by their measure."""

import math
from dataclasses import dataclass

import numpy as np

from rlhp_ray.reward.normalisation import SMALLEST_STD, RewardNormaliser

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, eq=False)
class MemberRewards:
    """Each member's rewards over a sample of clips.

    Args:
        mean: `[members]`, as the network gives them; on its own it says nothing, as labels do not fix it.
        std: `[members]`, as the network gives them; near 0, the normaliser blows up noise.
        quantiles: `[members, 5]` of the normalised rewards at `QUANTILES`, in reward units.
    """

    mean: np.ndarray
    std: np.ndarray
    quantiles: np.ndarray

    @classmethod
    def of(cls, raw: np.ndarray, normaliser: RewardNormaliser) -> "MemberRewards":
        """Of `[members, n]` rewards before normalisation."""
        exact = raw.astype(np.float64)
        quantiles = np.quantile(normaliser.normalised(exact), QUANTILES, axis=1).T
        return cls(exact.mean(axis=1), exact.std(axis=1), quantiles)


@dataclass(frozen=True, eq=False)
class NormaliserDrift:
    """How far a fit moved each member's rewards of the same clips, in units of their standard deviation before it.

        mean_m = (mean(r'_m) - mean(r_m)) / std(r_m),  std_m = (std(r'_m) - std(r_m)) / std(r_m)

    Args:
        mean: `[members]`.
        std: `[members]`.
    """

    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def between(cls, before: np.ndarray, after: np.ndarray) -> "NormaliserDrift":
        """Of `[members, n]` rewards under the last published weights and under the new ones."""
        assert before.shape == after.shape and before.ndim == 2, (before.shape, after.shape)
        old, new = before.astype(np.float64), after.astype(np.float64)
        unit = np.maximum(old.std(axis=1), SMALLEST_STD)
        return cls((new.mean(axis=1) - old.mean(axis=1)) / unit, (new.std(axis=1) - old.std(axis=1)) / unit)


def predicted_gain(fresh_returns: np.ndarray, reference_returns: np.ndarray) -> float:
    """What the policy has gained over the first clips of the run, in the eyes of one version of the reward.

        gain = (mean(R_fresh) - mean(R_reference)) / std(R_reference)

    Each version is normalised to mean 0 over the clips of its own day, so what it gives new clips cannot be compared
    with what an earlier version gave theirs. Clips that stay the same under both are the yardstick: a shift of all
    rewards cancels in the difference, and a factor in the ratio.

    Args:
        fresh_returns: `[n]` predicted return of clips that the policy just made.
        reference_returns: `[k]` of the run's first clips, by the same version.

    Returns:
        NaN where either is empty, or the version finds all reference clips equal.
    """
    if not len(fresh_returns) or not len(reference_returns):
        return math.nan
    spread = float(reference_returns.astype(np.float64).std())
    if spread < SMALLEST_STD:
        return math.nan
    return (float(fresh_returns.mean(dtype=np.float64)) - float(reference_returns.mean(dtype=np.float64))) / spread
