"""The data that a reward ensemble is fitted to: labelled pairs, and each member's fixed share of them."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from rlhp_ray.clips.clip import Clip, ClipArrays
from rlhp_ray.errors import RewardDataError
from rlhp_ray.preferences.preference import Preference, newest_labels
from rlhp_ray.seeding import derive_rng

UNWEIGHTED: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class LabelledPairs:
    """Answers that can be trained on, with what the predictor may see of their clips: no reward.

    Args:
        left: clips shown on the left, `[num_pairs, clip_steps, ...]`.
        right: clips shown on the right.
        mu_left: `[num_pairs]` label target, 1 for left, 0 for right, 0.5 for equal.
        query_index: `[num_pairs]` running numbers of the queries.
        weight: `[num_pairs]` by what the loss of each is multiplied; above 0.
    """

    left: ClipArrays
    right: ClipArrays
    mu_left: np.ndarray
    query_index: np.ndarray
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.mu_left)

    @classmethod
    def from_preferences(
        cls,
        preferences: Sequence[Preference],
        clips: Mapping[str, Clip],
        source_weights: Mapping[str, float] = UNWEIGHTED,
    ) -> "LabelledPairs | None":
        """Join preferences with their clips; skipped queries are left out; None where nothing remains.

        Args:
            preferences: in the order of their queries.
            clips: by id.
            source_weights: weight of the labels of each source; 1 for those not named.
        """
        labels = newest_labels(preferences, None)
        if not labels:
            return None
        return cls(
            left=ClipArrays.from_clips([clips[p.left_id] for p in labels]),
            right=ClipArrays.from_clips([clips[p.right_id] for p in labels]),
            mu_left=np.array([p.answer.mu_left for p in labels], np.float32),
            query_index=np.array([p.query_index for p in labels], np.int64),
            weight=np.array([source_weights.get(p.source, 1.0) for p in labels], np.float32),
        )

    def without_oldest(self, num_pairs: int) -> "LabelledPairs":
        """All but the first `num_pairs`."""
        kept = slice(num_pairs, None)
        columns = (self.mu_left, self.query_index, self.weight)
        return LabelledPairs(self.left[kept], self.right[kept], *(column[kept] for column in columns))

    @classmethod
    def concatenated(cls, parts: Sequence["LabelledPairs"]) -> "LabelledPairs":
        """The pairs of all parts, in order."""
        return cls(
            ClipArrays.concatenated([part.left for part in parts]),
            ClipArrays.concatenated([part.right for part in parts]),
            np.concatenate([part.mu_left for part in parts]),
            np.concatenate([part.query_index for part in parts]),
            np.concatenate([part.weight for part in parts]),
        )


def bootstrap_weights(seed: int, query_index: np.ndarray, members: int) -> np.ndarray:
    """How often each member trains on each label: Poisson(1), drawn once for ever; 0 makes it a validation label.

    The chance of 0 is 1/e, the share that C17 s2.2.1 holds out for each member.

    Args:
        seed: of the run.
        query_index: `[num_pairs]`; the draw depends on the seed and this number alone.
        members: networks in the ensemble. A single member draws too, else it would have nothing to be validated on.

    Returns:
        `[members, num_pairs]` float32.
    """
    draws = [derive_rng(seed, "bootstrap", int(index)).poisson(1.0, members) for index in query_index]
    return np.array(draws, np.float32).reshape(len(query_index), members).T


class LabelledPairBuffer:
    """The newest labels in the order of their queries; older ones are dropped.

    Args:
        window: labels kept at most; None for all.
    """

    def __init__(self, window: int | None) -> None:
        self._window = window
        self._chunks: deque[LabelledPairs] = deque()

    def __len__(self) -> int:
        return sum(len(chunk) for chunk in self._chunks)

    def add(self, pairs: LabelledPairs) -> None:
        """Append labels; those of queries that are held already, or older ones, are not taken twice.

        Raises:
            RewardDataError: clips have another length than before.
        """
        if self._chunks and len(self._chunks[-1]):
            known = int(np.count_nonzero(pairs.query_index <= self._chunks[-1].query_index[-1]))
            pairs = pairs.without_oldest(known)
            if len(pairs) == 0:
                return
        if self._chunks and self._chunks[0].mu_left.size and pairs.left.actions.shape[1] != self._clip_steps:
            raise RewardDataError(
                f"labels on clips of {pairs.left.actions.shape[1]} steps; expected {self._clip_steps} as before. Clips "
                "of mixed lengths cannot be compared: leave those preferences out."
            )
        self._chunks.append(pairs)
        while self._window is not None and (surplus := len(self) - self._window) > 0:
            oldest = self._chunks.popleft()
            if surplus < len(oldest):
                self._chunks.appendleft(oldest.without_oldest(surplus))

    @property
    def _clip_steps(self) -> int:
        return self._chunks[0].left.actions.shape[1]

    def all(self) -> LabelledPairs:
        """Everything kept, oldest first, as one."""
        if len(self._chunks) > 1:
            self._chunks = deque([LabelledPairs.concatenated(list(self._chunks))])
        return self._chunks[0]
