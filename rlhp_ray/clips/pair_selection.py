"""Query strategies: which pairs of clips to ask about, by name.

A strategy says from where its candidates are drawn, what it needs to know of them, and how it chooses among them.
None but `uniform` asks about the same clip twice in one round while it has other good candidates.
"""

import math
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import numpy as np

from rlhp_ray.clips.k_centre import farthest_first
from rlhp_ray.clips.pair_candidates import Pair, as_many_as_wanted, ten_for_each, ten_of_newest
from rlhp_ray.clips.pair_scores import disagreement, entropy, mutual_information, return_variance

GOOD_SHARE = 0.5  # of the candidates by score; B-Pref's code keeps as many before its k-centre


def _no_pairs() -> np.ndarray:
    return np.empty((0, 2), int)


@dataclass(frozen=True, eq=False)
class QueryArrays:
    """What a strategy chooses from; what it did not declare to need is None.

    Args:
        num_pairs: pairs wanted.
        pairs: `[num_candidates, 2]` distinct pairs that were not asked before, as indices of clips.
        member_returns: `[members, num_clips]` predicted return of every clip.
        features: `[num_clips + num_asked_clips, size]` of every clip, then of the clips asked about before.
        asked: `[num_asked, 2]` pairs asked before, as rows of `features`.
    """

    num_pairs: int
    pairs: np.ndarray
    member_returns: np.ndarray | None = None
    features: np.ndarray | None = None
    asked: np.ndarray = field(default_factory=_no_pairs)

    @property
    def return_differences(self) -> np.ndarray:
        """`[members, num_candidates]` predicted return of the left clip less that of the right."""
        assert self.member_returns is not None, "this strategy needs predicted returns"
        left, right = self.pairs.T
        return self.member_returns[:, left] - self.member_returns[:, right]


Draw = Callable[[np.random.Generator, np.ndarray, int, AbstractSet[Pair]], list[Pair]]
Score = Callable[[np.ndarray], np.ndarray]
Choose = Callable[[QueryArrays], list[int]]


def spread_over_clips(pairs: np.ndarray, order: Sequence[int], num_good: int, num_pairs: int) -> list[int]:
    """The first pairs in this order, without the same clip twice as long as the good ones allow.

    Args:
        pairs: `[num_candidates, 2]` indices of clips.
        order: all candidates, best first.
        num_good: so many of them are gone through for pairs that share no clip; then all, for what is still wanted.
        num_pairs: pairs wanted.
    """
    chosen: list[int] = []
    used: set[int] = set()
    for index in order[:num_good]:
        clips = set(pairs[index].tolist())
        if len(chosen) < num_pairs and used.isdisjoint(clips):
            chosen.append(int(index))
            used |= clips
    first_pass = set(chosen)
    rest = [int(index) for index in order if index not in first_pass]
    return chosen + rest[: num_pairs - len(chosen)]


def in_order_drawn(arrays: QueryArrays) -> list[int]:
    """The candidates as they were drawn."""
    return list(range(min(arrays.num_pairs, len(arrays.pairs))))


def in_order_drawn_spread(arrays: QueryArrays) -> list[int]:
    """The candidates as they were drawn, spread over clips."""
    return spread_over_clips(arrays.pairs, range(len(arrays.pairs)), len(arrays.pairs), arrays.num_pairs)


def highest(score: Score) -> Choose:
    """Chooses the candidates of highest score, spread over clips."""

    def choose(arrays: QueryArrays) -> list[int]:
        order = _by_score(arrays, score)
        return spread_over_clips(arrays.pairs, order.tolist(), _num_good(arrays), arrays.num_pairs)

    return choose


def covering(arrays: QueryArrays) -> list[int]:
    """The candidates farthest from what was asked: greedy k-centre over all."""
    return _k_centre(arrays, np.arange(len(arrays.pairs)))


def covering_among_best(score: Score) -> Choose:
    """Chooses by greedy k-centre among the better half of the candidates (B-Pref)."""

    def choose(arrays: QueryArrays) -> list[int]:
        return _k_centre(arrays, _by_score(arrays, score)[: _num_good(arrays)])

    return choose


def _by_score(arrays: QueryArrays, score: Score) -> np.ndarray:
    return np.argsort(-score(arrays.return_differences), kind="stable")


def _num_good(arrays: QueryArrays) -> int:
    return max(arrays.num_pairs, math.ceil(GOOD_SHARE * len(arrays.pairs)))


def _k_centre(arrays: QueryArrays, among: np.ndarray) -> list[int]:
    assert arrays.features is not None, "this strategy needs features of clips"
    chosen = farthest_first(arrays.features, arrays.pairs[among], arrays.asked, arrays.num_pairs)
    return among[chosen].tolist()


@dataclass(frozen=True)
class Strategy:
    """One way of choosing pairs.

    Args:
        choose: indices of the candidates to ask about: `num_pairs` of them, or all where there are fewer.
        draw: draws the candidates.
        needs_returns: `choose` reads `member_returns`.
        needs_features: `choose` reads `features` and `asked`.
        min_members: members that the ensemble must have.
        before_reward: the strategy in its place while nothing predicts returns yet.
    """

    choose: Choose
    draw: Draw = ten_for_each
    needs_returns: bool = False
    needs_features: bool = False
    min_members: int = 1
    before_reward: str = "uniform"


STRATEGIES = {
    "uniform": Strategy(in_order_drawn, as_many_as_wanted),
    "disagreement": Strategy(highest(disagreement), needs_returns=True, min_members=2),
    "return_variance": Strategy(highest(return_variance), needs_returns=True, min_members=2),
    "entropy": Strategy(highest(entropy), needs_returns=True),
    "k_centre": Strategy(covering, needs_features=True),
    "k_centre_disagreement": Strategy(
        covering_among_best(disagreement),
        needs_returns=True,
        needs_features=True,
        min_members=2,
        before_reward="k_centre",
    ),
    "k_centre_entropy": Strategy(
        covering_among_best(entropy), needs_returns=True, needs_features=True, before_reward="k_centre"
    ),
    "mutual_information": Strategy(highest(mutual_information), needs_returns=True, min_members=2),
    "near_policy": Strategy(in_order_drawn_spread, ten_of_newest),
}


def strategy_in_force(name: str, has_reward: bool) -> Strategy:
    """The strategy of this name, or the one in its place while there is no learnt reward and it needs one."""
    strategy = STRATEGIES[name]
    return STRATEGIES[strategy.before_reward] if strategy.needs_returns and not has_reward else strategy
