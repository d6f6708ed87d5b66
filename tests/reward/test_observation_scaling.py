"""What networks get to see of observations and actions."""

import json
import math

import gymnasium as gym
import numpy as np
import pytest

from rlhp_ray.errors import EnvironmentNotSupportedError
from rlhp_ray.reward.observation_scaling import ObservationScaling, action_size, encode_actions

CART_POLE = gym.make("CartPole-v1").observation_space  # positions and angles have bounds, velocities have none
FRAMES = gym.spaces.Box(0, 255, (44, 43, 4), np.uint8)
LEANING = gym.spaces.Box(np.array([0, -4], np.float32), np.array([1, 12], np.float32))


def untrained_observations() -> np.ndarray:
    return np.random.default_rng(0).normal([0.1, 3, -0.1, -50], [1, 2, 0.1, 9], (500, 4)).astype(np.float32)


def test_bounds_become_minus_one_and_one():
    scaling = ObservationScaling.from_space(LEANING)
    assert not scaling.needs_data
    observations = np.array([[0, -4], [1, 12], [0.5, 4], [0.25, 8]], np.float32)
    scaled = scaling(observations)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, [[-1, -1], [1, 1], [0, 0], [-0.5, 0.5]], atol=1e-7)


def test_several_axes_are_flattened_in_order():
    scaling = ObservationScaling.from_space(gym.spaces.Box(0, 255, (2, 3), np.uint8))
    observations = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    np.testing.assert_allclose(scaling(observations), (np.arange(12).reshape(2, 6) - 127.5) / 127.5, atol=1e-6)


def test_a_discrete_observation_is_one_hot_from_its_start():
    scaling = ObservationScaling.from_space(gym.spaces.Discrete(3, start=5))
    scaled = scaling(np.array([5, 7, 6]))
    assert scaled.dtype == np.float32 and scaled.tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]


def test_bytes_stay_as_they_came():
    scaling = ObservationScaling.from_space(FRAMES)
    frames = np.random.default_rng(0).integers(0, 256, (3, 44, 43, 4), dtype=np.uint8)
    scaled = scaling(frames)
    assert scaled.dtype == np.uint8 and not scaling.needs_data
    np.testing.assert_array_equal(scaled, frames)


@pytest.mark.parametrize("shape", [(42, 84, 4), (84, 42, 4), (7, 7, 3)])
def test_images_too_small_for_the_convolutions_are_vectors(shape):
    scaling = ObservationScaling.from_space(gym.spaces.Box(0, 255, shape, np.uint8))
    frames = np.random.default_rng(0).integers(0, 256, (2, *shape), dtype=np.uint8)
    assert not scaling.needs_data and scaling.scaled_space.shape == (math.prod(shape),)
    np.testing.assert_allclose(scaling(frames), frames.reshape(2, -1) / 127.5 - 1, atol=1e-6)


@pytest.mark.parametrize("space", [CART_POLE, LEANING, FRAMES, gym.spaces.Discrete(4, start=1)], ids=str)
def test_scaled_observations_lie_in_the_scaled_space(space):
    scaling = ObservationScaling.from_space(space)
    space.seed(0)
    scaled = scaling(np.array([space.sample() for _ in range(5)]))
    assert all(scaling.scaled_space.contains(row) for row in scaled)


