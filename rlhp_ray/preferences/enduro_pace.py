"""A scripted teacher for Enduro: drive even with the other cars (C17 s3.2), told from the console's RAM."""

import numpy as np

SPEED = 22  # of the RAM's bytes: 6 after a crash, 120 at most
CARS_AHEAD = slice(27, 34)  # one byte for each distance at which a car may be on the road, 0 where there is none
TRAFFIC_SPEED = 24.0  # at which the others drive: at 26 they are passed, at 22 they pass
SPEED_WIDTH = 12.0  # ours: half of the traffic's speed, so that nothing is paid at a crash and for half as fast again


def pace(observations: np.ndarray, actions: np.ndarray, ram: np.ndarray) -> np.ndarray:
    """Pace with the other cars, p_t = max(0, 1 - |v_t - 24| / 12): all of it with a car in sight, half of it alone.

    For `teacher.reward_function`. Passing pays nothing, nor does being passed. The bytes were found by trying: the
    speed by driving with and without gas, the others' by the speed at which no car was passed or passed by.

    Args:
        observations: not looked at.
        actions: `[clip_steps]`, not looked at.
        ram: `[clip_steps, 128]` uint8, after each action.

    Returns:
        `[clip_steps]`, from 0 to 1.
    """
    speed = ram[:, SPEED].astype(np.float64)
    even = np.maximum(0.0, 1.0 - np.abs(speed - TRAFFIC_SPEED) / SPEED_WIDTH)
    in_sight = (ram[:, CARS_AHEAD] != 0).any(axis=1)
    return even * np.where(in_sight, 1.0, 0.5)
