"""FrameSkip and FixedHorizon around environments with known ends."""

import gymnasium as gym
import numpy as np
import pytest

from rlhp_ray.envs import FixedHorizon, FrameSkip
from rlhp_ray.errors import ConfigError


class Countdown(gym.Env):
    """Pays the number of the step, starting from a random 'game', and ends after `length` steps."""

    observation_space = gym.spaces.Box(0, 1e9, (2,), np.float64)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, length: int, end: str = "terminate"):
        self.length, self.end, self.seeds = length, end, []

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.seeds.append(seed)
        self.step_number, self.game = 0, float(self.np_random.integers(1_000_000))
        return np.array([self.game, 0.0]), {"reset": True}

    def step(self, action):
        self.step_number += 1
        ended = self.step_number == self.length
        observation = np.array([self.game, self.step_number])
        terminated, truncated = ended and self.end == "terminate", ended and self.end == "truncate"
        return observation, float(self.step_number), terminated, truncated, {"step": self.step_number}


def test_frame_skip_repeats_and_sums():
    env = FrameSkip(Countdown(10), 3)
    env.reset(seed=0)
    observation, reward, terminated, truncated, info = env.step(0)
    assert (observation[1], reward, terminated, truncated, info) == (3, 1 + 2 + 3, False, False, {"step": 3})


@pytest.mark.parametrize("end", ["terminate", "truncate"])
def test_frame_skip_stops_at_an_end(end):
    env = FrameSkip(Countdown(4, end), 3)
    env.reset(seed=0)
    env.step(0)
    observation, reward, terminated, truncated, _ = env.step(0)
    assert (observation[1], reward) == (4, 4)
    assert (terminated, truncated) == (end == "terminate", end == "truncate")


def test_fixed_horizon_hides_ends_and_charges_terminations():
    env = FixedHorizon(Countdown(3), horizon=7, termination_penalty=10)
    first, _ = env.reset(seed=0)
    steps = [env.step(0) for _ in range(7)]
    assert [step[1] for step in steps] == [1, 2, 3 - 10, 1, 2, 3 - 10, 1]
    assert [step[0][1] for step in steps] == [1, 2, 0, 1, 2, 0, 1]  # 0: the first observation of a new game
    assert not any(step[2] for step in steps)
    assert [step[3] for step in steps] == [False] * 6 + [True]
    assert steps[2][4] == {"step": 3}
    assert steps[2][0][0] != first[0]  # another game: the reset continued the generator
    assert env.unwrapped.seeds == [0, None, None]


def test_fixed_horizon_hides_truncations_without_a_penalty():
    env = FixedHorizon(Countdown(3, "truncate"), horizon=4, termination_penalty=10)
    env.reset(seed=0)
    steps = [env.step(0) for _ in range(4)]
    assert [step[1] for step in steps] == [1, 2, 3, 1]
    assert [step[3] for step in steps] == [False, False, False, True]


def test_an_end_at_the_horizon_shows_no_terminal_observation():
    env = FixedHorizon(Countdown(3), horizon=3, termination_penalty=1)
    env.reset(seed=0)
    observation, reward, terminated, truncated, _ = [env.step(0) for _ in range(3)][-1]
    assert (observation[1], reward, terminated, truncated) == (0, 2, False, True)


def test_fixed_horizon_counts_anew_after_a_reset():
    env = FixedHorizon(Countdown(100), horizon=3)
    for _ in range(2):
        env.reset()
        assert [env.step(0)[3] for _ in range(3)] == [False, False, True]


@pytest.mark.parametrize(("wrapper", "key"), [(FrameSkip, "frame_skip"), (FixedHorizon, "horizon")])
def test_lengths_below_one_are_refused(wrapper, key):
    with pytest.raises(ConfigError, match=rf"env\.{key} is 0; expected"):
        wrapper(Countdown(3), 0)
