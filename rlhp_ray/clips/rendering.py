"""What people are shown of a clip of an Atari game: its colour screens, at the game's own resolution and speed."""

import numpy as np

from rlhp_ray.clips.clip import Clip
from rlhp_ray.clips.video_encoding import mp4_bytes
from rlhp_ray.envs.atari_replay import RAW_FRAMES_PER_SECOND
from rlhp_ray.envs.clip_origin import ClipOrigin
from rlhp_ray.envs.clip_replay import ClipReplayer, ReplayedClip
from rlhp_ray.errors import RewardDataError


class ClipRenderer:
    """Renders clips that are asked for, one by one; nothing is done before.

    Each is held against the clip's own grey frames, so that nobody is ever asked about another game than the one that
    will be learnt from.
    """

    def __init__(self) -> None:
        self._replayer = ClipReplayer()

    def frames(self, clip: Clip, *, every_raw_frame: bool) -> np.ndarray:
        """Uint8 `[num_frames, 210, 160, 3]`: all raw frames (60 a second), or the last of each agent step.

        Raises:
            RewardDataError: the clip has no origin (it is of no Atari game, or was stored before they were), or its
                replay does not show what the clip shows.
        """
        origin = origin_of(clip)
        replayed = self._replayer.replay(origin, screens_per_step=origin.frame_skip if every_raw_frame else 1)
        _check_shows_the_same(clip, replayed)
        return replayed.frames

    def mp4(self, clip: Clip) -> bytes:
        """All raw frames, 60 a second. Raises as `frames`."""
        return mp4_bytes(self.frames(clip, every_raw_frame=True), RAW_FRAMES_PER_SECOND)

    def ram(self, clip: Clip) -> np.ndarray:
        """Uint8 `[clip_steps, 128]`: the console's RAM after each agent step. Raises as `frames`."""
        replayed = self._replayer.replay(origin_of(clip))
        _check_shows_the_same(clip, replayed)
        return replayed.ram


def origin_of(clip: Clip) -> ClipOrigin:
    """Where a clip comes from. Raises RewardDataError where that is not known."""
    if clip.origin is None:
        raise RewardDataError(
            f"the clip {clip.clip_id} tells no origin; expected one recorded in an Atari game (`env.id=ALE/...`). Only "
            "those can be played again, for colour or RAM."
        )
    return clip.origin


class ClipComparison:
    """Holds what is played again against what a clip shows, where it moves: a blanked score stands still."""

    def __init__(self, clip: Clip) -> None:
        self._clip, self._origin = clip, origin_of(clip)
        self._shown = clip.observations[(clip.frame_stack or 1) :]  # what each step led to, but for the last
        self._moves = (self._shown != self._shown[:1]).any(axis=0)

    def check(self, step: int, observed: np.ndarray) -> None:
        """Raise RewardDataError where agent step `step` led to another frame `[84, 84]` than the clip shows."""
        if step < len(self._shown) and ((self._shown[step] != observed) & self._moves).any():
            raise RewardDataError(
                f"the clip {self._clip.clip_id} of {self._origin.rom} cannot be played again: what it shows from its "
                f"step {step + 1} on is another game; expected the very same frames. It was recorded with another "
                "version of ale_py."
            )


def _check_shows_the_same(clip: Clip, replayed: ReplayedClip) -> None:
    comparison = ClipComparison(clip)
    for step, observed in enumerate(replayed.observed):
        comparison.check(step, observed)
