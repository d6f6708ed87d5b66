"""How many seeds reach a threshold, and how surely that share is known: Wilson's interval."""

from collections.abc import Sequence
from typing import NamedTuple

from rlhp_ray.statistics.mean_interval import Interval
from rlhp_ray.statistics.seed_values import seed_values
from rlhp_ray.statistics.wilson_interval import wilson_interval


class SuccessRate(NamedTuple):
    """`successes` of `num_seeds` seeds, and the interval of their share, from 0 to 1."""

    successes: int
    num_seeds: int
    interval: Interval


def success_rate(values: Sequence[float], threshold: float, confidence: float = 0.95) -> SuccessRate:
    """Share of seeds whose value is at least the threshold, with its `wilson_interval`.

    Args:
        values: `[num_seeds]`.
        threshold: in their units.
        confidence: above 0 and below 1.

    Raises:
        ValueError: there is no value, one is not finite, or `confidence` is not between 0 and 1.
    """
    array = seed_values(values)
    successes = int((array >= threshold).sum())
    return SuccessRate(successes, len(array), wilson_interval(successes, len(array), confidence))
