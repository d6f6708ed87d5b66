"""The choices of a fit that are the same in every round."""

from dataclasses import dataclass
from typing import Literal

from rlhp_ray.config.schema import RewardConfig
from rlhp_ray.reward.bradley_terry import RESPONSE_ERROR


@dataclass(frozen=True)
class FitRecipe:
    """How gradients are followed, to what targets, and where a round begins and stops.

    Args:
        optimiser: see `MemberOptimiser`.
        beta1: momentum of adam and adamw.
        response_error: e in P' = (1 - e) P + e / 2.
        label_smoothing: s in mu' = (1 - s) mu + s / 2.
        patience: epochs without a better validation loss before a round is stopped; None never stops it.
        warm_start: whether a round goes on from the weights and the optimiser of the one before.
    """

    optimiser: Literal["adam", "adamw", "rmsprop"] = "adam"
    beta1: float = 0.9
    response_error: float = RESPONSE_ERROR
    label_smoothing: float = 0.0
    patience: int | None = None
    warm_start: bool = True

    @classmethod
    def from_config(cls, reward: RewardConfig) -> "FitRecipe":
        """What the configuration asks for."""
        return cls(
            optimiser=reward.optimiser,
            beta1=reward.beta1,
            response_error=reward.response_error,
            label_smoothing=reward.label_smoothing,
            patience=reward.patience,
            warm_start=reward.warm_start,
        )
