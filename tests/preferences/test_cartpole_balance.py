"""How well CartPole is balanced, against the geometry and against falls in Gymnasium's own."""

import gymnasium as gym
import numpy as np
import pytest

from rlhp_ray.envs.fixed_horizon import FixedHorizon
from rlhp_ray.preferences.cartpole_balance import FALL_COST, balance


@pytest.mark.parametrize(
    ("position", "degrees", "reward"), [(0, 0, 0), (2.4, 0, -1), (-1.2, 0, -0.25), (0, 12, -1), (1.2, -6, -0.5)]
)
def test_reward_of_known_postures(position, degrees, reward):
    observation = np.array([[position, 9.0, np.radians(degrees), -9.0]])
    assert balance(observation, np.zeros(1)) == pytest.approx([reward])


def test_every_hidden_fall_costs_and_nothing_else_does():
    env = FixedHorizon(gym.make("CartPole-v1").unwrapped, 2000, termination_penalty=1.0)
    observation, _ = env.reset(seed=0)
    rng = np.random.default_rng(0)
    observations, falls = [], []
    for _ in range(2000):
        observations.append(observation)
        observation, reward, *_ = env.step(int(rng.integers(2)))
        falls.append(reward < 0.5)  # the penalty of a fall
    rewards = balance(np.array(observations), np.zeros(2000))
    postures = np.array([balance(one[None], np.zeros(1))[0] for one in observations])
    assert sum(falls) > 50
    falls[-1] = False  # what came of the last step is not in the clip
    np.testing.assert_allclose(postures - rewards, FALL_COST * np.array(falls), atol=1e-6)


def test_a_fall_off_the_track_costs_too():
    observations = np.zeros((3, 4))
    observations[:2, 0] = (2.35, 2.41)
    costs = -balance(observations, np.zeros(3)) - np.square(observations[:, 0] / 2.4)
    np.testing.assert_allclose(costs, [0, FALL_COST, 0])
