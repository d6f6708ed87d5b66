"""How likely a seed of one setting is to come out above a seed of another, and how surely that is known."""

from collections.abc import Sequence
from typing import NamedTuple

from scipy import optimize, stats

from rlhp_ray.statistics.mean_interval import FEWEST, Interval
from rlhp_ray.statistics.seed_values import seed_values

_INSIDE = 1e-9  # from 0 or 1: both are roots themselves where they were measured, and not the one that is looked for


class ImprovementProbability(NamedTuple):
    """P(X > Y), ties counting half, and its interval; both from 0 to 1, and 0.5 where neither setting is above."""

    probability: float
    interval: Interval


def improvement_probability(
    values: Sequence[float], others: Sequence[float], confidence: float = 0.95
) -> ImprovementProbability:
    """Probability of improvement of X over Y (Agarwal et al. 2021, section 4.3), Mann and Whitney's U over n m:

        P(X > Y) = sum_ij [x_i > y_j] + [x_i = y_j] / 2   over n m

    Args:
        values: `[n]`, X, one for each seed.
        others: `[m]`, Y, in the same units.
        confidence: above 0 and below 1.

    Returns:
        The probability with the interval of `score_interval`.

    Raises:
        ValueError: either has fewer than two values, one is not finite, or `confidence` is not between 0 and 1.
    """
    x, y = seed_values(values, FEWEST), seed_values(others, FEWEST)
    wins = (x[:, None] > y).sum() + (x[:, None] == y).sum() / 2
    probability = float(wins / (len(x) * len(y)))
    return ImprovementProbability(probability, score_interval(probability, len(x), len(y), confidence))


def score_interval(probability: float, num_values: int, num_others: int, confidence: float = 0.95) -> Interval:
    """Score interval of P(X > Y) (Newcombe 2006, Statistics in Medicine 25, part 2, method 5): all p with

        |probability - p| <= z sqrt(V(p)),   k = (n + m) / 2 - 1
        V(p) = p (1 - p) (1 + k (1 - p) / (2 - p) + k p / (1 + p)) / (n m)

    It is Wilson's interval for this probability, with the variance of Hanley and McNeil (1982). A bootstrap would have
    no width where every seed of X is above every seed of Y, which five seeds a setting often are.

    Args:
        probability: as measured, 0 to 1.
        num_values: n, seeds of X.
        num_others: m, seeds of Y.
        confidence: above 0 and below 1.

    Raises:
        ValueError: `confidence` is not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence}; expected a number between 0 and 1")
    z, k = stats.norm.ppf((1 + confidence) / 2), (num_values + num_others) / 2 - 1

    def beyond(p: float) -> float:
        variance = p * (1 - p) * (1 + k * (1 - p) / (2 - p) + k * p / (1 + p)) / (num_values * num_others)
        return float((probability - p) ** 2 - z**2 * variance)

    inside = min(max(probability, _INSIDE), 1 - _INSIDE)
    low = optimize.brentq(beyond, 0.0, inside) if probability > 0 else 0.0
    high = optimize.brentq(beyond, inside, 1.0) if probability < 1 else 1.0
    return Interval(float(low), float(high))
