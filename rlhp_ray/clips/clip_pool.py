"""The bounded pool of recent clips from which pairs are chosen."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence

import numpy as np

from rlhp_ray.clips.clip import Clip


class ClipPool:
    """Keeps the newest `capacity` clips, compressed; the oldest are dropped (C17: clips are cheap).

    Clips that are referred to by a label live on in the preference store. Several trials may fill one pool, whose
    capacity is that of all together: each says with its clips who recorded them, by any name.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._packed: OrderedDict[str, bytes] = OrderedDict()
        self._ages: dict[str, int] = {}
        self._recorded_by: dict[str, str] = {}
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

    def recorded_by(self, trial: str) -> list[str]:
        """Ids of the clips of one trial, oldest first."""
        return [clip_id for clip_id in self._packed if self._recorded_by[clip_id] == trial]

    def newest_by(self, trial: str) -> list[str]:
        """Ids of the clips of one trial's newest policy."""
        own = self.recorded_by(trial)
        newest = max((self._ages[clip_id] for clip_id in own), default=0)
        return [clip_id for clip_id in own if self._ages[clip_id] == newest]

    def add(self, clips: Iterable[Clip], trial: str = "") -> None:
        """Take in clips of a trial, dropping the oldest beyond the capacity. Raises RewardDataError on NaN."""
        for clip in clips:
            clip.check_finite()
            self._keep(clip, clip.to_bytes(), trial)
        self._drop_oldest()

    def _keep(self, clip: Clip, packed: bytes, trial: str) -> None:
        self._packed[clip.clip_id], self._ages[clip.clip_id] = packed, clip.env_steps
        self._recorded_by[clip.clip_id] = trial

    def _drop_oldest(self) -> None:
        while len(self._packed) > self._capacity:
            clip_id, _ = self._packed.popitem(last=False)
            del self._ages[clip_id], self._recorded_by[clip_id]
            self.dropped += 1

    def get(self, clip_ids: Sequence[str]) -> list[Clip]:
        """The clips of these ids."""
        return [Clip.from_bytes(self._packed[clip_id]) for clip_id in clip_ids]

    def sample(self, rng: np.random.Generator, num_clips: int, of: Sequence[str] | None = None) -> list[Clip]:
        """At most `num_clips` clips, drawn without replacement of those with the ids `of`, or of all with None."""
        ids = self.clip_ids if of is None else of
        chosen = rng.choice(len(ids), size=min(num_clips, len(ids)), replace=False)
        return self.get([ids[index] for index in sorted(chosen)])

    def dump(self, trial: str = "") -> list[bytes]:
        """The clips of a trial as bytes, oldest first, for its checkpoint."""
        return [self._packed[clip_id] for clip_id in self.recorded_by(trial)]

    def restore(self, packed_clips: Iterable[bytes], trial: str = "") -> None:
        """Replace the clips of a trial by what `dump` returned, dropping the oldest of all beyond the capacity."""
        for clip_id in self.recorded_by(trial):
            del self._packed[clip_id], self._ages[clip_id], self._recorded_by[clip_id]
        for packed in packed_clips:
            self._keep(Clip.from_bytes(packed), packed, trial)
        self._drop_oldest()
