"""The data that a reward ensemble is fitted to: labelled pairs, and each member's fixed share of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from rlhp_ray.clips.clip import Clip, ClipArrays
from rlhp_ray.errors import RewardDataError
from rlhp_ray.preferences.preference import Preference, newest_labels
from rlhp_ray.reward.row_window import RowWindow
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
        self._columns: list[RowWindow | None] = []
        self._frame_stack: int | None = None

    def __len__(self) -> int:
        return len(self.all()) if self._columns else 0

    def add(self, pairs: LabelledPairs) -> None:
        """Append labels; those of queries that are held already, or older ones, are not taken twice.

        Raises:
            RewardDataError: clips have another length than before.
        """
        if len(self):
            held = self.all()
            pairs = pairs.without_oldest(int(np.count_nonzero(pairs.query_index <= held.query_index[-1])))
            steps, expected = pairs.left.actions.shape[1], held.left.actions.shape[1]
            if len(pairs) and steps != expected:
                raise RewardDataError(
                    f"labels on clips of {steps} steps; expected {expected} as before. Clips of mixed lengths cannot "
                    "be compared: leave those preferences out."
                )
        if len(pairs) == 0:
            return
        if self._window is not None:
            pairs = pairs.without_oldest(max(0, len(pairs) - self._window))
        new = _columns_of(pairs)
        if not self._columns:
            self._columns = [None if column is None else RowWindow(column) for column in new]
            self._frame_stack = pairs.left.frame_stack
            return
        surplus = 0 if self._window is None else max(0, len(self) + len(pairs) - self._window)
        for index, (kept, column) in enumerate(zip(self._columns, new, strict=True)):
            if kept is None or column is None:
                self._columns[index] = None  # some clip lacks its next observation, so that none is used
            else:
                kept.drop_oldest(surplus)
                kept.append(column)

    def all(self) -> LabelledPairs:
        """Everything kept, oldest first, as one: views, which the next `add` overwrites. Needs a label."""
        columns: list[Any] = [None if column is None else column.rows for column in self._columns]
        left, right = columns[:3], columns[3:6]
        return LabelledPairs(_clips_of(left, self._frame_stack), _clips_of(right, self._frame_stack), *columns[6:])


def _columns_of(pairs: LabelledPairs) -> list[np.ndarray | None]:
    sides = [(side.observations, side.actions, side.next_observation) for side in (pairs.left, pairs.right)]
    return [*sides[0], *sides[1], pairs.mu_left, pairs.query_index, pairs.weight]


def _clips_of(columns: list[Any], frame_stack: int | None) -> ClipArrays:
    observations, actions, following = columns
    return ClipArrays(observations, actions, frame_stack, following)
