"""Candidates are distinct, new and uniform, over the pool or over the clips of the newest policies."""

import math
from itertools import combinations

import numpy as np
import pytest

from rlhp_ray.clips.pair_candidates import newest_clips, ten_for_each, ten_of_newest, uniform_pairs


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


def test_ten_candidates_are_drawn_for_each_pair_wanted():
    candidates = ten_for_each(np.random.default_rng(0), np.zeros(30), 3, {(0, 1)})
    assert len(set(keys(candidates))) == 30 and (0, 1) not in keys(candidates)


AGES = np.array([0, 0, 0, 0, 10, 10, 10, 20, 20, 20])


@pytest.mark.parametrize(
    ("num_pairs", "asked", "window"),
    [
        (1, set(), [7, 8, 9]),  # two clips suffice, and a policy's clips are taken together
        (2, set(), [4, 5, 6, 7, 8, 9]),  # four are needed
        (1, {(7, 8), (7, 9), (8, 9)}, [4, 5, 6, 7, 8, 9]),  # nothing is left to ask about the newest three
        (1, {(4, 5), (7, 8), (0, 9), (7, 9)}, [7, 8, 9]),  # (8, 9) is left
        (9, set(), list(range(10))),
    ],
)
def test_the_window_goes_back_policy_by_policy_until_a_round_fits(num_pairs, asked, window):
    assert newest_clips(AGES, num_pairs, asked).tolist() == window


def test_ages_need_not_be_sorted():
    assert newest_clips(AGES[::-1], 1, set()).tolist() == [0, 1, 2]


def test_candidates_of_the_newest_are_theirs_and_new():
    candidates = ten_of_newest(np.random.default_rng(0), AGES, 2, {(4, 9), (0, 1), (7, 8)})
    expected = set(combinations(range(4, 10), 2)) - {(4, 9), (7, 8)}
    assert sorted(keys(candidates)) == sorted(expected)  # 13 pairs, fewer than the 20 wanted: all of them


def test_an_empty_pool_has_no_newest():
    assert ten_of_newest(np.random.default_rng(0), np.zeros(0, int), 2, set()) == []
