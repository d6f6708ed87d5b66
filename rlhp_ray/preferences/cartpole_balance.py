"""A reward of the teacher's own, for CartPole: to a person, two poles are not alike because neither has fallen yet."""

import numpy as np

TRACK_END, LARGEST_ANGLE = 2.4, 12 * 2 * np.pi / 360  # beyond which CartPole-v1 is lost, in metres and radians
FALL_COST = 10.0  # in steps at the very edge
JUMP = 0.5  # of a limit from one step to the next: only a new game moves cart or pole so far


def balance(observations: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """How near the cart is to the middle and the pole to upright: -(x / 2.4 m)^2 - (angle / 12 degrees)^2.

    A fall that the clip shows costs 10 more. For `teacher.reward_function`. By CartPole's own reward, 1 a step, all
    clips without a fall tie, and once the policy is nearly good those are most.

    Args:
        observations: `[clip_steps, 4]`: cart position and speed, pole angle and its speed (Gymnasium's CartPole-v1).
        actions: `[clip_steps]`, not looked at.

    Returns:
        `[clip_steps]`, 0 at best.
    """
    places = observations[:, [0, 2]] / (TRACK_END, LARGEST_ANGLE)
    rewards = -np.square(places).sum(axis=1)
    fell = np.abs(np.diff(places, axis=0)).max(axis=1) > JUMP
    rewards[:-1] -= FALL_COST * fell
    return rewards
