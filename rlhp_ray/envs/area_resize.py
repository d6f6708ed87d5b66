"""Area averaging of grey frames, equal to the bit to the one in `ale_py.vector_env.AtariVectorEnv` (OpenCV's)."""

import math

import numpy as np

_NEGLIGIBLE = 1e-3  # of a source pixel, as OpenCV has it


class AreaResize:
    """Each new pixel is the average of the area that it covers, out_ij = sum_yx R_iy C_jx in_yx, rounded half to even.

    Weights and sums are float32 and taken in OpenCV's order, columns before rows: that decides the last bit.

    Args:
        from_shape: rows and columns of the frames.
        to_shape: rows and columns wanted, no more than there are.
    """

    def __init__(self, from_shape: tuple[int, int], to_shape: tuple[int, int]) -> None:
        self._rows, self._row_weights = _contributions(from_shape[0], to_shape[0])
        self._columns, self._column_weights = _contributions(from_shape[1], to_shape[1])

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """From uint8 `[rows, columns]` to uint8 of the wanted shape."""
        source = frame.astype(np.float32)
        narrow = np.zeros((len(source), self._columns.shape[1]), np.float32)
        for columns, weights in zip(self._columns, self._column_weights, strict=True):
            narrow += source[:, columns] * weights
        small = np.zeros((self._rows.shape[1], narrow.shape[1]), np.float32)
        for rows, weights in zip(self._rows, self._row_weights, strict=True):
            small += narrow[rows] * weights[:, None]
        return np.rint(small).astype(np.uint8)


def _contributions(source: int, wanted: int) -> tuple[np.ndarray, np.ndarray]:
    """Source positions and float32 weights of each new one, `[most contributions, wanted]`; spare weights are 0."""
    scale = source / wanted
    lists: list[list[tuple[int, float]]] = []
    for new in range(wanted):
        start, stop = new * scale, (new + 1) * scale
        first, last = math.ceil(start), min(math.floor(stop), source - 1)
        parts = [(position, 1 / scale) for position in range(first, last)]
        if first - start > _NEGLIGIBLE:
            parts.insert(0, (first - 1, (first - start) / scale))
        if stop - last > _NEGLIGIBLE:
            parts.append((last, min(stop - last, 1.0) / scale))
        lists.append(parts)
    longest = max(len(parts) for parts in lists)
    positions, weights = np.zeros((longest, wanted), np.int64), np.zeros((longest, wanted), np.float32)
    for new, parts in enumerate(lists):
        for order, (position, weight) in enumerate(parts):
            positions[order, new], weights[order, new] = position, weight
    return positions, weights
