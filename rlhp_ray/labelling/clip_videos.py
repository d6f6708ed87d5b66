"""Clips as videos that a browser plays: drawn and encoded when they are first asked for, then kept for a while."""

import threading
from collections import OrderedDict
from collections.abc import Iterator

import numpy as np

from rlhp_ray.clips.clip import Clip
from rlhp_ray.clips.observation_drawing import ObservationDrawing, frames_per_second
from rlhp_ray.clips.rendering import ClipRenderer
from rlhp_ray.clips.video_encoding import mp4_bytes
from rlhp_ray.envs.atari_replay import RAW_FRAMES_PER_SECOND
from rlhp_ray.envs.moving_dot_rules import DEFAULT_FRAME_SKIP
from rlhp_ray.envs.observed_state import can_draw
from rlhp_ray.errors import LabellingError

STEPS_AT_ONCE = 50  # drawn: of pictures of 600 x 400 36 MB
MAX_KEPT = 256  # videos, of some 20 kB each
SMALLEST_HEIGHT = 320  # pixels: smaller pictures are enlarged by a whole factor
IMAGE_DIMENSIONS = 3  # of single grey frames in a clip: [frames, height, width]


class ClipVideos:
    """MP4s of the clips of one environment; threads may share it.

    Args:
        env_id: of the clips.
        frame_skip: raw steps of an agent step.
        max_kept: videos that are kept.

    Raises:
        EnvironmentNotSupportedError: the environment is not there.
    """

    def __init__(self, env_id: str, frame_skip: int | None, max_kept: int = MAX_KEPT) -> None:
        self._env_id = env_id
        self._max_kept = max_kept
        self._drawing = ObservationDrawing(env_id) if can_draw(env_id) else None
        is_atari = env_id.startswith("ALE/")
        self.frames_per_second = RAW_FRAMES_PER_SECOND if is_atari else frames_per_second(env_id, frame_skip or 1)
        self._steps_per_second = self.frames_per_second / ((frame_skip or DEFAULT_FRAME_SKIP) if is_atari else 1)
        self._renderer = ClipRenderer()
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
                speed = RAW_FRAMES_PER_SECOND if clip.origin is not None else self._drawn_per_second
                video = mp4_bytes(self._frames(clip), speed)
                self._kept[clip.clip_id] = video
                if len(self._kept) > self._max_kept:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(clip.clip_id)
            return video

    @property
    def _drawn_per_second(self) -> float:
        return self.frames_per_second if self._drawing is not None else self._steps_per_second

    def _frames(self, clip: Clip) -> Iterator[np.ndarray]:
        """One by one; of a long clip, few are in memory."""
        if clip.origin is not None:
            yield from _enlarged(self._renderer.frames(clip, every_raw_frame=True))
            return
        for start in range(0, len(clip), STEPS_AT_ONCE):
            yield from _enlarged(self._drawn(clip.part(start, start + STEPS_AT_ONCE)))

    def _drawn(self, clip: Clip) -> np.ndarray:
        if self._drawing is not None:
            return self._drawing.frames(clip)
        pictures = clip.observations
        if clip.frame_stack is not None and pictures.dtype == np.uint8 and pictures.ndim == IMAGE_DIMENSIONS:
            grey = pictures[clip.frame_stack - 1 :]
            return np.repeat(grey[..., None], 3, axis=-1)
        raise LabellingError(
            f"clips of {self._env_id} cannot be drawn; expected an Atari game, grey frames, MovingDot, or one of "
            "Gymnasium's classic control. Choose another environment, or a simulated teacher."
        )

    def close(self) -> None:
        """Close the environment that draws."""
        if self._drawing is not None:
            self._drawing.close()


def _enlarged(frames: np.ndarray) -> np.ndarray:
    """By a whole factor to SMALLEST_HEIGHT at least, and to even sizes, as H.264 wants them."""
    factor = -(-SMALLEST_HEIGHT // frames.shape[1])
    large = frames.repeat(factor, axis=1).repeat(factor, axis=2)
    height, width = large.shape[1:3]
    return np.pad(large, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
