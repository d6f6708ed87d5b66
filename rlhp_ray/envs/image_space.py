"""Which observations are images: one answer for scaling, networks and the checks of a configuration."""

import gymnasium as gym
import numpy as np

SMALLEST_IMAGE_SIDE = 43  # of the predictor's convolutions (C17 A.2); smaller images are vectors to the networks


def is_image_space(space: gym.Space) -> bool:
    """Whether a space holds frames of bytes, `[height, width, channels]`, that are large enough for convolutions."""
    return (
        isinstance(space, gym.spaces.Box)
        and space.dtype == np.uint8
        and len(space.shape) == 3
        and min(space.shape[:2]) >= SMALLEST_IMAGE_SIDE
    )
