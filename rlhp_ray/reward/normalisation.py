"""Per-member normalisation of predicted rewards, computed once for each published version (C17 s2.2.1)."""

from dataclasses import dataclass

import numpy as np

SMALLEST_STD = 1e-6  # a member that predicts one constant must not be blown up


@dataclass(frozen=True, eq=False)
class RewardNormaliser:
    """Each member gets mean 0 and standard deviation 1 over recent clips; their mean, times `scale`, is the reward.

        r = scale * mean_m((r_m - mean_m) / std_m)

    Args:
        mean: `[members]` of predicted rewards over the recent clip pool.
        std: `[members]`.
        scale: reward units; 1 for MuJoCo (C17 A.1), 0.05 for Atari (C17 A.2).
    """

    mean: np.ndarray
    std: np.ndarray
    scale: float

    @classmethod
    def from_rewards(cls, rewards: np.ndarray, scale: float) -> "RewardNormaliser":
        """Statistics of `[members, n]` predicted rewards."""
        exact = rewards.astype(np.float64)
        std = np.maximum(exact.std(axis=1), SMALLEST_STD)
        return cls(exact.mean(axis=1).astype(np.float32), std.astype(np.float32), scale)

    @classmethod
    def identity(cls, members: int, scale: float) -> "RewardNormaliser":
        """Before anything is known."""
        return cls(np.zeros(members, np.float32), np.ones(members, np.float32), scale)

    def normalised(self, rewards: np.ndarray) -> np.ndarray:
        """`[members, n]` to normalised member rewards `[members, n]`, each in reward units."""
        assert rewards.ndim == 2 and len(rewards) == len(self.mean), (rewards.shape, self.mean.shape)
        return self.scale * (rewards - self.mean[:, None]) / self.std[:, None]

    def __call__(self, rewards: np.ndarray) -> np.ndarray:
        """`[members, n]` to the one reward of each step, `[n]` float32."""
        return self.normalised(rewards).mean(axis=0).astype(np.float32)
