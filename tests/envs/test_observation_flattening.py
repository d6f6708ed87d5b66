"""Observations of several parts reach everything downstream as one vector; what is no vector is refused by name."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, Graph, MultiBinary, MultiDiscrete, OneOf, Sequence, Text, Tuple
from gymnasium.vector import SyncVectorEnv

from rlhp_ray.envs import describe_env, make_env, make_vector_env
from rlhp_ray.errors import EnvironmentNotSupportedError
from rlhp_ray.reward.observation_scaling import ObservationScaling

LAST_STEP = 3
FLOATS = Box(-np.inf, np.inf, (2,), np.float32)
PARTS = {
    "dict": (
        Dict({"season": Discrete(3, start=1), "place": FLOATS}),
        {"season": 2, "place": np.array([0.5, -7.25], np.float32)},
        np.float64,
        [0.5, -7.25, 0, 1, 0],  # Gymnasium sorts the keys of a plain dict
    ),
    "multi_discrete": (
        MultiDiscrete([2, 3], start=[0, 5]),
        np.array([1, 7]),
        np.int64,
        [0, 1, 0, 0, 1],
    ),
    "multi_binary": (MultiBinary((2, 2)), np.array([[1, 0], [0, 1]], np.int8), np.int8, [1, 0, 0, 1]),
    "nested": (
        Tuple((Dict({"hand": Tuple((Discrete(2), Box(0, 255, (2,), np.uint8)))}), MultiBinary(2))),
        ({"hand": (1, np.array([3, 255], np.uint8))}, np.array([0, 1], np.int8)),
        np.int64,
        [0, 1, 3, 255, 0, 1],
    ),
    "small_bytes": (Tuple((Box(-9, 200, (1,), np.int16), MultiBinary(1))), ([-3], [1]), np.int16, [-3, 1]),
}


class OfParts(gym.Env):
    """Shows what it is told to; terminates at its third step."""

    action_space = Discrete(2)

    def __init__(self, observation_space, observation):
        self.observation_space, self._observation = observation_space, observation
        self.closed = False
        OfParts.latest = self

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._steps = 0
        return self._observation, {}

    def step(self, action):
        self._steps += 1
        return self._observation, 1.0, self._steps == LAST_STEP, False, {}

    def close(self):
        self.closed = True


def native_vector(num_envs, **kwargs):
    return SyncVectorEnv([lambda: OfParts(**kwargs)] * num_envs)


@pytest.fixture
def register():
    """Registers an environment with these observations, and forgets it afterwards."""

    def make(observation_space, observation=None, **settings) -> str:
        kwargs = {"observation_space": observation_space, "observation": observation}
        gym.register("OfParts-v0", OfParts, kwargs=kwargs, disable_env_checker=True, **settings)
        return "OfParts-v0"

    yield make
    del gym.registry["OfParts-v0"]


@pytest.mark.parametrize(("space", "observation", "dtype", "expected"), PARTS.values(), ids=PARTS)
@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        ({}, {}),
        ({}, {"frame_skip": 2}),
        ({"max_episode_steps": 9}, {"horizon": 2}),
        ({"vector_entry_point": native_vector}, {}),
    ],
    ids=["plain", "frame_skip", "horizon", "native"],
)
def test_parts_become_one_vector_however_the_environment_is_made(
    register, space, observation, dtype, expected, settings, asked
):
    env_id = register(space, observation, **settings)
    flat = describe_env(env_id).observation_space
    assert (flat.shape, flat.dtype) == ((len(expected),), dtype)
    env = make_env(env_id)
    assert env.observation_space == flat
    for seen in (env.reset(seed=0)[0], env.step(0)[0]):
        assert seen.tolist() == expected and flat.contains(seen)
    vector = make_vector_env(env_id, 2, **asked)
    assert vector.single_observation_space == flat
    seen = [vector.reset(seed=0)[0], *(vector.step(np.zeros(2, int))[0] for _ in range(LAST_STEP + 2))]
    assert all(observations.tolist() == [expected] * 2 for observations in seen)
    assert {observations.dtype for observations in seen} == {np.dtype(dtype)}


def test_bounds_stay_those_of_the_parts_and_scaling_owns_the_units(register):
    place = Box(np.array([-np.inf, 0], np.float32), np.array([np.inf, 10], np.float32))
    counts = Box(-np.inf, np.inf, (1,), np.int64)
    env_id = register(Dict({"counts": counts, "place": place, "season": Discrete(2)}))
    scaling = ObservationScaling.from_space(describe_env(env_id).observation_space)
    assert scaling.unbounded.tolist() == [True, True, False, False, False]
    scaled = scaling.fitted_to(np.array([[100, 4, 5, 0, 1], [300, 6, 5, 0, 1]], np.float64))
    np.testing.assert_allclose(scaled(np.array([[300, 4, 10, 1, 0]], np.float64)), [[1, -1, 1, 1, -1]])


def test_an_environment_of_gymnasiums_own():
    description = describe_env("Blackjack-v1")
    assert description.observation_space == Box(0, 1, (32 + 11 + 2,), np.int64)


@pytest.mark.parametrize("env_id", ["CartPole-v1", "FrozenLake-v1", "rlhp/MovingDotPixels-v0"])
def test_other_observations_stay_as_they_are(env_id):
    spec = gym.spec(env_id)
    with make_env(env_id) as env, spec.make() as plain:
        assert env.observation_space == plain.observation_space


@pytest.mark.parametrize(
    ("space", "part"),
    [
        (Dict({"camera": Box(0, 255, (64, 64, 3), np.uint8), "speed": FLOATS}), r"\['camera'\] is an image"),
        (Tuple((FLOATS, Dict({"note": Text(5)}))), r"\[1\]\['note'\] is a Text"),
        (Tuple((FLOATS, Sequence(Discrete(2)))), r"\[1\] is a Sequence"),
        (Dict({"map": Graph(Discrete(2), None)}), r"\['map'\] is a Graph"),
        (Dict({"either": OneOf((FLOATS, Discrete(2)))}), r"\['either'\] is a OneOf"),
        (Dict({"hand": Dict({})}), r"\['hand'\] is empty"),
        (Dict({}), "the whole is empty"),
        (Tuple((Box(0, 1, (0,)),)), r"\[0\] is empty"),
    ],
)
@pytest.mark.parametrize("settings", [{}, {"vector_entry_point": native_vector}], ids=["single", "native"])
def test_a_part_that_is_no_vector_is_refused_by_its_name(register, space, part, settings):
    env_id = register(space, **settings)
    for make in (describe_env, lambda name: make_vector_env(name, 2)):
        with pytest.raises(
            EnvironmentNotSupportedError,
            match=rf"'OfParts-v0' has observations .*, of which {part}; expected a Dict or Tuple of .*Leave that part",
        ):
            make(env_id)
        assert OfParts.latest.closed
