"""The clips by which a run is watched: what the policy just made, held against what it made at first."""

from collections.abc import Collection, Iterable

import numpy as np

from rlhp_ray.clips.clip import Clip
from rlhp_ray.clips.clip_pool import ClipPool

FRESH_CLIPS = 64  # 2,016 pairs
REFERENCE_CLIPS = 32


class FreshClips:
    """Samples a trial's newest clips in a pool, and keeps those of the first sample as reference for its whole run."""

    def __init__(self) -> None:
        self._reference: list[bytes] = []

    def sample(
        self, pool: ClipPool, rng: np.random.Generator, labelled: Collection[str], trial: str = ""
    ) -> tuple[list[Clip], list[Clip]]:
        """Clips of the trial's newest policy in the pool that no label is about, and the reference.

        Args:
            pool: of recent clips.
            rng: draws.
            labelled: ids of clips that were asked about, which the predictor may know by heart.
            trial: that is watched.

        Returns:
            At most 64 fresh clips, and at most 32 of the first call, labelled or not.
        """
        newest = pool.newest_by(trial)
        if not self._reference:
            self._reference = [clip.to_bytes() for clip in pool.get(_drawn(rng, newest, REFERENCE_CLIPS))]
        fresh = _drawn(rng, [clip_id for clip_id in newest if clip_id not in labelled], FRESH_CLIPS)
        return pool.get(fresh), [Clip.from_bytes(packed) for packed in self._reference]

    def dump(self) -> list[bytes]:
        """The reference, for a checkpoint."""
        return self._reference

    def restore(self, packed_clips: Iterable[bytes]) -> None:
        """Take up the reference of a checkpoint."""
        self._reference = list(packed_clips)


def _drawn(rng: np.random.Generator, clip_ids: list[str], most: int) -> list[str]:
    chosen = rng.choice(len(clip_ids), size=min(most, len(clip_ids)), replace=False)
    return [clip_ids[index] for index in sorted(chosen)]
