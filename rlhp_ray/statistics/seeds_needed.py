"""How many seeds it takes to tell two settings apart: the power of Welch's t test."""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from rlhp_ray.statistics.mean_interval import FEWEST
from rlhp_ray.statistics.seed_values import seed_values

POWER = 0.8  # of a test that is planned: Cohen 1988, section 2.4
ALPHA = 0.05  # two-sided
MOST_SEEDS = 1_000
"""Up to which they are counted (ours): nobody trains more of each setting."""

_CERTAIN = 1e4  # noncentrality from which the power is 1 and SciPy's distribution begins to fail


def seeds_needed(
    values: Sequence[float], others: Sequence[float], power: float = POWER, alpha: float = ALPHA
) -> int | None:
    """The fewest seeds of each setting with which Welch's two-sided t test finds the difference that was measured.

    With means and variances as they were measured, the power of n seeds of each is (Cohen 1988, section 2.4; degrees of
    freedom of Welch 1947)

        power(n) = P(|T| > t_(1 - alpha / 2, v)),   T noncentral t with v degrees of freedom and noncentrality d
        d = |mean_x - mean_y| / sqrt((s_x^2 + s_y^2) / n),   v = (n - 1) (s_x^2 + s_y^2)^2 / (s_x^4 + s_y^4)

    It takes the measured difference for the true one, which few seeds know badly: an order of magnitude, not a promise.

    Args:
        values: `[n]`, one for each seed.
        others: `[m]`, of the other setting, in the same units.
        power: chance of finding the difference, above `alpha` and below 1.
        alpha: chance of finding one where there is none, above 0 and below 1.

    Returns:
        Seeds of each setting, those that there are included; None where more than `MOST_SEEDS` are needed, and where
        the means agree, so that no number of seeds suffices.

    Raises:
        ValueError: either has fewer than two values, one is not finite, or `power` or `alpha` is out of range.
    """
    if not 0 < alpha < power < 1:
        raise ValueError(f"alpha={alpha}, power={power}; expected 0 < alpha < power < 1")
    x, y = seed_values(values, FEWEST), seed_values(others, FEWEST)
    difference = abs(float(x.mean() - y.mean()))
    variances = np.array([x.var(ddof=1), y.var(ddof=1)])
    if difference == 0:
        return None
    if not variances.any():
        return FEWEST
    counts = np.arange(FEWEST, MOST_SEEDS + 1)
    enough = counts[_power(counts, difference, variances, alpha) >= power]
    return int(enough[0]) if len(enough) else None


def _power(counts: np.ndarray, difference: float, variances: np.ndarray, alpha: float) -> np.ndarray:
    """[num_counts], of that many seeds of each setting."""
    shares = variances / variances.sum()
    freedom = (counts - 1) / (shares**2).sum()
    noncentrality = np.minimum(np.sqrt(counts / variances.sum()) * difference, _CERTAIN)
    critical = stats.t.ppf(1 - alpha / 2, freedom)
    wrong_side = stats.nct.cdf(-critical, freedom, noncentrality)  # NaN where it is too small for SciPy to compute
    return stats.nct.sf(critical, freedom, noncentrality) + np.nan_to_num(wrong_side)
