"""What people are shown of the clips of one environment, picture by picture."""

from collections.abc import Iterator

import numpy as np

from rlhp_ray.clips.clip import Clip
from rlhp_ray.clips.observation_drawing import ObservationDrawing, frames_per_second
from rlhp_ray.clips.rendering import ClipRenderer
from rlhp_ray.envs.atari_replay import RAW_FRAMES_PER_SECOND
from rlhp_ray.envs.moving_dot_rules import DEFAULT_FRAME_SKIP
from rlhp_ray.envs.observed_state import can_draw
from rlhp_ray.errors import LabellingError

STEPS_AT_ONCE = 50  # drawn: of pictures of 600 x 400 36 MB
SMALLEST_HEIGHT = 320  # pixels: smaller pictures are enlarged by a whole factor
IMAGE_DIMENSIONS = 3  # of single grey frames in a clip: [frames, height, width]


class ClipPictures:
    """Pictures of clips, uint8 `[height, width, 3]` of even sizes; one thread at a time.

    Args:
        env_id: of the clips.
        frame_skip: raw steps of an agent step.

    Attributes:
        frames_per_second: of clips as people compare them.
        observed_per_second: of pictures of observations, one each agent step.
        are_observations_grey: whether observations are shown as they are: the environment does not draw them.

    Raises:
        EnvironmentNotSupportedError: the environment is not there.
    """

    def __init__(self, env_id: str, frame_skip: int | None) -> None:
        self._env_id = env_id
        self._drawing = ObservationDrawing(env_id) if can_draw(env_id) else None
        self._renderer = ClipRenderer()
        is_atari = env_id.startswith("ALE/")
        self.frames_per_second = RAW_FRAMES_PER_SECOND if is_atari else frames_per_second(env_id, frame_skip or 1)
        steps_per_second = self.frames_per_second / ((frame_skip or DEFAULT_FRAME_SKIP) if is_atari else 1)
        self.are_observations_grey = self._drawing is None
        self.observed_per_second = steps_per_second if self.are_observations_grey else self.frames_per_second

    def replayed(self, clip: Clip) -> Iterator[np.ndarray]:
        """All raw frames of an Atari game's clip, in colour.

        Raises:
            RewardDataError: it cannot be played again as it was.
        """
        yield from enlarged(self._renderer.frames(clip, every_raw_frame=True))

    def observed(self, clip: Clip) -> Iterator[np.ndarray]:
        """What each step's observation shows; of a long clip, few pictures are in memory.

        Raises:
            LabellingError: clips of this environment cannot be drawn.
        """
        for start in range(0, len(clip), STEPS_AT_ONCE):
            yield from enlarged(self._drawn(clip.part(start, start + STEPS_AT_ONCE)))

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


def enlarged(frames: np.ndarray) -> np.ndarray:
    """Frames `[num_frames, height, width, 3]` by a whole factor to SMALLEST_HEIGHT at least, and to even sizes."""
    factor = -(-SMALLEST_HEIGHT // frames.shape[1])
    large = frames.repeat(factor, axis=1).repeat(factor, axis=2)
    height, width = large.shape[1:3]
    return np.pad(large, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
