"""The height of Acrobot's free end, against the geometry."""

import gymnasium as gym
import numpy as np
import pytest

from rlhp_ray.preferences.acrobot_height import tip_height


@pytest.mark.parametrize(
    ("upper", "lower", "height"),
    [(0, 0, -2.0), (np.pi, 0, 2.0), (np.pi / 2, 0, 0.0), (np.pi / 2, np.pi / 2, 1.0), (0, np.pi, 0.0)],
)
def test_height_of_known_postures(upper, lower, height):
    observation = [np.cos(upper), np.sin(upper), np.cos(lower), np.sin(lower), 0, 0]
    assert tip_height(np.array([observation]), np.zeros(1)) == pytest.approx([height], abs=1e-9)


def test_the_goal_is_where_gymnasium_ends_the_game():
    env = gym.make("Acrobot-v1").unwrapped
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    for upper, lower in rng.uniform(-np.pi, np.pi, (200, 2)):
        env.state = np.array([upper, lower, 0, 0])
        assert (tip_height(env._get_ob()[None], np.zeros(1))[0] > 1) == env._terminal()