def test_entries_without_bounds_are_fitted_and_those_with_bounds_are_not():
    scaling = ObservationScaling.from_space(CART_POLE)
    assert scaling.needs_data and scaling.unbounded.tolist() == [False, True, False, True]
    observations = untrained_observations()
    fitted = scaling.fitted_to(observations)
    scaled = fitted(observations)
    np.testing.assert_allclose(scaled[:, [1, 3]].mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(scaled[:, [1, 3]].std(axis=0), 1, atol=1e-4)
    np.testing.assert_allclose(scaled[:, [0, 2]], observations[:, [0, 2]] / CART_POLE.high[[0, 2]], rtol=1e-5)


def test_an_entry_with_one_bound_has_no_sensible_range_and_is_fitted():
    space = gym.spaces.Box(np.array([0.0], np.float32), np.array([np.inf], np.float32))
    fitted = ObservationScaling.from_space(space).fitted_to(np.array([[10.0], [30.0]]))
    np.testing.assert_allclose(fitted(np.array([[10.0], [20.0], [30.0]])), [[-1], [0], [1]])


def test_fitting_takes_clips_of_several_axes():
    space = gym.spaces.Box(-np.inf, np.inf, (2, 2), np.float32)
    observations = np.random.default_rng(0).normal(7, 3, (100, 2, 2)).astype(np.float32)
    scaled = ObservationScaling.from_space(space).fitted_to(observations)(observations)
    np.testing.assert_allclose(scaled.mean(axis=0), np.zeros(4), atol=1e-5)


def test_statistics_are_fixed_once_fitted():
    fitted = ObservationScaling.from_space(CART_POLE).fitted_to(untrained_observations())
    assert not fitted.needs_data
    again = fitted.fitted_to(100 * untrained_observations())
    np.testing.assert_array_equal(again.offset, fitted.offset)
    np.testing.assert_array_equal(again.scale, fitted.scale)


def test_fitting_leaves_the_unfitted_scaling_alone():
    scaling = ObservationScaling.from_space(CART_POLE)
    scaling.fitted_to(untrained_observations())
    assert scaling.needs_data and scaling.offset.tolist() == [0, 0, 0, 0]


def test_an_entry_that_did_not_move_while_untrained_is_not_blown_up_later():
    space = gym.spaces.Box(-np.inf, np.inf, (2,), np.float32)
    observations = np.stack([np.random.default_rng(0).normal(size=50), np.zeros(50)], axis=1)
    fitted = ObservationScaling.from_space(space).fitted_to(observations)
    assert fitted.scale[1] == 1 and fitted(np.array([[0.0, 1.0]]))[0, 1] == 1


@pytest.mark.parametrize(
    "scaling",
    [
        ObservationScaling.from_space(CART_POLE),
        ObservationScaling.from_space(CART_POLE).fitted_to(untrained_observations()),
        ObservationScaling.from_space(gym.spaces.Discrete(4, start=-2)),
        ObservationScaling.from_space(FRAMES),
    ],
    ids=["unfitted", "fitted", "one-hot", "bytes"],
)
def test_scaling_survives_json(scaling):
    loaded = ObservationScaling.from_dict(json.loads(json.dumps(scaling.to_dict())))
    assert (loaded.kind, loaded.size, loaded.shape, loaded.start) == (
        scaling.kind,
        scaling.size,
        scaling.shape,
        scaling.start,
    )
    for name in ("offset", "scale", "unbounded"):
        before, after = getattr(scaling, name), getattr(loaded, name)
        assert (before is None) == (after is None)
        if before is not None:
            assert after.dtype == before.dtype
            np.testing.assert_array_equal(after, before)


def test_other_spaces_are_refused_with_a_remedy():
    with pytest.raises(EnvironmentNotSupportedError, match="make_env, which turns observations"):
        ObservationScaling.from_space(gym.spaces.Dict({"a": gym.spaces.Discrete(2)}))


def test_discrete_actions_are_one_hot_from_their_start():
    space = gym.spaces.Discrete(3, start=2)
    encoded = encode_actions(np.array([4, 2]), space)
    assert encoded.dtype == np.float32 and encoded.tolist() == [[0, 0, 1], [1, 0, 0]]
    assert action_size(space) == 3


def test_continuous_actions_are_scaled_from_their_bounds():
    space = gym.spaces.Box(np.array([-2, 0], np.float32), np.array([2, 10], np.float32))
    encoded = encode_actions(np.array([[-2, 0], [2, 10], [1, 5]], np.float32), space)
    assert encoded.dtype == np.float32 and encoded.tolist() == [[-1, -1], [1, 1], [0.5, 0]]
    assert action_size(space) == 2


def test_an_action_entry_that_cannot_vary_is_encoded_as_a_number():
    space = gym.spaces.Box(np.array([3, -1], np.float32), np.array([3, 1], np.float32))
    assert encode_actions(np.array([[3, 0.5]], np.float32), space).tolist() == [[0, 0.5]]


def test_a_scaling_becomes_itself_and_what_it_is_fitted_to():
    half_open = gym.spaces.Box(np.array([-1, -np.inf], np.float32), np.array([1, np.inf], np.float32))
    fresh = ObservationScaling.from_space(half_open)
    fitted, other = (fresh.fitted_to(np.array([[0, mean - 1], [0, mean + 1]])) for mean in (3, 5))
    assert fresh.becomes(fresh) and fresh.becomes(fitted) and fitted.becomes(fitted)
    assert not fitted.becomes(other) and not fitted.becomes(fresh)


@pytest.mark.parametrize(
    "space",
    [
        gym.spaces.Box(-1.0, 2.0, (2,), np.float32),
        gym.spaces.Box(-1.0, 1.0, (3,), np.float32),
        gym.spaces.Discrete(2),
        gym.spaces.Box(0, 255, (84, 84, 4), np.uint8),
    ],
)
def test_a_scaling_does_not_become_that_of_another_space(space):
    scaling = ObservationScaling.from_space(gym.spaces.Box(-1.0, 1.0, (2,), np.float32))
    other = ObservationScaling.from_space(space)
    assert not scaling.becomes(other) and not other.becomes(scaling)
    assert other.becomes(ObservationScaling.from_space(space))
