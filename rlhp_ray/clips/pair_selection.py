"""Which pairs of clips to ask about: uniform (Rahtz) or by disagreement of the ensemble (C17 s2.2.4)."""

from collections.abc import Set as AbstractSet
from itertools import combinations

import numpy as np
from scipy.special import expit

CANDIDATES_PER_PAIR = 10  # C17 s2.2.4 and A.1: ten times as many pairs are drawn as are asked
MAX_DRAWS_PER_PAIR = 50  # then nearly all pairs have been asked, and those that are left are listed instead

Pair = tuple[int, int]


def uniform_pairs(
    rng: np.random.Generator, num_clips: int, num_pairs: int, asked: AbstractSet[Pair] = frozenset()
) -> list[Pair]:
    """Distinct pairs of distinct clips, drawn uniformly, none of which was asked before.

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


def disagreement_pairs(
    rng: np.random.Generator,
    member_returns: np.ndarray,
    num_pairs: int,
    asked: AbstractSet[Pair] = frozenset(),
) -> list[Pair]:
    """The pairs on whose preference the members disagree most: highest std over members of P(left over right).

    `P_m = sigmoid(R_m(left) - R_m(right))` for member m (C17 s2.2.4; B-Pref calls it disagreement sampling).

    Args:
        rng: draws the candidates, ten per pair wanted.
        member_returns: `[members, num_clips]` predicted return of every clip; at least two members.
        num_pairs: pairs wanted.
        asked: pairs not to be chosen again.

    Raises:
        ValueError: with fewer than two members, as one member cannot disagree.
    """
    members, num_clips = member_returns.shape
    if members < 2:
        raise ValueError(f"disagreement needs at least 2 ensemble members, got {members}")
    candidates = uniform_pairs(rng, num_clips, CANDIDATES_PER_PAIR * num_pairs, asked)
    if not candidates:
        return []
    left, right = np.array(candidates).T
    preference = expit(member_returns[:, left] - member_returns[:, right])
    order = np.argsort(-preference.std(axis=0), kind="stable")
    return [candidates[index] for index in order[:num_pairs]]
