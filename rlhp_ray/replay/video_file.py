"""An MP4 that every player shows (H.264, yuv420p), written frame by frame."""

from collections.abc import Generator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from rlhp_ray.clips.video_encoding import start_mp4
from rlhp_ray.errors import ArchiveError
from rlhp_ray.replay.checkpoint_location import reserve_video_file


class VideoFile:
    """A context in which `write` adds frames; the file appears whole at its end, or not at all after an error.

    Attributes:
        path: where the video goes, `wanted` or that name with a number: nothing is overwritten.
        num_frames: written so far.
    """

    def __init__(self, wanted: Path, frames_per_second: float) -> None:
        self.path = reserve_video_file(wanted)
        self.num_frames = 0
        self._frames_per_second = frames_per_second
        self._unfinished = self.path.with_name(f".{self.path.stem}.unfinished.mp4")
        self._encoder: Generator[None, Any, None] | None = None

    def __enter__(self) -> Self:
        return self

    def write(self, frame: np.ndarray) -> None:
        """Adds one frame, uint8 [height, width, 3] with even sizes, the same for all."""
        try:
            if self._encoder is None:
                height, width, _ = frame.shape
                self._encoder = start_mp4(self._unfinished, (height, width), self._frames_per_second)
            self._encoder.send(np.ascontiguousarray(frame))
        except OSError as error:
            raise self._failure(error) from error
        self.num_frames += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        try:
            if self._encoder is not None:
                self._encoder.close()
            if error is None:
                if not self._unfinished.exists() or self._unfinished.stat().st_size == 0:
                    raise OSError("the encoder wrote nothing")
                self._unfinished.replace(self.path)
        except OSError as failure:
            self._remove()
            if error is None:
                raise self._failure(failure) from failure
        if error is not None:
            self._remove()

    def _failure(self, error: OSError) -> ArchiveError:
        return ArchiveError(f"Cannot write the video {self.path}: {error}. Is there disk space left?")

    def _remove(self) -> None:
        self._unfinished.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)
