"""How many seeds reach a threshold, and how surely that share is known: Wilson's interval."""

from collections.abc import Sequence
from typing import NamedTuple

from scipy import stats

from rlhp_ray.statistics.mean_interval import Interval
from rlhp_ray.statistics.seed_values import seed_values


class SuccessRate(NamedTuple):
    """`successes` of `num_seeds` seeds, and the interval of their share, from 0 to 1."""

    successes: int
    num_seeds: int
    interval: Interval


def success_rate(values: Sequence[float], threshold: float, confidence: float = 0.95) -> SuccessRate:
    """Share of seeds whose value is at least the threshold, with Wilson's score interval (Wilson 1927):

        all p with |successes / n - p| <= z sqrt(p (1 - p) / n),   z = Phi^-1((1 + confidence) / 2)

    Unlike the normal interval it stays between 0 and 1, and has a width where all seeds succeed or none does.

    Args:
        values: `[num_seeds]`.
        threshold: in their units.
        confidence: above 0 and below 1.

    Raises:
        ValueError: there is no value, one is not finite, or `confidence` is not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence}; expected a number between 0 and 1")
    array = seed_values(values)
    successes = int((array >= threshold).sum())
    interval = stats.binomtest(successes, len(array)).proportion_ci(confidence, method="wilson")
    return SuccessRate(successes, len(array), Interval(float(interval.low), float(interval.high)))
