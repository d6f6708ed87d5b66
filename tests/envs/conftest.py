"""Fixtures of the tests of environments."""

from collections.abc import Callable

import numpy as np
import pytest

from rlhp_ray.envs.score_mask import FRAME_SIZE, SCREEN_COLUMNS, SCREEN_ROWS


def area_weights(screen_size: int) -> np.ndarray:
    """`[84, screen_size]`: how much of each screen line lies in each line of the frame."""
    edges = np.linspace(0, screen_size, FRAME_SIZE + 1)
    lines = np.arange(screen_size)
    inside = np.minimum(edges[1:, None], lines + 1) - np.maximum(edges[:-1, None], lines)
    return inside.clip(0) / (screen_size / FRAME_SIZE)


@pytest.fixture(scope="session")
def shrunk() -> Callable[[np.ndarray], np.ndarray]:
    """Shrinks a grey screen `[210, 160]` to a frame `[84, 84]`, each pixel the mean of its area."""
    rows, columns = area_weights(SCREEN_ROWS), area_weights(SCREEN_COLUMNS)
    return lambda screen: np.rint(rows @ screen @ columns.T).astype(np.uint8)
