"""Clips to ask about."""

from collections.abc import Callable

import numpy as np
import pytest

from rlhp_ray.clips.clip import Clip


@pytest.fixture
def make_clips() -> Callable[..., list[Clip]]:
    """Clips that differ; the true return of clip i is its index i, so that the larger index is the better."""

    def make(count: int, steps: int = 2, seed: int = 0) -> list[Clip]:
        rng = np.random.default_rng(seed)
        return [
            Clip(
                observations=rng.normal(size=(steps, 3)).astype(np.float32),
                actions=rng.integers(0, 4, steps),
                teacher_rewards=np.full(steps, index / steps, np.float32),
                env_steps=0,
            )
            for index in range(count)
        ]

    return make
