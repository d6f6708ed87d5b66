"""The data that a reward ensemble is fitted to: labelled pairs, and each member's fixed share of them."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rlhp_ray.clips.clip import Clip, ClipArrays
from rlhp_ray.errors import RewardDataError
from rlhp_ray.preferences.preference import Preference
from rlhp_ray.seeding import derive_rng

MAX_LABELS = 3000  # C17 A.2: the last 3,000 labels


@dataclass(frozen=True, eq=False)
class LabelledPairs:
    """Answers that can be trained on, with what the predictor may see of their clips: no reward.

    Args:
        left: clips shown on the left, `[num_pairs, clip_steps, ...]`.
        right: clips shown on the right.
        mu_left: `[num_pairs]` label target, 1 for left, 0 for right, 0.5 for equal.
        query_index: `[num_pairs]` running numbers of the queries.
    """

    left: ClipArrays
    right: ClipArrays
    mu_left: np.ndarray
    query_index: np.ndarray

    def __len__(self) -> int:
        return len(self.mu_left)

    @classmethod
    def from_preferences(cls, preferences: Sequence[Preference], clips: dict[str, Clip]) -> "LabelledPairs | None":
        """Join preferences with their clips; skipped queries are left out; None where nothing remains."""
        answered = [(p, p.answer.mu_left) for p in preferences if p.answer.mu_left is not None]
        if not answered:
            return None
        return cls(
            left=ClipArrays.from_clips([clips[p.left_id] for p, _ in answered]),
            right=ClipArrays.from_clips([clips[p.right_id] for p, _ in answered]),
            mu_left=np.array([mu for _, mu in answered], np.float32),
            query_index=np.array([p.query_index for p, _ in answered], np.int64),
        )

    def without_oldest(self, num_pairs: int) -> "LabelledPairs":
        """All but the first `num_pairs`."""
        kept = slice(num_pairs, None)
        return LabelledPairs(self.left[kept], self.right[kept], self.mu_left[kept], self.query_index[kept])


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
    """The newest labels in the order of their queries, at most `MAX_LABELS`; older ones are dropped."""

    def __init__(self) -> None:
        self._chunks: deque[LabelledPairs] = deque()

    def __len__(self) -> int:
        return sum(len(chunk) for chunk in self._chunks)

    def add(self, pairs: LabelledPairs) -> None:
        """Append labels. Raises RewardDataError where clips have another length than before."""
        if self._chunks and self._chunks[0].mu_left.size and pairs.left.actions.shape[1] != self._clip_steps:
            raise RewardDataError(
                f"labels on clips of {pairs.left.actions.shape[1]} steps; expected {self._clip_steps} as before"
            )
        self._chunks.append(pairs)
        while (surplus := len(self) - MAX_LABELS) > 0:
            oldest = self._chunks.popleft()
            if surplus < len(oldest):
                self._chunks.appendleft(oldest.without_oldest(surplus))

    @property
    def _clip_steps(self) -> int:
        return self._chunks[0].left.actions.shape[1]

    def all(self) -> LabelledPairs:
        """Everything kept, oldest first, as one."""
        if len(self._chunks) > 1:
            chunks = list(self._chunks)
            whole = LabelledPairs(
                ClipArrays.concatenated([chunk.left for chunk in chunks]),
                ClipArrays.concatenated([chunk.right for chunk in chunks]),
                np.concatenate([chunk.mu_left for chunk in chunks]),
                np.concatenate([chunk.query_index for chunk in chunks]),
            )
            self._chunks = deque([whole])
        return self._chunks[0]
