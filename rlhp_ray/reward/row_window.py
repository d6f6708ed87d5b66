"""The newest rows of an array, in one piece: rows come and go without the others being moved each time."""

import numpy as np

SPARE_SHARE = 0.25  # room beyond the rows that are kept: what is moved, is moved once in so many new rows


class RowWindow:
    """Rows, oldest first. What `rows` gave is overwritten by later calls.

    Args:
        rows: `[n, ...]` to begin with; copied.
    """

    def __init__(self, rows: np.ndarray) -> None:
        self._array = np.empty((0, *rows.shape[1:]), rows.dtype)
        self._start = self._end = 0
        self.append(rows)

    @property
    def rows(self) -> np.ndarray:
        """`[n, ...]`, a view."""
        return self._array[self._start : self._end]

    def drop_oldest(self, num_rows: int) -> None:
        """Forget the first `num_rows`."""
        self._start += num_rows

    def append(self, new: np.ndarray) -> None:
        """Take in rows behind the others."""
        if self._end + len(new) > len(self._array):
            self._make_room(self._end - self._start + len(new))
        self._array[self._end : self._end + len(new)] = new
        self._end += len(new)

    def _make_room(self, num_rows: int) -> None:
        kept, spare = self.rows, int(SPARE_SHARE * num_rows)
        if num_rows + spare > len(self._array):
            array = np.empty((num_rows + spare, *kept.shape[1:]), kept.dtype)
            array[: len(kept)] = kept
            self._array = array
        else:
            for first in range(0, len(kept), self._start):  # pieces that do not overlap with where they go
                piece = kept[first : first + self._start]
                self._array[first : first + len(piece)] = piece
        self._start, self._end = 0, len(kept)
