"""How well the order of predicted returns follows that of true ones."""

import math

import numpy as np
from scipy.stats import spearmanr


def rank_correlation(predicted: np.ndarray, true: np.ndarray) -> float:
    """Spearman's correlation of `[n]` and `[n]`; NaN where either is constant, as it is undefined there."""
    if np.ptp(predicted) == 0 or np.ptp(true) == 0:
        return math.nan
    return float(spearmanr(predicted, true).statistic)
