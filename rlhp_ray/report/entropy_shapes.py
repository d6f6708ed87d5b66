"""The two failure shapes of a policy's entropy, named: a collapse to one action, and a plateau that never falls.

Policy entropy is the most sensitive sign of a run that goes wrong (Rahtz 2018): near zero the policy has settled on one
action, whatever it is paid; level from the beginning, it chooses at random, among all actions or a few of them.
"""

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import numpy as np

from rlhp_ray import metric_keys as keys
from rlhp_ray.report.report_run import ReportRun

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


def entropy_shape(run: ReportRun) -> EntropyShape:
    """The shape of a run's policy entropy."""
    _, values = run.series(keys.POLICY_ENTROPY)
    if len(values) < MIN_POINTS:
        return EntropyShape.UNKNOWN
    end = float(np.mean(values[-max(1, round(END_SHARE * len(values))) :]))
    maximum = entropy_maximum(run)
    if maximum is None:
        dimensions = math.prod(run.action_space.get("shape") or (1,))
        collapsed = dimensions * (0.5 * math.log(2 * math.pi * math.e) + math.log(COLLAPSED_STD))
        level = LEVEL_SHARE * dimensions  # nats: a change of the standard deviation by 5 %
    else:
        collapsed, level = COLLAPSED_SHARE * maximum, LEVEL_SHARE * maximum
    if end < collapsed:
        return EntropyShape.COLLAPSE
    settled = _smoothed(values[round(SETTLING_SHARE * len(values)) :])
    return EntropyShape.PLATEAU if np.ptp(settled) < level else EntropyShape.FALLING


def entropy_maximum(run: ReportRun) -> float | None:
    """ln n of n discrete actions; None of continuous ones, whose entropy has no bound.

    Where no checkpoint tells how many there are, the highest entropy seen stands for it: an untrained policy chooses
    almost uniformly.
    """
    space: Mapping[str, Any] = run.action_space
    if space.get("type") == "Discrete" and isinstance(space.get("n"), int) and space["n"] > 0:
        return math.log(space["n"])
    if space.get("type") == "Box":
        return None
    _, values = run.series(keys.POLICY_ENTROPY)
    return float(values.max()) if len(values) and values.max() > 0 else None


def finding(run: ReportRun) -> str | None:
    """What is wrong with the entropy of a run, in a sentence; None where nothing is."""
    shape, maximum = entropy_shape(run), entropy_maximum(run)
    if shape not in (EntropyShape.COLLAPSE, EntropyShape.PLATEAU):
        return None
    _, values = run.series(keys.POLICY_ENTROPY)
    end = float(np.mean(values[-max(1, round(END_SHARE * len(values))) :]))
    of = "" if maximum is None else f" of at most {maximum:.2f}"
    if shape is EntropyShape.COLLAPSE:
        return (
            f"{run.name}: policy entropy collapsed to near zero ({end:.2f} nats{of}): the policy takes one action, and "
            "can no longer find a better one. Likely causes: a reward that one action exploits, a learning rate too "
            "high, an entropy bonus too small."
        )
    among = "all actions" if maximum is not None and end > (1 - LEVEL_SHARE) * maximum else "a few actions"
    return (
        f"{run.name}: policy entropy is a plateau that never falls ({end:.2f} nats{of}): the policy goes on choosing "
        f"at random among {among}. Likely causes: a predicted reward that tells actions apart too little, or one that "
        "changes faster than the policy learns; or the task was learnt at once, as its return would show."
    )


def _smoothed(values: np.ndarray) -> np.ndarray:
    """Means of up to ten parts, so that noise is no fall."""
    return np.array([part.mean() for part in np.array_split(values, min(10, len(values)))])
