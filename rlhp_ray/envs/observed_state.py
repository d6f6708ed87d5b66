"""Environments whose state can be told from an observation, so that a clip of observations can be drawn again."""

from collections.abc import Callable

import numpy as np

PENDULUM = "Pendulum-v1"
MOVING_DOTS = ("rlhp/MovingDot-v0", "rlhp/MovingDotContinuous-v0")


def _as_it_is(observation: np.ndarray) -> np.ndarray:
    return observation


def _pendulum_state(observation: np.ndarray) -> np.ndarray:
    cosine, sine, velocity = observation
    return np.array([np.arctan2(sine, cosine), velocity])


def _acrobot_state(observation: np.ndarray) -> np.ndarray:
    first_cosine, first_sine, second_cosine, second_sine, *velocities = observation
    return np.array([np.arctan2(first_sine, first_cosine), np.arctan2(second_sine, second_cosine), *velocities])


STATES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "CartPole-v0": _as_it_is,
    "CartPole-v1": _as_it_is,
    "MountainCar-v0": _as_it_is,
    "MountainCarContinuous-v0": _as_it_is,
    PENDULUM: _pendulum_state,
    "Acrobot-v1": _acrobot_state,
}
"""From an observation of Gymnasium's classic control to `env.unwrapped.state`, by environment id."""


def can_draw(env_id: str) -> bool:
    """Whether clips of the environment can be drawn from their observations."""
    return env_id in STATES or env_id in MOVING_DOTS
