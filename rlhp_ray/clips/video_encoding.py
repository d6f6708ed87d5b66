"""Frames as a video that every player and browser shows: MP4 (H.264, yuv420p)."""

import os
import sys
import tempfile
import threading
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from rlhp_ray.errors import ArchiveError

BACKGROUND_NICENESS = 10


def start_mp4(
    path: Path, frame_shape: tuple[int, int], frames_per_second: float, *, encoder_threads: int | None = None
) -> Generator[None, Any, None]:
    """An encoder that is sent frames, uint8 `[height, width, 3]` in a row of memory, until it is closed.

    Args:
        path: of the file.
        frame_shape: height and width, both even.
        frames_per_second: of the video.
        encoder_threads: of its process; None takes as many as there are cores.
    """
    import imageio_ffmpeg

    height, width = frame_shape
    threads = [] if encoder_threads is None else ["-threads", str(encoder_threads)]
    encoder: Generator[None, Any, None] = imageio_ffmpeg.write_frames(
        str(path),
        (width, height),
        fps=frames_per_second,
        codec="libx264",
        pix_fmt_out="yuv420p",
        quality=8,
        macro_block_size=2,
        output_params=["-movflags", "+faststart", *threads],
    )
    encoder.send(None)
    return encoder


def start_background_mp4(
    path: Path, frame_shape: tuple[int, int], frames_per_second: float
) -> Generator[None, Any, None]:
    """As `start_mp4`, on one core, which the encoder leaves to whatever else wants it."""
    with ThreadPoolExecutor(1, initializer=_stand_back) as starter:  # a process has the niceness of who starts it
        return starter.submit(start_mp4, path, frame_shape, frames_per_second, encoder_threads=1).result()


def _stand_back() -> None:
    if sys.platform == "linux":  # where niceness is a thread's own
        thread = threading.get_native_id()
        niceness = max(BACKGROUND_NICENESS, os.getpriority(os.PRIO_PROCESS, thread))  # nobody may take it back
        os.setpriority(os.PRIO_PROCESS, thread, niceness)


def mp4_bytes(frames: Iterable[np.ndarray], frames_per_second: float, *, in_background: bool = False) -> bytes:
    """Frames, at least one, uint8 `[height, width, 3]` of one even size, as an MP4; one at a time is in memory.

    Args:
        frames: one by one.
        frames_per_second: of the video.
        in_background: let whatever else wants the processor go first.

    Raises:
        ArchiveError: it cannot be written.
    """
    start = start_background_mp4 if in_background else start_mp4
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "clip.mp4"
        try:
            encoder = None
            try:
                for frame in frames:
                    if encoder is None:
                        encoder = start(path, frame.shape[:2], frames_per_second)
                    encoder.send(np.ascontiguousarray(frame))
            finally:
                if encoder is not None:
                    encoder.close()
            assert encoder is not None, "a video needs a frame"
            return path.read_bytes()
        except OSError as error:
            raise ArchiveError(f"Cannot write a clip's video: {error}. Is there disk space left?") from error
