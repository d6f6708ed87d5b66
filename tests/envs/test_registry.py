"""Environments made by id: what they offer, which implementation is used, and what is said when they cannot be used."""

import subprocess
import sys
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from rlhp_ray.envs import (
    MovingDotVectorEnv,
    describe_env,
    episode_ends,
    evaluation_reset_options,
    make_env,
    make_vector_env,
    warn_if_ends_visible,
)
from rlhp_ray.errors import ConfigError, EnvironmentNotSupportedError


class OddSpaces(gym.Env):
    """An environment with the spaces it is told to have."""

    def __init__(self, observation_space=None, action_space=None):
        self.observation_space = observation_space or gym.spaces.Discrete(2)
        self.action_space = action_space or gym.spaces.Discrete(2)


@pytest.fixture
def odd_spaces():
    gym.register("OddSpaces-v0", OddSpaces, disable_env_checker=True)
    yield gym.registry["OddSpaces-v0"].kwargs
    del gym.registry["OddSpaces-v0"]


@pytest.mark.parametrize(
    ("env_id", "frame_skip", "episode_steps", "frame_stack", "native"),
    [
        ("rlhp/MovingDot-v0", None, 250, None, True),
        ("rlhp/MovingDot-v0", 1, 1000, None, True),
        ("rlhp/MovingDotPixels-v0", None, 250, 4, True),
        ("rlhp/MovingDotContinuous-v0", 8, 125, None, True),
        ("Pendulum-v1", None, 200, None, False),
        ("Pendulum-v1", 3, 67, None, False),
        ("CartPole-v1", None, 500, None, True),
        ("CartPole-v1", 2, 250, None, False),
    ],
)
def test_describe_env(env_id, frame_skip, episode_steps, frame_stack, native):
    description = describe_env(env_id, frame_skip=frame_skip)
    assert description.env_id == env_id
    assert (description.episode_steps, description.frame_stack) == (episode_steps, frame_stack)
    assert description.has_native_vector is native
    env = make_vector_env(env_id, 2, frame_skip=frame_skip)
    assert env.single_observation_space == description.observation_space
    assert env.single_action_space == description.action_space


@pytest.mark.parametrize(
    ("env_id", "frame_skip"), [("rlhp/MovingDot-v0", 1), ("rlhp/MovingDot-v0", 7), ("Pendulum-v1", 3)]
)
def test_episodes_are_as_long_as_described(env_id, frame_skip):
    expected = describe_env(env_id, frame_skip=frame_skip).episode_steps
    env = make_env(env_id, frame_skip=frame_skip)
    vector = make_vector_env(env_id, 2, frame_skip=frame_skip)
    env.reset(seed=0)
    vector.reset(seed=0)
    ends = [
        (env.step(env.action_space.sample())[3], vector.step(vector.action_space.sample())[3]) for _ in range(expected)
    ]
    assert [bool(single) for single, _ in ends] == [False] * (expected - 1) + [True]
    assert [both.tolist() for _, both in ends] == [[False, False]] * (expected - 1) + [[True, True]]


@pytest.mark.parametrize(
    ("env_id", "settings", "native"),
    [
        ("rlhp/MovingDot-v0", {}, True),
        ("rlhp/MovingDot-v0", {"horizon": 250}, True),
        ("rlhp/MovingDot-v0", {"horizon": 40, "frame_skip": 2}, True),
        ("rlhp/MovingDot-v0", {"horizon": 300}, False),
        ("CartPole-v1", {}, True),
        ("CartPole-v1", {"horizon": 200}, False),
        ("Acrobot-v1", {}, False),
    ],
)
def test_the_native_vector_environment_is_used_where_it_can(env_id, settings, native):
    env = make_vector_env(env_id, 2, **settings)
    assert isinstance(env.unwrapped, SyncVectorEnv) is not native
    assert env.num_envs == 2
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    if "MovingDot" in env_id and native:
        assert isinstance(env, MovingDotVectorEnv)


@pytest.mark.parametrize(
    ("env_id", "horizon"),
    [("rlhp/MovingDot-v0", 20), ("rlhp/MovingDot-v0", 260), ("Pendulum-v1", 210), ("Acrobot-v1", 30)],
)
def test_episodes_end_exactly_at_the_horizon(env_id, horizon):
    env = make_vector_env(env_id, 2, horizon=horizon)
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(2):
        for step in range(1, horizon + 1):
            _, _, terminations, truncations, _ = env.step(env.action_space.sample())
            assert not terminations.any()
            assert truncations.all() == truncations.any() == (step == horizon)
        rewards = env.step(env.action_space.sample())[1]  # the reset
        assert not rewards.any()


def test_a_horizon_switches_off_the_time_limit():
    env = make_vector_env("Pendulum-v1", 1, horizon=300)
    observation, _ = env.reset(seed=0)
    for _ in range(299):
        previous, observation = observation, env.step(np.zeros((1, 1), dtype=np.float32))[0]
        angle = np.arctan2(observation[0, 1], observation[0, 0]) - np.arctan2(previous[0, 1], previous[0, 0])
        assert abs((angle + np.pi) % (2 * np.pi) - np.pi) < 0.5  # swings on: no hidden reset at 200


def test_a_horizon_hides_cart_pole_falls_and_charges_for_them():
    env = make_vector_env("CartPole-v1", 4, horizon=100, termination_penalty=5.0)
    env.reset(seed=0)
    rewards, falls = [], 0
    for _ in range(100):
        observations, reward, terminations, _, _ = env.step(np.zeros(4, dtype=np.int64))  # falls in about 9 steps
        assert not terminations.any()
        assert (np.abs(observations[reward < 0]) <= 0.05).all()  # the first observation of the new game
        falls += (reward < 0).sum()
        rewards.append(reward)
    assert set(np.unique(rewards)) == {1.0, 1.0 - 5.0}
    assert 4 * 8 <= falls <= 4 * 13


