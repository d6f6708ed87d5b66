"""How well the order of predicted returns follows that of true ones."""

import math

import numpy as np
from scipy.stats import spearmanr


def rank_correlation(predicted: np.ndarray, true: np.ndarray) -> float:
    """Spearman's correlation of `[n]` and `[n]`; NaN where either is constant, as it is undefined there."""
    if np.ptp(predicted) == 0 or np.ptp(true) == 0:
        return math.nan
    return float(spearmanr(predicted, true).statistic)


def pair_accuracy(predicted: np.ndarray, true: np.ndarray) -> tuple[float, int]:
    """Over all pairs of clips: the share whose better clip, by true return, is also predicted to be the better one.

    It is the mean over every way of pairing the clips at random. Pairs that tie in true return are left out; one that
    ties in the prediction alone counts as wrong.

    Args:
        predicted: `[n]` predicted returns.
        true: `[n]` true returns.

    Returns:
        The share, NaN without a pair, and the number of pairs that it is of.
    """
    assert predicted.shape == true.shape and predicted.ndim == 1, (predicted.shape, true.shape)
    first, second = np.triu_indices(len(true), k=1)
    truly, by_prediction = (np.sign(values[first] - values[second]) for values in (true, predicted))
    decided = int(np.count_nonzero(truly))
    right = int(np.count_nonzero((truly != 0) & (truly == by_prediction)))
    return (right / decided, decided) if decided else (math.nan, 0)
