"""Coverage: pairs that are far from all pairs asked so far, by greedy k-centre (Gonzalez 1985; B-Pref).

The distance of two pairs does not depend on which clip is on which side:

    d({a, b}, {c, e})^2 = min(|a - c|^2 + |b - e|^2, |a - e|^2 + |b - c|^2)

where a, b, c, e are the clips' features. It is a metric, so that the greedy choice leaves every candidate within twice
the smallest radius that as many pairs could reach. (B-Pref compares left with left and right with right only.)
"""

from collections.abc import Sequence

import numpy as np
from scipy.spatial.distance import cdist


def side_by_side(groups: Sequence[np.ndarray], num_reference: int) -> np.ndarray:
    """Groups of features in one array, each scaled so that none outweighs another by its unit or its size.

        x = [x_1 / s_1, x_2 / s_2, ...],    s_g^2 = mean over the reference of |x_g - mean x_g|^2

    Args:
        groups: arrays `[num_clips, size of the group]`.
        num_reference: the first clips, over which s_g is taken; a group that is constant there becomes 0.

    Returns:
        `[num_clips, sum of sizes]` float64.
    """
    scaled = []
    for group in groups:
        reference = group[:num_reference].astype(np.float64)
        if (reference == reference[0]).all():
            scaled.append(np.zeros(group.shape))
        else:
            spread = np.sqrt(np.square(reference - reference.mean(axis=0)).sum(axis=1).mean())
            scaled.append(group / spread)
    return np.concatenate(scaled, axis=1)


def farthest_first(features: np.ndarray, pairs: np.ndarray, centres: np.ndarray, num_chosen: int) -> list[int]:
    """One after the other, the pair that is farthest from all centres and from those chosen before it.

    Pairs that share no clip with those chosen go first, as long as there are any. The first pair of all is chosen
    where there is no centre yet.

    Args:
        features: `[num_clips, size]`.
        pairs: `[num_pairs, 2]` candidates, as rows of `features`.
        centres: `[num_centres, 2]` pairs asked before, as rows of `features`.
        num_chosen: at most this many are chosen.

    Returns:
        Indices of `pairs`, in the order of choice.
    """
    assert pairs.ndim == centres.ndim == 2 and pairs.shape[1] == centres.shape[1] == 2, (pairs.shape, centres.shape)
    squared = cdist(features[: pairs.max(initial=-1) + 1], features, "sqeuclidean")
    nearest = np.full(len(pairs), np.inf)
    for centre in centres:
        nearest = np.minimum(nearest, _squared_distances(squared, pairs, centre))
    chosen: list[int] = []
    left, disjoint = np.ones(len(pairs), bool), np.ones(len(pairs), bool)
    while len(chosen) < min(num_chosen, len(pairs)):
        index = int(np.argmax(np.where(disjoint if disjoint.any() else left, nearest, -1.0)))
        chosen.append(index)
        left[index] = False
        disjoint &= ~np.isin(pairs, pairs[index]).any(axis=1)
        nearest = np.minimum(nearest, _squared_distances(squared, pairs, pairs[index]))
    return chosen


def _squared_distances(squared: np.ndarray, pairs: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """`[num_pairs]` squared distances of all pairs to one."""
    (first, second), (c, e) = pairs.T, centre
    return np.minimum(squared[first, c] + squared[second, e], squared[first, e] + squared[second, c])