def test_seeds_reproduce_a_horizon_with_hidden_resets():
    def rollout() -> np.ndarray:
        env = make_vector_env("CartPole-v1", 2, horizon=60)
        env.reset(seed=4)
        return np.stack([env.step(np.zeros(2, dtype=np.int64))[0] for _ in range(130)])

    np.testing.assert_array_equal(rollout(), rollout())


def test_single_environments_show_their_ends_and_render():
    env = make_env("CartPole-v1", render_mode="rgb_array")
    env.reset(seed=0)
    assert env.render().ndim == 3
    assert any(env.step(0)[2] for _ in range(12))
    dots = make_vector_env("rlhp/MovingDotPixels-v0", 3, render_mode="rgb_array")
    dots.reset(seed=0)
    assert [frame.shape for frame in dots.render()] == [(210, 160, 3)] * 3


def test_evaluation_starts_fit_the_vector_environment():
    for env_id in ("rlhp/MovingDot-v0", "rlhp/MovingDotPixels-v0", "rlhp/MovingDotContinuous-v0"):
        make_vector_env(env_id, 5).reset(options=evaluation_reset_options(env_id, 5))
    assert evaluation_reset_options("Pendulum-v1", 5) is None


@pytest.mark.parametrize(
    ("env_id", "suggestion"),
    [
        ("MovingDot-v0", "rlhp/MovingDot-v0"),
        ("rlhp/MovingDots-v0", "rlhp/MovingDot-v0"),
        ("pendulum", "Pendulum-v1"),
        ("CartPole-v7", "CartPole-v1"),
        ("ALE/Pon-v5", "ALE/Pong-v5"),
    ],
)
def test_an_unknown_id_gets_suggestions(env_id, suggestion):
    with pytest.raises(
        EnvironmentNotSupportedError, match=rf"Unknown environment '{env_id}'.*Did you mean.*{suggestion}"
    ):
        describe_env(env_id)


def test_an_id_like_nothing_says_where_to_look():
    with pytest.raises(EnvironmentNotSupportedError, match="pprint_registry"):
        make_vector_env("zzzzqqqq", 1)


@pytest.mark.parametrize(
    ("env_id", "module", "remedy"),
    [
        ("Ant-v5", "mujoco", r"gymnasium\[mujoco\]"),
        ("ALE/Pong-v5", "ale_py", "pip install ale-py"),
        ("no_such_module_at_all:Env-v0", "no_such_module_at_all", "pip install no_such_module_at_all"),
    ],
)
def test_a_missing_package_is_named(monkeypatch, env_id, module, remedy):
    monkeypatch.setitem(sys.modules, module, None)  # importing it fails
    for loaded in [name for name in sys.modules if name.startswith("gymnasium.envs.mujoco")]:
        monkeypatch.delitem(sys.modules, loaded)
    with pytest.raises(EnvironmentNotSupportedError, match=remedy):
        describe_env(env_id)


def test_atari_is_registered_on_demand():
    pytest.importorskip("ale_py")
    description = describe_env("ALE/Pong-v5", frame_skip=2)
    assert description.observation_space == gym.spaces.Box(0, 255, (84, 84, 4), np.uint8)
    assert (description.frame_stack, description.episode_steps) == (4, 1_000)
    assert description.has_native_vector and description.has_score_mask


@pytest.mark.parametrize(
    ("spaces", "message"),
    [
        (
            {"observation_space": gym.spaces.Text(3)},
            r"observations Text.*expected a Box, Discrete, MultiDiscrete",
        ),
        (
            {"action_space": gym.spaces.MultiDiscrete([2, 3])},
            r"actions MultiDiscrete.*expected a Discrete or a bounded",
        ),
        ({"action_space": gym.spaces.Box(-1, 1, (2, 2))}, r"shape \(2, 2\); expected one dimension"),
        ({"action_space": gym.spaces.Box(-np.inf, np.inf, (2,))}, r"expected one dimension and finite bounds"),
    ],
)
def test_unsupported_spaces_are_refused(odd_spaces, spaces, message):
    odd_spaces.update(spaces)
    with pytest.raises(EnvironmentNotSupportedError, match=message):
        describe_env("OddSpaces-v0")


@pytest.mark.parametrize("setting", ["frame_skip", "horizon", "num_envs"])
def test_settings_below_one_are_refused(setting):
    with pytest.raises(ConfigError, match=rf"env\.{setting} is 0; expected"):
        make_vector_env("CartPole-v1", **{"num_envs": 2, setting: 0})


def test_visible_ends_are_warned_of_once(monkeypatch):
    monkeypatch.setattr(episode_ends, "_warned_env_ids", set())
    cart_pole = describe_env("CartPole-v1")
    with pytest.warns(UserWarning, match=r"CartPole-v1 leaves the ends.*Set env\.horizon"):
        warn_if_ends_visible(cart_pole, None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_ends_visible(cart_pole, None)
        warn_if_ends_visible(describe_env("Acrobot-v1"), 100)
        warn_if_ends_visible(describe_env("rlhp/MovingDot-v0"), None)
        warn_if_ends_visible(describe_env("Pendulum-v1"), None)
    with pytest.warns(UserWarning, match="MountainCarContinuous-v0"):
        warn_if_ends_visible(describe_env("MountainCarContinuous-v0"), None)


def test_importing_the_package_is_light():
    code = "import sys, rlhp_ray.envs; print([m for m in ('torch', 'ray', 'ale_py', 'pygame') if m in sys.modules])"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert output.stdout.strip() == "[]"
