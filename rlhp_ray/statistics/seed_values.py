"""One value for each seed, checked before anything is made of it."""

from collections.abc import Sequence

import numpy as np


def seed_values(values: Sequence[float] | np.ndarray, fewest: int = 1) -> np.ndarray:
    """The values as `[num_seeds]`, in their own units.

    Args:
        values: one for each seed, in any order.
        fewest: seeds without which the statistic does not exist.

    Raises:
        ValueError: they are no list of finite numbers, or fewer than `fewest`.
    """
    array = np.asarray(values, np.float64)
    if array.ndim != 1:
        raise ValueError(f"values of shape {array.shape}; expected one value for each seed: [num_seeds]")
    if len(array) < fewest:
        raise ValueError(f"{len(array)} values; expected at least {fewest}, one for each seed")
    if not np.isfinite(array).all():
        raise ValueError(f"values {array[~np.isfinite(array)].tolist()} among {len(array)}; expected finite numbers")
    return array
