"""How surely the mean over a few seeds is known: Student's t interval."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

FEWEST = 2  # values that tell a spread


class Interval(NamedTuple):
    """An interval from `low` to `high`, in the units of the values."""

    low: float
    high: float


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Student's t interval of the mean of n values with standard deviation s (Student 1908):

        mean +- t_((1 + confidence) / 2, n - 1) s / sqrt(n)

    It is exact for normal values, however few; a percentile bootstrap of so few would be too narrow.

    Args:
        values: `[n]`, one for each seed.
        confidence: above 0 and below 1.

    Returns:
        The interval; both ends are NaN for fewer than two values, which tell no spread.

    Raises:
        ValueError: `confidence` is not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence}; expected a number between 0 and 1")
    array = np.asarray(values, np.float64)
    if len(array) < FEWEST:
        return Interval(float("nan"), float("nan"))
    half = stats.t.ppf((1 + confidence) / 2, len(array) - 1) * array.std(ddof=1) / np.sqrt(len(array))
    return Interval(float(array.mean() - half), float(array.mean() + half))
