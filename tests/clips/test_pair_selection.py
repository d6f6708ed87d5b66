"""Pairs are distinct, new, uniform over the pool, or those on which the members disagree most."""

import math
import statistics
from itertools import combinations

import numpy as np
import pytest

from rlhp_ray.clips.pair_selection import disagreement_pairs, uniform_pairs


def keys(pairs) -> list[tuple[int, int]]:
    return [(min(pair), max(pair)) for pair in pairs]


def test_pairs_are_distinct_pairs_of_distinct_clips():
    pairs = uniform_pairs(np.random.default_rng(0), num_clips=12, num_pairs=40)
    assert len(pairs) == len(set(keys(pairs))) == 40
    assert all(0 <= low < high < 12 for low, high in keys(pairs))


def test_no_pair_is_chosen_twice_over_rounds():
    rng, asked = np.random.default_rng(0), set()
    for _ in range(10):
        pairs = uniform_pairs(rng, 15, 8, asked)
        assert len(pairs) == 8 and asked.isdisjoint(keys(pairs))
        asked |= set(keys(pairs))
    assert len(asked) == 80


def test_the_pairs_asked_before_are_not_written_to():
    asked = frozenset({(0, 1)})
    assert uniform_pairs(np.random.default_rng(0), 3, 1, asked)
    assert asked == {(0, 1)}


@pytest.mark.parametrize("seed", range(5))
def test_few_clips_give_all_their_pairs_and_no_more(seed):
    assert sorted(keys(uniform_pairs(np.random.default_rng(seed), 5, 100))) == list(combinations(range(5), 2))


@pytest.mark.parametrize("num_clips", [0, 1])
def test_fewer_than_two_clips_give_none(num_clips):
    assert uniform_pairs(np.random.default_rng(0), num_clips, 3) == []


def test_nothing_is_chosen_where_all_pairs_were_asked():
    assert uniform_pairs(np.random.default_rng(0), 4, 3, set(combinations(range(4), 2))) == []


def test_the_last_pair_left_is_found():
    asked = set(combinations(range(10), 2)) - {(3, 7)}
    assert all(keys(uniform_pairs(np.random.default_rng(seed), 10, 1, asked)) == [(3, 7)] for seed in range(30))


def test_the_last_pairs_left_are_uniform_too():
    """Of 1,770 pairs two are left, which 50 draws seldom meet: they come from the list."""
    rng, asked = np.random.default_rng(0), set(combinations(range(60), 2)) - {(3, 7), (8, 9)}
    draws = [uniform_pairs(rng, 60, 1, asked)[0] for _ in range(1000)]
    deviation = math.sqrt(1000 * (1 / 4) * (3 / 4))  # binomial, of each of the 4 ordered pairs
    counts = {pair: draws.count(pair) for pair in set(draws)}
    assert counts.keys() == {(3, 7), (7, 3), (8, 9), (9, 8)}
    assert all(abs(count - 250) < 4 * deviation for count in counts.values()), counts


def test_pairs_and_their_sides_are_uniform():
    rng = np.random.default_rng(0)
    draws = [uniform_pairs(rng, 4, 1)[0] for _ in range(2400)]
    counts = {(left, right): draws.count((left, right)) for left in range(4) for right in range(4) if left != right}
    deviation = math.sqrt(2400 * (1 / 12) * (11 / 12))  # binomial, of each of the 12 ordered pairs
    assert all(abs(count - 200) < 4 * deviation for count in counts.values()), counts


def brute_force_disagreement(member_returns: np.ndarray, left: int, right: int) -> float:
    """Standard deviation over members of P(left over right), by the definition."""
    return statistics.pstdev(
        1 / (1 + math.exp(float(member[right]) - float(member[left]))) for member in member_returns
    )


@pytest.mark.parametrize("members", [2, 3, 5])
def test_disagreement_picks_the_pairs_of_highest_std_of_preference(members):
    member_returns = np.random.default_rng(members).normal(scale=2, size=(members, 8))
    pairs = disagreement_pairs(np.random.default_rng(0), member_returns, 5)  # 50 candidates: all 28 pairs
    ranked = sorted(combinations(range(8), 2), key=lambda pair: -brute_force_disagreement(member_returns, *pair))
    assert keys(pairs) == ranked[:5]


def test_disagreement_is_of_preferences_not_of_returns():
    """A pair that is decided for all members, by returns that differ wildly, is not in dispute."""
    member_returns = np.array([[0.0, 30.0, 0.0, 1.0], [0.0, 90.0, 1.0, 0.0]])
    assert keys(disagreement_pairs(np.random.default_rng(0), member_returns, 1)) == [(2, 3)]


def test_disagreement_leaves_out_what_was_asked():
    member_returns = np.random.default_rng(1).normal(size=(3, 6))
    ranked = sorted(combinations(range(6), 2), key=lambda pair: -brute_force_disagreement(member_returns, *pair))
    pairs = disagreement_pairs(np.random.default_rng(0), member_returns, 3, asked=set(ranked[:4]))
    assert keys(pairs) == ranked[4:7]


def test_disagreement_of_a_pool_that_is_used_up_gives_none():
    asked = set(combinations(range(3), 2))
    assert disagreement_pairs(np.random.default_rng(0), np.zeros((2, 3)), 2, asked) == []


def test_one_member_cannot_disagree():
    with pytest.raises(ValueError, match="at least 2 ensemble members, got 1"):
        disagreement_pairs(np.random.default_rng(0), np.zeros((1, 6)), 2)
