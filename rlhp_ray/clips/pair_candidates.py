"""Candidates: the new pairs of clips among which a query strategy chooses."""

from collections.abc import Set as AbstractSet
from itertools import combinations

import numpy as np

CANDIDATES_PER_PAIR = 10  # C17 s2.2.4 and A.1: ten times as many pairs are drawn as are asked
MAX_DRAWS_PER_PAIR = 50  # then nearly all pairs have been asked, and those that are left are listed instead

Pair = tuple[int, int]


def uniform_pairs(
    rng: np.random.Generator, num_clips: int, num_pairs: int, asked: AbstractSet[Pair] = frozenset()
) -> list[Pair]:
    """Distinct pairs of distinct clips, drawn uniformly, none of which was asked before (Rahtz).

    Args:
        rng: source of randomness.
        num_clips: clips to choose from; pairs hold their indices.
        num_pairs: pairs wanted.
        asked: pairs `(smaller index, larger index)` not to be chosen again.

    Returns:
        At most `num_pairs` pairs in random order of sides; fewer where the clips give no more.
    """
    chosen: list[Pair] = []
    taken = set(asked)
    if num_clips < 2:
        return chosen
    for _ in range(MAX_DRAWS_PER_PAIR * num_pairs):
        if len(chosen) == num_pairs:
            break
        left, right = (int(index) for index in rng.choice(num_clips, size=2, replace=False))
        key = (min(left, right), max(left, right))
        if key not in taken:
            taken.add(key)
            chosen.append((left, right))
    if len(chosen) < num_pairs:
        free = [pair for pair in combinations(range(num_clips), 2) if pair not in taken]
        drawn = rng.permutation(np.array(free, int).reshape(-1, 2))[: num_pairs - len(chosen)]
        chosen += [(int(left), int(right)) for left, right in rng.permuted(drawn, axis=1)]
    return chosen


def as_many_as_wanted(
    rng: np.random.Generator, ages: np.ndarray, num_pairs: int, asked: AbstractSet[Pair]
) -> list[Pair]:
    """Only the pairs that will be asked, from the whole pool.

    Args:
        rng: source of randomness.
        ages: `[num_clips]` env steps of the run at which each clip's policy was in force.
        num_pairs: pairs that will be asked.
        asked: pairs `(smaller index, larger index)` not to be drawn again.
    """
    return uniform_pairs(rng, len(ages), num_pairs, asked)


def ten_for_each(rng: np.random.Generator, ages: np.ndarray, num_pairs: int, asked: AbstractSet[Pair]) -> list[Pair]:
    """Ten candidates for each pair that will be asked, from the whole pool; arguments as in `as_many_as_wanted`."""
    return uniform_pairs(rng, len(ages), CANDIDATES_PER_PAIR * num_pairs, asked)


def ten_of_newest(rng: np.random.Generator, ages: np.ndarray, num_pairs: int, asked: AbstractSet[Pair]) -> list[Pair]:
    """Ten candidates for each pair that will be asked, among `newest_clips`; arguments as in `as_many_as_wanted`."""
    window = newest_clips(ages, num_pairs, asked)
    row = {int(clip): index for index, clip in enumerate(window)}
    asked_inside = {(row[first], row[second]) for first, second in asked if first in row and second in row}
    drawn = uniform_pairs(rng, len(window), CANDIDATES_PER_PAIR * num_pairs, asked_inside)
    return [(int(window[left]), int(window[right])) for left, right in drawn]


def newest_clips(ages: np.ndarray, num_pairs: int, asked: AbstractSet[Pair]) -> np.ndarray:
    """Indices of the clips of the newest policies, in order of the pool.

    It goes back policy by policy until no clip need be in two pairs and as many new pairs are left as are wanted, or
    to the end of the pool. (QPA, Hu et al. 2023, arXiv 2305.17400, takes a fixed number of latest trajectories.)
    """
    window = np.arange(0)
    for age in np.unique(ages)[::-1]:
        window = np.flatnonzero(ages >= age)
        asked_inside = sum(ages[first] >= age and ages[second] >= age for first, second in asked)
        new_pairs = len(window) * (len(window) - 1) // 2 - asked_inside
        if len(window) >= 2 * num_pairs and new_pairs >= num_pairs:
            break
    return window
