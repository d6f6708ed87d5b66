"""A reward of the teacher's own, for Acrobot: a person would not wait for the goal, but prefer the higher swing."""

import numpy as np


def tip_height(observations: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """Height of the free end over the joint that holds both links, -cos a - cos(a + b), in lengths of a link.

    For `teacher.reward_function`. By Acrobot's own reward, -1 a step until the goal, all clips of an untrained policy
    tie: most seeds never see the goal.

    Args:
        observations: `[clip_steps, 6]`: cos a, sin a, cos b, sin b of the upper link's angle from hanging and the lower
            one's from the upper, and both speeds (Gymnasium's Acrobot-v1).
        actions: `[clip_steps]`, not looked at.

    Returns:
        `[clip_steps]`, from -2, hanging, to 2; the goal is at 1.
    """
    cos_a, sin_a, cos_b, sin_b = observations[:, :4].T
    return -cos_a - (cos_a * cos_b - sin_a * sin_b)
