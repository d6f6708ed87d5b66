"""A series of any length in bounded memory."""

import numpy as np

MOST_POINTS = 200


class BoundedSeries:
    """Keeps 100 to 200 points of what may be a long series: once full, neighbours become their mean.

    Every point stands for the same number of values, a power of two; the newest values wait until they fill one.
    """

    def __init__(self) -> None:
        self._points: list[float] = []
        self._waiting: list[float] = []
        self._values_per_point = 1

    def append(self, value: float) -> None:
        self._waiting.append(value)
        if len(self._waiting) < self._values_per_point:
            return
        self._points.append(float(np.mean(self._waiting)))
        self._waiting.clear()
        if len(self._points) == MOST_POINTS:
            self._points = np.reshape(self._points, (-1, 2)).mean(axis=1).tolist()
            self._values_per_point *= 2

    @property
    def points(self) -> np.ndarray:
        """[num_points], oldest first."""
        return np.array(self._points)
