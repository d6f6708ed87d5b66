"""The bounded pool of recent clips from which pairs are chosen."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence

import numpy as np

from rlhp_ray.clips.clip import Clip


class ClipPool:
    """Keeps the newest `capacity` clips, compressed; the oldest are dropped (C17: clips are cheap).

    Clips that are referred to by a label live on in the preference store.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._packed: OrderedDict[str, bytes] = OrderedDict()
        self._ages: dict[str, int] = {}
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._packed)

    @property
    def num_bytes(self) -> int:
        """Compressed size in bytes."""
        return sum(len(packed) for packed in self._packed.values())

    @property
    def clip_ids(self) -> list[str]:
        """Ids of the clips, oldest first."""
        return list(self._packed)

    @property
    def ages(self) -> np.ndarray:
        """`[num_clips]` env steps of the run at which each clip's policy was in force, in the order of `clip_ids`."""
        return np.array([self._ages[clip_id] for clip_id in self._packed], np.int64)

    def add(self, clips: Iterable[Clip]) -> None:
        """Take in clips, dropping the oldest beyond the capacity. Raises RewardDataError on NaN."""
        for clip in clips:
            clip.check_finite()
            self._packed[clip.clip_id] = clip.to_bytes()
            self._ages[clip.clip_id] = clip.env_steps
        self._drop_oldest()

    def _drop_oldest(self) -> None:
        while len(self._packed) > self._capacity:
            clip_id, _ = self._packed.popitem(last=False)
            del self._ages[clip_id]
            self.dropped += 1

    def get(self, clip_ids: Sequence[str]) -> list[Clip]:
        """The clips of these ids."""
        return [Clip.from_bytes(self._packed[clip_id]) for clip_id in clip_ids]

    def sample(self, rng: np.random.Generator, num_clips: int) -> list[Clip]:
        """At most `num_clips` clips, drawn without replacement."""
        ids = self.clip_ids
        chosen = rng.choice(len(ids), size=min(num_clips, len(ids)), replace=False)
        return self.get([ids[index] for index in sorted(chosen)])

    def dump(self) -> list[bytes]:
        """All clips as bytes, oldest first, for a checkpoint."""
        return list(self._packed.values())

    def restore(self, packed_clips: Iterable[bytes]) -> None:
        """Replace the contents by what `dump` returned, dropping the oldest beyond the capacity."""
        self._packed, self._ages = OrderedDict(), {}
        for packed in packed_clips:
            clip = Clip.from_bytes(packed)
            self._packed[clip.clip_id], self._ages[clip.clip_id] = packed, clip.env_steps
        self._drop_oldest()
