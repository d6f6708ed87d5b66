"""Median and interquartile mean of a few seeds, and how surely they are known: the bootstrap, stratified over tasks."""

import warnings
from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
from scipy import stats

from rlhp_ray.statistics.mean_interval import FEWEST, Interval
from rlhp_ray.statistics.seed_values import seed_values

Method = Literal["percentile", "BCa"]

TRIMMED = 0.25  # of the values at each end (Agarwal et al. 2021, section 4.3)
RESAMPLES = 9_999  # SciPy's own default
_SEED = 0  # of the resampling (ours): the same values always have the same interval


class Statistic(Protocol):
    """A number that stands for many values, along an axis."""

    def __call__(self, values: np.ndarray, *, axis: int) -> np.ndarray: ...


def median(values: np.ndarray, *, axis: int = -1) -> np.ndarray:
    """The median along an axis: `[..., n]` to `[...]`, in the units of the values."""
    return np.median(values, axis=axis)


def interquartile_mean(values: np.ndarray, *, axis: int = -1) -> np.ndarray:
    """IQM, the mean of the middle half (Agarwal et al. 2021, section 4.3, arXiv 2108.13264):

        sum_(i = k + 1)^(n - k) x_(i) / (n - 2 k),   k = floor(n / 4),   x_(1) <= ... <= x_(n)

    Of fewer than four values nothing is trimmed, and it is their mean.

    Args:
        values: `[..., n]`.
        axis: that of the values.

    Returns:
        `[...]`, in the units of the values.
    """
    return stats.trim_mean(values, TRIMMED, axis=axis)


def bootstrap_interval(
    tasks: Sequence[Sequence[float]], statistic: Statistic, method: Method = "percentile", confidence: float = 0.95
) -> Interval:
    """Bootstrap interval of a statistic of the values of all tasks together (Efron 1987; SciPy's `bootstrap`).

    Seeds are drawn again within each task, never across tasks (stratified: Agarwal et al. 2021, section 4.1). It is too
    narrow for few seeds, for the mean below 20 and for the IQM below 10: docs/results/interval_coverage.md.

    Args:
        tasks: `[num_tasks][num_seeds]`, values that can be compared across tasks; of one task `[values]`.
        statistic: of `[..., num_tasks * num_seeds]`.
        method: percentiles of the resampled statistic, or those corrected for bias and skew (BCa).
        confidence: above 0 and below 1.

    Returns:
        The interval, the same for the same values; without width where the seeds of each task agree. Both ends are NaN
        where a task has fewer than two seeds, and by BCa also where leaving one seed out never changes the statistic.

    Raises:
        ValueError: `confidence` is not between 0 and 1, there is no task, or its values are no finite numbers.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence}; expected a number between 0 and 1")
    if not len(tasks):
        raise ValueError("no task; expected the values of at least one: [num_tasks][num_seeds]")
    samples = [seed_values(values) for values in tasks]
    if any(len(values) < FEWEST for values in samples):
        return Interval(float("nan"), float("nan"))
    if all(np.ptp(values) == 0 for values in samples):
        agreed = float(statistic(np.concatenate(samples), axis=-1))
        return Interval(agreed, agreed)
    low, high = bootstrap_bounds(samples, statistic, method, confidence, RESAMPLES, np.random.default_rng(_SEED))
    return Interval(float(low), float(high))


def bootstrap_bounds(
    samples: Sequence[np.ndarray],
    statistic: Statistic,
    method: Method,
    confidence: float,
    resamples: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bounds `[...]` of many data sets at once, each drawn again in the same way.

    Args:
        samples: `[num_tasks]` of `[..., num_seeds]`.
        statistic: of `[..., num_tasks * num_seeds]`.
        method: `percentile` or `BCa`.
        confidence: above 0 and below 1.
        resamples: how often the seeds are drawn again.
        rng: for drawing them.
    """

    def pooled(*drawn: np.ndarray, axis: int) -> np.ndarray:
        return statistic(np.concatenate(drawn, axis=axis), axis=axis)

    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)  # NaN tells it
        result = stats.bootstrap(
            samples, pooled, axis=-1, vectorized=True, method=method, confidence_level=confidence,
            n_resamples=resamples, rng=rng,
        )  # fmt: skip
    return result.confidence_interval.low, result.confidence_interval.high
