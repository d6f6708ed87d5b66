"""How much an answer would tell, judged by the ensemble: one score of each candidate pair.

All take `return_differences [members, num_pairs]`, member m's predicted `R_m(left) - R_m(right)`, and give
`[num_pairs]`. With `P_m = sigmoid(R_m(left) - R_m(right))` the probability that member m prefers left, mean and
deviation are over members, and H is the entropy of a coin in nats:

    H(p) = -p log p - (1 - p) log(1 - p)
"""

import numpy as np
from scipy.special import entr, expit


def disagreement(return_differences: np.ndarray) -> np.ndarray:
    """Standard deviation of P_m (C17 s2.2.4; B-Pref). Raises ValueError for a single member."""
    _check_several(return_differences)
    return expit(return_differences).std(axis=0)


def return_variance(return_differences: np.ndarray) -> np.ndarray:
    """Variance of `R_m(left) - R_m(right)`, in squared units of the reward.

    Unlike `disagreement` it also counts what the sigmoid hides: by how much decided members differ. Raises ValueError
    for a single member.
    """
    _check_several(return_differences)
    return return_differences.var(axis=0)


def entropy(return_differences: np.ndarray) -> np.ndarray:
    """`H(mean P_m)`, highest where the ensemble is undecided, for whatever reason.

    B-Pref's code averages the members' entropies instead, which misses pairs that members decide differently.
    """
    return _coin_entropy(expit(return_differences).mean(axis=0))


def mutual_information(return_differences: np.ndarray) -> np.ndarray:
    """`H(mean P_m) - mean H(P_m)`: what the answer says of which member is right.

    BALD, Houlsby et al. 2011, arXiv 1112.5745. Raises ValueError for a single member.
    """
    _check_several(return_differences)
    return entropy(return_differences) - _coin_entropy(expit(return_differences)).mean(axis=0)


def _coin_entropy(probability: np.ndarray) -> np.ndarray:
    return entr(probability) + entr(1.0 - probability)


def _check_several(return_differences: np.ndarray) -> None:
    if len(return_differences) < 2:
        raise ValueError(f"this score compares at least 2 ensemble members, got {len(return_differences)}")
