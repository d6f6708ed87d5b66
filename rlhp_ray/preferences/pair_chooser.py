"""Has a query strategy choose from a clip pool, computing only what that strategy needs, of its candidates only."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from rlhp_ray.clips.clip import ClipArrays
from rlhp_ray.clips.clip_pool import ClipPool
from rlhp_ray.clips.k_centre import side_by_side
from rlhp_ray.clips.pair_candidates import Pair
from rlhp_ray.clips.pair_selection import QueryArrays, Strategy, strategy_in_force
from rlhp_ray.preferences.preference_store import PreferenceStore

CLIPS_PER_BATCH = 64  # read from the store at a time: 13 MB of pixels

IdPair = tuple[str, str]


@dataclass(frozen=True, eq=False)
class ClipModels:
    """What can be told of clips at present.

    Args:
        member_returns: predicted returns `[members, num_clips]`; None while no reward has been learnt.
        features: groups of features, each `[num_clips, size of the group]`; the same for the whole run. None where
            the strategy needs none.
    """

    member_returns: Callable[[ClipArrays], np.ndarray] | None = None
    features: Callable[[ClipArrays], tuple[np.ndarray, ...]] | None = None


class PairChooser:
    """Chooses the pairs of one trial.

    Args:
        selection: name of a strategy.
        pool: clips to choose from.
        store: holds the clips that were asked about, in the pool or not.
    """

    def __init__(self, selection: str, pool: ClipPool, store: PreferenceStore) -> None:
        self._selection = selection
        self._pool = pool
        self._store = store
        self._asked_features: dict[str, tuple[np.ndarray, ...]] = {}

    def choose(
        self, rng: np.random.Generator, num_pairs: int, asked: Collection[IdPair], models: ClipModels
    ) -> list[IdPair]:
        """Left and right clip ids of at most `num_pairs` new pairs; fewer where the pool holds no more.

        Args:
            rng: draws the candidates.
            num_pairs: pairs wanted.
            asked: pairs not to be chosen again, whichever way round.
            models: of the present.
        """
        ids = self._pool.clip_ids
        strategy = strategy_in_force(self._selection, has_reward=models.member_returns is not None)
        candidates = strategy.draw(rng, self._pool.ages, num_pairs, _as_positions(asked, ids))
        if not candidates:
            return []
        rows, pairs = np.unique(np.array(candidates), return_inverse=True)
        arrays = self._arrays(strategy, num_pairs, pairs.reshape(-1, 2), [ids[row] for row in rows], asked, models)
        return [(ids[left], ids[right]) for left, right in (candidates[index] for index in strategy.choose(arrays))]

    def _arrays(
        self,
        strategy: Strategy,
        num_pairs: int,
        pairs: np.ndarray,
        ids: list[str],
        asked: Collection[IdPair],
        models: ClipModels,
    ) -> QueryArrays:
        if not (strategy.needs_returns or strategy.needs_features):
            return QueryArrays(num_pairs, pairs)
        clips = ClipArrays.from_clips(self._pool.get(ids))
        returns = None
        if strategy.needs_returns:
            assert models.member_returns is not None
            returns = models.member_returns(clips)
        if not strategy.needs_features:
            return QueryArrays(num_pairs, pairs, returns)
        assert models.features is not None
        groups = models.features(clips)
        asked_ids = sorted({clip_id for pair in asked for clip_id in pair})
        if asked_ids:
            before = self._features_of_asked(asked_ids, models.features)
            groups = tuple(np.concatenate(parts) for parts in zip(groups, before, strict=True))
        row = {clip_id: len(ids) + index for index, clip_id in enumerate(asked_ids)}
        asked_rows = np.array([(row[first], row[second]) for first, second in asked], int).reshape(-1, 2)
        return QueryArrays(num_pairs, pairs, returns, side_by_side(groups, len(ids)), asked_rows)

    def _features_of_asked(
        self, ids: Sequence[str], features: Callable[[ClipArrays], tuple[np.ndarray, ...]]
    ) -> list[np.ndarray]:
        """Groups of features of clips in the store, each read once per process."""
        missing = [clip_id for clip_id in ids if clip_id not in self._asked_features]
        for start in range(0, len(missing), CLIPS_PER_BATCH):
            batch = missing[start : start + CLIPS_PER_BATCH]
            stored = self._store.clips(batch)
            groups = features(ClipArrays.from_clips([stored[clip_id] for clip_id in batch]))
            self._asked_features.update(zip(batch, zip(*groups, strict=True), strict=True))
        return [np.stack(group) for group in zip(*(self._asked_features[clip_id] for clip_id in ids), strict=True)]


def _as_positions(asked: Collection[IdPair], ids: Sequence[str]) -> set[Pair]:
    """The asked pairs whose clips both are among these, as `(smaller position, larger position)`."""
    position = {clip_id: index for index, clip_id in enumerate(ids)}
    return {
        (min(position[first], position[second]), max(position[first], position[second]))
        for first, second in asked
        if first in position and second in position
    }
