"""Watches for a collapse of the policy's entropy, and for a plateau."""

from collections import deque

import numpy as np

from rlhp_ray import metric_keys as keys
from rlhp_ray.health.bounded_series import BoundedSeries
from rlhp_ray.health.condition import Condition, Reading, Row
from rlhp_ray.health.entropy_shapes import EntropyScale, EntropyShape, entropy_shape

COLLAPSE_ITERATIONS = 10  # over which the mean is judged (ours)
PLATEAU_SHARE = 0.5  # of the run, before which a policy may still begin to learn (ours)

COLLAPSE = Condition(
    keys.UNHEALTHY_ENTROPY_COLLAPSE,
    "above 5 % of ln n for n actions; of continuous ones, above that of standard deviations of 0.05",
    "Likely causes: a reward that one action exploits, a learning rate too high, an entropy bonus too small.",
)
PLATEAU = Condition(
    keys.UNHEALTHY_ENTROPY_PLATEAU,
    "falls slowly",
    "Likely causes: a predicted reward that tells actions apart too little, or one that changes faster than the policy "
    "learns; or the task was learnt at once, as its return would show.",
)


class EntropyCollapse:
    """The mean over the last iterations is near that of one action."""

    condition = COLLAPSE

    def __init__(self, scale: EntropyScale) -> None:
        self._scale = scale
        self._recent: deque[float] = deque(maxlen=COLLAPSE_ITERATIONS)

    def read(self, row: Row) -> Reading | None:
        if keys.POLICY_ENTROPY not in row:
            return None
        self._recent.append(row[keys.POLICY_ENTROPY])
        if len(self._recent) < COLLAPSE_ITERATIONS:
            return None
        mean = float(np.mean(self._recent))
        return Reading(mean < self._scale.collapsed, f"{self._scale.text(mean)} over {len(self._recent)} iterations")


class EntropyPlateau:
    """Level after the first fifth of the run so far; said in its second half only.

    Args:
        scale: of the action space.
        env_steps: of the whole run.
        held_until: env steps for which the settings themselves keep the entropy up.
    """

    condition = PLATEAU

    def __init__(self, scale: EntropyScale, env_steps: int, held_until: int = 0) -> None:
        self._scale, self._judged_from = scale, max(PLATEAU_SHARE * env_steps, held_until)
        self._entropies = BoundedSeries()

    def read(self, row: Row) -> Reading | None:
        if keys.POLICY_ENTROPY not in row:
            return None
        self._entropies.append(row[keys.POLICY_ENTROPY])
        if row[keys.ENV_STEPS] < self._judged_from:
            return None
        shape = entropy_shape(self._entropies.points, self._scale)
        if shape is EntropyShape.UNKNOWN:
            return None
        seen = f"{self._scale.text(row[keys.POLICY_ENTROPY])}, level since the first fifth of the run"
        return Reading(shape is EntropyShape.PLATEAU, seen)
