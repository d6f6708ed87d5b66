"""Per-member normalisation of rewards (C17 s2.2.1)."""

import numpy as np
import pytest

from rlhp_ray.reward.normalisation import RewardNormaliser


def test_by_hand():
    rewards = np.array([[1, 3], [10, 30]], np.float32)  # means 2 and 20, standard deviations 1 and 10
    normaliser = RewardNormaliser.from_rewards(rewards, scale=0.5)
    np.testing.assert_allclose(normaliser.normalised(np.array([[4, 2], [0, 25]], np.float32)), [[1, 0], [-1, 0.25]])
    np.testing.assert_allclose(normaliser(np.array([[4, 2], [0, 25]], np.float32)), [0, 0.125])


def test_every_member_gets_mean_zero_and_the_scale():
    rng = np.random.default_rng(0)
    rewards = rng.normal([[0], [1000], [-3]], [[1e-3], [5], [200]], (3, 4000)).astype(np.float32)
    normalised = RewardNormaliser.from_rewards(rewards, scale=0.05).normalised(rewards)
    np.testing.assert_allclose(normalised.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(normalised.std(axis=1), 0.05, rtol=1e-4)


def test_a_loud_member_does_not_drown_the_others():
    quiet = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    loud = 1e4 * np.random.default_rng(1).normal(size=1000).astype(np.float32)
    rewards = np.stack([quiet, loud])
    reward = RewardNormaliser.from_rewards(rewards, 1.0)(rewards)
    correlations = [np.corrcoef(reward, member)[0, 1] for member in rewards]
    assert correlations == pytest.approx([0.5**0.5, 0.5**0.5], abs=0.05)


@pytest.mark.parametrize("constant", [0.0, 0.1, -7.3])
def test_a_constant_member_adds_nothing_and_is_not_blown_up(constant):
    varied = np.random.default_rng(0).normal(size=200).astype(np.float32)
    rewards = np.stack([varied, np.full(200, constant, np.float32)])
    normaliser = RewardNormaliser.from_rewards(rewards, 1.0)
    normalised = normaliser.normalised(rewards)
    assert np.isfinite(normalised).all() and np.abs(normalised[1]).max() < 1e-6
    np.testing.assert_allclose(normaliser(rewards), normalised[0] / 2, atol=1e-6)


def test_the_identity_averages_and_scales():
    rewards = np.array([[1, 2], [3, 6]], np.float32)
    reward = RewardNormaliser.identity(2, scale=0.1)(rewards)
    assert reward.dtype == np.float32
    np.testing.assert_allclose(reward, [0.2, 0.4])


def test_rewards_of_another_number_of_members_are_refused():
    with pytest.raises(AssertionError):
        RewardNormaliser.identity(3, 1.0)(np.zeros((2, 5)))
