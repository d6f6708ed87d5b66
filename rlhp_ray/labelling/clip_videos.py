"""Clips as videos that a browser plays: drawn and encoded when they are first asked for, then kept for a while."""

import threading
from collections import OrderedDict

from rlhp_ray.clips.clip import Clip
from rlhp_ray.clips.video_encoding import mp4_bytes
from rlhp_ray.envs.atari_replay import RAW_FRAMES_PER_SECOND
from rlhp_ray.labelling.clip_pictures import ClipPictures

MAX_KEPT = 256  # videos, of some 20 kB each


class ClipVideos:
    """MP4s of the clips of one environment; threads may share it.

    Args:
        env_id: of the clips.
        frame_skip: raw steps of an agent step.

    Raises:
        EnvironmentNotSupportedError: the environment is not there.
    """

    def __init__(self, env_id: str, frame_skip: int | None) -> None:
        self._pictures = ClipPictures(env_id, frame_skip)
        self.frames_per_second = self._pictures.frames_per_second
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def mp4(self, clip: Clip) -> bytes:
        """The clip at real-time speed.

        Raises:
            LabellingError: clips of this environment cannot be drawn.
            RewardDataError: an Atari game cannot be played again as it was.
        """
        with self._lock:
            video = self._kept.get(clip.clip_id)
            if video is None:
                video = self._encoded(clip)
                self._kept[clip.clip_id] = video
                if len(self._kept) > MAX_KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(clip.clip_id)
            return video

    def _encoded(self, clip: Clip) -> bytes:
        if clip.origin is not None:
            return mp4_bytes(self._pictures.replayed(clip), RAW_FRAMES_PER_SECOND)
        return mp4_bytes(self._pictures.observed(clip), self._pictures.observed_per_second)

    def close(self) -> None:
        """Close the environment that draws."""
        self._pictures.close()
