"""Each strategy picks the pair it is meant to, and all of them pick valid pairs of different clips."""

import statistics
from itertools import combinations
from typing import get_args

import numpy as np
import pytest
from scipy.special import logit

from rlhp_ray.clips.pair_selection import STRATEGIES, QueryArrays, spread_over_clips, strategy_in_force
from rlhp_ray.config.schema import PreferencesConfig
from rlhp_ray.config.validation import COMPARES_MEMBERS

CASE = {  # pair: (return differences of two members, distance from what was asked)
    "dull": ((2.0, 2.0), 0.5),
    "disputed": (logit((0.74, 0.25)), 1.0),
    "unsure": ((0.0, 0.0), 1.5),
    "telling": (logit((0.98, 0.55)), 2.0),
    "decided by far": ((8.0, 30.0), 3.0),
    "strange": ((2.0, 2.0), 10.0),
}


def case() -> QueryArrays:
    """The six pairs, of twelve clips, and one that was asked: right clips are all alike and of return 0."""
    returns, features = np.zeros((2, 12)), np.zeros((14, 1))
    for row, (differences, distance) in enumerate(CASE.values()):
        returns[:, 2 * row], features[2 * row] = differences, distance
    return QueryArrays(1, np.arange(12).reshape(6, 2), returns, features, np.array([[12, 13]]))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("uniform", "dull"),  # the first that was drawn
        ("near_policy", "dull"),
        ("disagreement", "disputed"),  # std of P .245; telling .215
        ("return_variance", "decided by far"),  # 121; telling 3.4
        ("entropy", "unsure"),  # log 2
        ("mutual_information", "telling"),  # .152 nats; disputed .125
        ("k_centre", "strange"),
        ("k_centre_disagreement", "decided by far"),  # the farthest of disputed, telling, decided by far
        ("k_centre_entropy", "telling"),  # the farthest of unsure, disputed, telling
    ],
)
def test_each_strategy_picks_the_pair_it_is_meant_to(name, expected):
    (chosen,) = STRATEGIES[name].choose(case())
    assert list(CASE)[chosen] == expected


def random_arrays(rng: np.random.Generator, num_pairs: int) -> QueryArrays:
    num_clips = int(rng.integers(2, 12))
    every = np.array(list(combinations(range(num_clips), 2)))
    pairs = rng.permuted(rng.permutation(every)[: int(rng.integers(1, len(every) + 1))], axis=1)
    num_asked = int(rng.integers(0, 4))
    return QueryArrays(
        num_pairs,
        pairs,
        rng.normal(scale=4, size=(3, num_clips)).round(),  # ties included
        rng.normal(size=(num_clips + num_asked, 5)),
        rng.integers(num_clips, num_clips + num_asked, (num_asked, 2)) if num_asked else np.empty((0, 2), int),
    )


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("seed", range(20))
def test_any_strategy_picks_as_many_distinct_candidates_as_are_wanted_or_there(name, seed):
    rng = np.random.default_rng(seed)
    arrays = random_arrays(rng, num_pairs=int(rng.integers(1, 12)))
    chosen = STRATEGIES[name].choose(arrays)
    assert len(chosen) == len(set(chosen)) == min(arrays.num_pairs, len(arrays.pairs))
    assert all(type(index) is int and 0 <= index < len(arrays.pairs) for index in chosen)
    assert STRATEGIES[name].choose(arrays) == chosen


@pytest.mark.parametrize("name", sorted(STRATEGIES.keys() - {"uniform"}))
@pytest.mark.parametrize("seed", range(5))
def test_no_clip_is_asked_about_twice_in_a_round_while_others_are_as_good(name, seed):
    rng = np.random.default_rng(seed)
    every = np.array(list(combinations(range(40), 2)))
    pairs = rng.permutation(every)[:50]
    arrays = QueryArrays(5, pairs, rng.normal(size=(3, 40)), rng.normal(size=(40, 4)))
    clips = pairs[STRATEGIES[name].choose(arrays)].ravel().tolist()
    assert len(clips) == len(set(clips)) == 10


def test_spreading_goes_through_the_good_ones_then_fills_up_in_order():
    pairs = np.array([[0, 1], [1, 2], [0, 3], [4, 5], [6, 7]])
    order = [0, 1, 2, 3, 4]
    assert spread_over_clips(pairs, order, 5, 2) == [0, 3]
    assert spread_over_clips(pairs, order, 5, 4) == [0, 3, 4, 1]
    assert spread_over_clips(pairs, order, 3, 2) == [0, 1]  # the pair of other clips is not among the three good ones
    assert spread_over_clips(pairs, order, 5, 9) == [0, 3, 4, 1, 2]


def test_the_highest_are_chosen_where_no_clip_is_shared():
    rng = np.random.default_rng(3)
    returns = rng.normal(scale=2, size=(3, 24))
    arrays = QueryArrays(4, np.arange(24).reshape(12, 2), returns)
    spread = [
        statistics.pstdev(1 / (1 + np.exp(float(member[right] - member[left]))) for member in returns)
        for left, right in arrays.pairs
    ]
    assert STRATEGIES["disagreement"].choose(arrays) == sorted(range(12), key=lambda pair: -spread[pair])[:4]


@pytest.mark.parametrize("name", STRATEGIES)
def test_what_a_strategy_declares_is_what_it_reads(name):
    full, strategy = case(), STRATEGIES[name]
    declared = QueryArrays(
        full.num_pairs,
        full.pairs,
        full.member_returns if strategy.needs_returns else None,
        full.features if strategy.needs_features else None,
        full.asked if strategy.needs_features else np.empty((0, 2), int),
    )
    assert strategy.choose(declared) == strategy.choose(full)
    for without in ("needs_returns", "needs_features"):
        if getattr(strategy, without):
            lacking = {"member_returns" if without == "needs_returns" else "features": None}
            with pytest.raises(AssertionError, match="this strategy needs"):
                strategy.choose(QueryArrays(**{**vars(declared), **lacking}))


@pytest.mark.parametrize("name", STRATEGIES)
def test_strategies_that_compare_members_need_two_and_the_others_one(name):
    full, strategy = case(), STRATEGIES[name]
    single = QueryArrays(full.num_pairs, full.pairs, full.member_returns[:1], full.features, full.asked)
    if strategy.min_members == 1:
        assert len(strategy.choose(single)) == 1
    else:
        with pytest.raises(ValueError, match="at least 2 ensemble members, got 1"):
            strategy.choose(single)


def test_the_configuration_knows_the_same_strategies():
    assert get_args(PreferencesConfig.model_fields["selection"].annotation) == tuple(STRATEGIES)
    assert set(COMPARES_MEMBERS) == {name for name, strategy in STRATEGIES.items() if strategy.min_members > 1}


def test_what_needs_a_reward_is_replaced_until_there_is_one():
    before = {name: strategy_in_force(name, has_reward=False) for name in STRATEGIES}
    for name in ("uniform", "disagreement", "return_variance", "entropy", "mutual_information"):
        assert before[name] is STRATEGIES["uniform"]
    for name in ("k_centre", "k_centre_disagreement", "k_centre_entropy"):
        assert before[name] is STRATEGIES["k_centre"]
    assert before["near_policy"] is STRATEGIES["near_policy"]
    assert all(strategy_in_force(name, has_reward=True) is STRATEGIES[name] for name in STRATEGIES)
