"""Frames of an episode, kept until its rewards are known: compressed, in memory first, on disk when they are many."""

import tempfile
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

MAX_MEMORY_BYTES = 128 * 10**6
"""Compressed frames beyond this go to a temporary file."""


class FrameSpool:
    """A sequence of RGB frames, each uint8 [height, width, 3], written once and read in order.

    Frames that differ in size from the first are scaled to it, since a video has one size.
    """

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=MAX_MEMORY_BYTES)  # noqa: SIM115  # closed by `close`
        self._sizes: list[int] = []
        self.frame_shape: tuple[int, int] = (0, 0)

    def __len__(self) -> int:
        return len(self._sizes)

    def append(self, frame: np.ndarray) -> None:
        """Adds a rendered frame: [height, width], [height, width, 1], RGB or RGBA."""
        frame = as_rgb(frame)
        if not self._sizes:
            self.frame_shape = (frame.shape[0], frame.shape[1])
        frame = fit(frame, self.frame_shape)
        self._sizes.append(self._file.write(zlib.compress(frame.tobytes(), level=1)))

    def __iter__(self) -> Iterator[np.ndarray]:
        self._file.seek(0)
        for size in self._sizes:
            data = zlib.decompress(self._file.read(size))
            yield np.frombuffer(data, dtype=np.uint8).reshape(*self.frame_shape, 3)

    def close(self) -> None:
        self._file.close()


def as_rgb(frame: np.ndarray) -> np.ndarray:
    """Any usual rendering as uint8 [height, width, 3]; floats are taken to lie in [0, 1]."""
    if frame.ndim == 2:
        frame = frame[..., None]
    if frame.ndim != 3 or frame.shape[-1] not in (1, 3, 4) or 0 in frame.shape:
        raise ValueError(f"a frame of shape {frame.shape}, expected [height, width] with 1, 3 or 4 channels")
    if frame.dtype.kind == "f":
        frame = np.clip(np.nan_to_num(frame), 0, 1) * 255
    frame = frame.astype(np.uint8, copy=False)
    return np.repeat(frame, 3, axis=-1) if frame.shape[-1] == 1 else frame[..., :3]


def fit(frame: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """`frame` [height, width, 3] scaled to `shape` without smoothing; unchanged where it fits."""
    if frame.shape[:2] == shape:
        return frame
    return np.asarray(Image.fromarray(frame).resize((shape[1], shape[0]), Image.Resampling.NEAREST))
