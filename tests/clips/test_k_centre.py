"""Greedy k-centre against plain computations of the distance, the order and the best possible cover."""

import math
from itertools import combinations

import numpy as np
import pytest

from rlhp_ray.clips.k_centre import farthest_first, side_by_side

NO_CENTRES = np.empty((0, 2), int)


def plain_distance(features: np.ndarray, pair, other) -> float:
    """Of two pairs, by the definition."""
    (a, b), (c, e) = ([features[clip].tolist() for clip in clips] for clips in (pair, other))
    straight = math.hypot(math.dist(a, c), math.dist(b, e))
    crossed = math.hypot(math.dist(a, e), math.dist(b, c))
    return min(straight, crossed)


def plain_order(features, pairs, centres, num_chosen: int) -> list[int]:
    chosen: list[int] = []
    for _ in range(num_chosen):
        reached = [*centres, *(pairs[index] for index in chosen)]
        left = [index for index in range(len(pairs)) if index not in chosen]
        gaps = [min((plain_distance(features, pairs[index], other) for other in reached), default=0) for index in left]
        chosen.append(left[gaps.index(max(gaps))])
    return chosen


def radius(features, pairs, centres) -> float:
    return max(min(plain_distance(features, pair, centre) for centre in centres) for pair in pairs)


def disjoint_case(seed: int, num_centres: int):
    """Eight candidates that share no clip, so that the order is the pure farthest-first one, and some centres."""
    features = np.random.default_rng(seed).normal(size=(16 + 2 * num_centres, 3))
    rows = np.arange(len(features)).reshape(-1, 2)
    return features, rows[:8], rows[8:]


@pytest.mark.parametrize("num_centres", [0, 1, 3])
@pytest.mark.parametrize("seed", range(10))
def test_the_order_is_farthest_first(seed, num_centres):
    features, pairs, centres = disjoint_case(seed, num_centres)
    assert farthest_first(features, pairs, centres, 8) == plain_order(features, pairs, centres, 8)


@pytest.mark.parametrize("num_centres", [0, 2])
@pytest.mark.parametrize("num_chosen", [1, 2, 3])
@pytest.mark.parametrize("seed", range(10))
def test_no_choice_covers_better_than_half_the_radius(seed, num_chosen, num_centres):
    features, pairs, centres = disjoint_case(seed, num_centres)
    chosen = farthest_first(features, pairs, centres, num_chosen)
    ours = radius(features, pairs, [*pairs[chosen], *centres])
    best = min(radius(features, pairs, [*pairs[list(some)], *centres]) for some in combinations(range(8), num_chosen))
    assert best <= ours <= 2 * best


def test_a_case_worked_out_by_hand():
    """Pairs (x, 0) on a line at x = 0, 1, 5, 9, asked from x = 2: first 9 (gap 7), then 5 (3), then 0 (2), then 1."""
    features = np.array([[0.0], [0.0], [1.0], [0.0], [5.0], [0.0], [9.0], [0.0], [2.0], [0.0]])
    pairs, centre = np.arange(8).reshape(4, 2), np.array([[8, 9]])
    assert farthest_first(features, pairs, centre, 4) == [3, 2, 0, 1]


def test_sides_do_not_matter():
    features, pairs, centres = disjoint_case(0, 2)
    flipped = pairs.copy()
    flipped[::2] = flipped[::2, ::-1]
    assert farthest_first(features, flipped, centres[:, ::-1], 8) == farthest_first(features, pairs, centres, 8)


def test_pairs_that_share_no_clip_with_those_chosen_go_first():
    features = np.array([[100.0], [0.0], [90.0], [1.0], [2.0], [0.0]])
    pairs = np.array([[0, 1], [0, 2], [3, 4]])  # (0, 1) is far from what was asked, but shares clip 0 with (0, 2)
    assert farthest_first(features, pairs, np.array([[5, 5]]), 2) == [1, 2]
    assert farthest_first(features, pairs, np.array([[5, 5]]), 9) == [1, 2, 0]


def test_no_candidates_give_none():
    assert farthest_first(np.zeros((2, 3)), NO_CENTRES, NO_CENTRES, 4) == []


def test_groups_are_brought_to_one_spread():
    small, large = np.array([[0.0], [2.0]]), np.array([[0.0, 0.0], [60.0, 80.0]])  # both clips 1 and 50 from the mean
    np.testing.assert_allclose(side_by_side([small, large], 2), [[0, 0, 0], [2, 1.2, 1.6]])


def test_the_spread_is_that_of_the_reference():
    group = np.array([[0.0], [4.0], [1000.0]])
    np.testing.assert_allclose(side_by_side([group], 2), [[0], [2], [500]])


def test_a_group_that_is_constant_tells_nothing():
    constant = np.array([[0.1], [0.1], [7.0]], np.float32)
    np.testing.assert_array_equal(side_by_side([constant, np.array([[1.0], [3.0], [5.0]])], 2)[:, 0], [0, 0, 0])
