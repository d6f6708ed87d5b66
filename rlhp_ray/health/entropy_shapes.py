"""The two failure shapes of a policy's entropy, named: a collapse to one action, and a plateau that never falls.

Policy entropy is the most sensitive sign of a run that goes wrong (Rahtz 2018): near zero the policy has settled on one
action, whatever it is paid; level from the beginning, it chooses at random, among all actions or a few of them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

END_SHARE = 0.1
"""Of the run, over whose last part a collapse is judged (ours)."""
COLLAPSED_SHARE = 0.05
"""Of the maximum, ln n of n actions, below which one action is all that is left (ours)."""
LEVEL_SHARE = 0.05
"""Of the maximum, within which entropy is level after the first part of the run (ours)."""
SETTLING_SHARE = 0.2
"""Of the run, which may still fall before a plateau (ours)."""
COLLAPSED_STD = 0.05
"""Of a normal policy in each action dimension, of a range of 2, that counts as one action (ours)."""
MIN_POINTS = 10


class EntropyShape(StrEnum):
    """What a curve of entropy looks like."""

    COLLAPSE = "collapse to one action"
    PLATEAU = "plateau that never falls"
    FALLING = "neither failure shape"
    UNKNOWN = "too short to tell"


@dataclass(frozen=True)
class EntropyScale:
    """What entropies mean, in nats, with the actions that there are.

    Args:
        maximum: ln n of n discrete actions; None of continuous ones, whose entropy has no bound.
        dimensions: of a continuous action; 1 of a discrete one.
    """

    maximum: float | None
    dimensions: int = 1

    @property
    def collapsed(self) -> float:
        """Below it one action is left: a share of ln n, or d (ln(2 pi e) / 2 + ln sigma) of d narrow normals."""
        if self.maximum is None:
            return self.dimensions * (0.5 * math.log(2 * math.pi * math.e) + math.log(COLLAPSED_STD))
        return COLLAPSED_SHARE * self.maximum

    @property
    def level(self) -> float:
        """A smaller move is none; of continuous actions, a change of every standard deviation by 5 %."""
        return LEVEL_SHARE * (self.dimensions if self.maximum is None else self.maximum)

    def text(self, entropy: float) -> str:
        """`0.70 nats of at most 1.61`."""
        return f"{entropy:.2f} nats" + ("" if self.maximum is None else f" of at most {self.maximum:.2f}")


def entropy_scale(action_space: Mapping[str, Any]) -> EntropyScale | None:
    """Of an action space as `policy.json` describes it; None where it does not tell."""
    match action_space:
        case {"type": "Discrete", "n": int(n)} if n > 0:
            return EntropyScale(math.log(n))
        case {"type": "Box"}:
            return EntropyScale(None, math.prod(action_space.get("shape") or (1,)))
    return None


def entropy_shape(values: np.ndarray, scale: EntropyScale) -> EntropyShape:
    """The shape of a series [num_points] of policy entropy in nats, from the beginning of a run to where it is."""
    if len(values) < MIN_POINTS:
        return EntropyShape.UNKNOWN
    if end_mean(values) < scale.collapsed:
        return EntropyShape.COLLAPSE
    settled = _smoothed(values[round(SETTLING_SHARE * len(values)) :])
    return EntropyShape.PLATEAU if np.ptp(settled) < scale.level else EntropyShape.FALLING


def end_mean(values: np.ndarray) -> float:
    """Mean over the last tenth."""
    return float(np.mean(values[-max(1, round(END_SHARE * len(values))) :]))


def _smoothed(values: np.ndarray) -> np.ndarray:
    """Means of up to ten parts, so that noise is no fall."""
    return np.array([part.mean() for part in np.array_split(values, min(10, len(values)))])
