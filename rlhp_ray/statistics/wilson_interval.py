"""How surely a share is known from a few cases: Wilson's score interval."""

from math import sqrt
from statistics import NormalDist

from rlhp_ray.statistics.mean_interval import Interval


def wilson_interval(successes: int, number: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a share (Wilson 1927):

        all p with |successes / n - p| <= z sqrt(p (1 - p) / n),   z = Phi^-1((1 + confidence) / 2)

    Unlike the normal interval it stays between 0 and 1, and has a width where all cases succeed or none does.

    Args:
        successes: cases of which it holds, 0 to `number`.
        number: n, at least 1.
        confidence: above 0 and below 1.

    Raises:
        ValueError: an argument is out of its range.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence}; expected a number between 0 and 1")
    if number < 1 or not 0 <= successes <= number:
        raise ValueError(f"{successes} of {number}; expected 0 to n of n, at least 1")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    centre = (successes + z * z / 2) / (number + z * z)
    half = z / (number + z * z) * sqrt(successes * (number - successes) / number + z * z / 4)
    low, high = centre - half, centre + half
    return Interval(0.0 if successes == 0 else low, 1.0 if successes == number else high)
