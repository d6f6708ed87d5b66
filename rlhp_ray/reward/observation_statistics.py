"""What networks are really shown: mean and spread of their inputs, and how far those of two networks lie apart.

The essay lost months to observations that were normalised for the policy and not for the reward predictor. So inputs
are measured where they enter the networks, after everything that may have been done to them.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from rlhp_ray.reward.clip_features import coarse_frames
from rlhp_ray.reward.observation_scaling import BYTE_MAX

EVERY_CALL = 13  # of those with a vector step each: enough for statistics; a prime, so as not to fall in with episodes
MAX_ROWS_PER_CALL = 256
SMALLEST_SPREAD = 0.1  # of scaled units: what varies by less is as good as constant, and its spread is mostly chance
MEAN_LIMIT = 0.5  # pooled standard deviations between two means (Rubin 2001, Health Services 2:169)
VARIANCE_RATIO_LIMIT = 2.0  # of two variances, either way (Rubin 2001)


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean and spread of `count` vectors.

    Args:
        count: vectors seen.
        mean: `[size]` float64.
        squares: `[size]` float64, sum of squared distances from the mean.
    """

    count: int
    mean: np.ndarray
    squares: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> "Moments":
        """Of `[n, size]`, n above 0."""
        exact = rows.astype(np.float64)
        mean = exact.mean(axis=0)
        return cls(len(rows), mean, np.square(exact - mean).sum(axis=0))

    @property
    def std(self) -> np.ndarray:
        """`[size]`."""
        return np.sqrt(self.squares / self.count)

    def to_dict(self) -> dict[str, Any]:
        """JSON-writable; `from_dict` is the inverse, to the bit."""
        return {"count": self.count, "mean": self.mean.tolist(), "squares": self.squares.tolist()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Moments":
        """The inverse of `to_dict`."""
        return cls(int(data["count"]), np.array(data["mean"], float), np.array(data["squares"], float))

    def merged(self, other: "Moments") -> "Moments":
        """Of both together (Chan, Golub and LeVeque 1983): no sum of squares that would cancel.

        mean = mean_a + d n_b / n,  M = M_a + M_b + d^2 n_a n_b / n,  d = mean_b - mean_a
        """
        assert self.mean.shape == other.mean.shape, (self.mean.shape, other.mean.shape)
        count, distance = self.count + other.count, other.mean - self.mean
        squares = self.squares + other.squares + np.square(distance) * (self.count * other.count / count)
        return Moments(count, self.mean + distance * (other.count / count), squares)

    @staticmethod
    def together(first: "Moments | None", second: "Moments | None") -> "Moments | None":
        """Merged, where either may have seen nothing."""
        if first is None or second is None:
            return first or second
        return first.merged(second)


@dataclass(frozen=True)
class ObservationGap:
    """The entry in which two networks' observations differ most.

    Args:
        distance: 1 is as far apart as two samples of one population should be at most (Rubin 2001).
        entry: its number in the scaled observation; of an image, the cell of the grid.
        policy: mean and standard deviation of what the policy saw.
        predictor: of what the predictor saw.
    """

    distance: float
    entry: int
    policy: tuple[float, float]
    predictor: tuple[float, float]


def observation_gap(policy: Moments | None, predictor: Moments | None) -> ObservationGap | None:
    """How far apart the observations of policy and predictor are, in the worst entry.

        distance = max_i max(|m_i - m'_i| / (0.5 s_i), |ln(v_i / v'_i)| / ln 2),  s_i = sqrt((v_i + v'_i) / 2)

    with means m and variances v of the policy, m' and v' of the predictor; variances count as 0.1^2 at least.

    Source: Rubin 2001, *Using Propensity Scores to Help Design Observational Studies*, Health Services and Outcomes
    Research Methodology 2:169-188: samples are comparable where means differ by less than half a standard deviation and
    variances by less than a factor of two.

    Returns:
        None where either saw nothing, or they see vectors of different sizes, which cannot be compared.
    """
    if policy is None or predictor is None or policy.mean.shape != predictor.mean.shape:
        return None
    variances = [np.maximum(np.square(seen.std), SMALLEST_SPREAD**2) for seen in (policy, predictor)]
    means = np.abs(policy.mean - predictor.mean) / (MEAN_LIMIT * np.sqrt((variances[0] + variances[1]) / 2))
    ratios = np.abs(np.log(variances[0] / variances[1])) / math.log(VARIANCE_RATIO_LIMIT)
    distances = np.maximum(means, ratios)
    worst = int(distances.argmax())
    sides = [(float(seen.mean[worst]), float(seen.std[worst])) for seen in (policy, predictor)]
    return ObservationGap(float(distances[worst]), worst, sides[0], sides[1])


class InputObserver:
    """Keeps the moments of the observations that a network is called with.

    Bytes count divided by 255, as the networks' first layer has them, and images as the mean brightness of their last
    channel in a 7 x 7 grid: of stacked frames it is the newest, which is also what clips keep of each step.

    Args:
        dimensions: of one observation as the network takes it: 1; of an image 3, of a single frame 2.
        every: calls of which one is looked at.
        step_rows: rows of a vector step, each of which counts as a call where many come in one; None if none do.
    """

    def __init__(self, dimensions: int, every: int = EVERY_CALL, step_rows: int | None = None) -> None:
        self._dimensions, self._every, self._step_rows = dimensions, every, step_rows
        self._calls = 0
        self._seen: Moments | None = None

    def observe(self, observations: Tensor) -> None:
        """Take in `[..., *observation]` of one call: about 256 of them, evenly spread over the last axis before `*`."""
        for step in (observations,) if self._step_rows is None else observations.split(self._step_rows):
            self._observe_step(step)

    def _observe_step(self, observations: Tensor) -> None:
        self._calls += 1
        if (self._calls - 1) % self._every:
            return
        axis = observations.dim() - self._dimensions - 1
        rows = math.prod(observations.shape[: axis + 1])
        if rows == 0:
            return
        step = -(-rows // MAX_ROWS_PER_CALL)
        chosen = observations[(slice(None),) * axis + (slice(None, None, step),)]  # before a view of frames is copied
        self._seen = Moments.together(
            self._seen, Moments.of(_as_vectors(chosen.detach().cpu().numpy(), self._dimensions))
        )

    def take(self) -> Moments | None:
        """What was seen since the last call; None if nothing."""
        seen, self._seen, self._calls = self._seen, None, 0
        return seen


def _as_vectors(observations: np.ndarray, dimensions: int) -> np.ndarray:
    newest = observations[..., -1] if dimensions == 3 else observations
    flat = newest.reshape(-1, *newest.shape[newest.ndim - min(dimensions, 2) :])
    vectors = coarse_frames(flat) if dimensions > 1 else flat
    return vectors / BYTE_MAX if observations.dtype == np.uint8 else vectors
