"""A figure over env steps, of several seeds: their mean, and the 95 % t interval of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rlhp_ray.experiment.metrics_series import Series
from rlhp_ray.statistics.mean_interval import Interval, mean_interval

MAX_POINTS = 60
"""Of a curve: as many as a figure of some hundred pixels can tell apart (ours)."""


@dataclass(frozen=True)
class SeedBand:
    """Curves on one grid, over the env steps that all of them have.

    Args:
        steps: [num_points].
        mean: [num_points] over seeds.
        low, high: [num_points] bounds of the interval; None of fewer than two seeds.
    """

    steps: np.ndarray
    mean: np.ndarray
    low: np.ndarray | None
    high: np.ndarray | None


def interval_over(values: Sequence[float]) -> Interval | None:
    """The 95 % t interval of the mean; None of fewer than two values, which tell no spread."""
    return mean_interval(values) if len(values) > 1 else None


def seed_band(curves: Sequence[Series]) -> SeedBand | None:
    """Mean and interval of the curves that hold anything; None where none does, or they share no step."""
    whole = [thinned(curve) for curve in curves if len(curve[0])]
    if not whole:
        return None
    first, last = max(steps[0] for steps, _ in whole), min(steps[-1] for steps, _ in whole)
    if last < first:
        return None
    grid = np.linspace(first, last, min(MAX_POINTS, max(len(steps) for steps, _ in whole)))
    values = np.array([np.interp(grid, *curve) for curve in whole])
    intervals = [interval for column in values.T if (interval := interval_over(column)) is not None]
    if not intervals:
        return SeedBand(grid, values.mean(axis=0), None, None)
    low, high = np.array([(interval.low, interval.high) for interval in intervals]).T
    return SeedBand(grid, values.mean(axis=0), low, high)


def thinned(curve: Series) -> Series:
    """At most `MAX_POINTS` points, each the mean of its neighbourhood."""
    steps, values = curve
    if len(steps) <= MAX_POINTS:
        return curve
    parts = zip(np.array_split(steps, MAX_POINTS), np.array_split(values, MAX_POINTS), strict=True)
    return tuple(np.array(axis) for axis in zip(*((s.mean(), v.mean()) for s, v in parts), strict=True))  # type: ignore[return-value]  # two of them
