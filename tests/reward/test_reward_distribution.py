"""Where rewards lie, how far a fit moved them, and what was gained: by hand, and whatever the zero and the unit are."""

import math

import numpy as np
import pytest

from rlhp_ray.reward.normalisation import RewardNormaliser
from rlhp_ray.reward.reward_distribution import QUANTILES, MemberRewards, NormaliserDrift, predicted_gain


def test_members_have_raw_moments_and_normalised_quantiles():
    raw = np.array([[0.0, 1.0, 2.0, 3.0, 4.0], [10.0, 10.0, 10.0, 10.0, 20.0]])
    found = MemberRewards.of(raw, RewardNormaliser.from_rewards(raw, scale=0.5))
    np.testing.assert_allclose(found.mean, [2, 12])
    np.testing.assert_allclose(found.std, [math.sqrt(2), 4])
    assert found.quantiles.shape == (2, len(QUANTILES))
    # Of 0 to 4 the quantiles are 0.2, 1, 2, 3 and 3.8; less 2, in halves of sqrt(2).
    np.testing.assert_allclose(found.quantiles[0], np.array([-1.8, -1, 0, 1, 1.8]) / math.sqrt(2) / 2)
    np.testing.assert_allclose(found.quantiles[1, :4], -0.25)


def test_drift_by_hand():
    before = np.array([[-1.0, 1.0], [0.0, 4.0]])
    after = np.array([[1.0, 5.0], [1.0, 2.0]])
    found = NormaliserDrift.between(before, after)
    np.testing.assert_allclose(found.mean, [3 / 1, (1.5 - 2) / 2])
    np.testing.assert_allclose(found.std, [(2 - 1) / 1, (0.5 - 2) / 2])


def test_the_same_rewards_have_not_drifted():
    rewards = np.random.default_rng(0).normal(5, 2, (3, 40)).astype(np.float32)
    found = NormaliserDrift.between(rewards, rewards)
    assert not found.mean.any() and not found.std.any()


@pytest.mark.parametrize("unit, zero", [(10.0, 0.0), (1.0, 100.0), (0.01, -3.0)])
def test_drift_does_not_depend_on_the_unit_or_the_zero_of_the_reward(unit, zero):
    rng = np.random.default_rng(0)
    before, after = rng.normal(0, 1, (3, 40)), rng.normal(1, 2, (3, 40))
    expected, found = (
        NormaliserDrift.between(*pair) for pair in ((before, after), (unit * before + zero, unit * after + zero))
    )
    np.testing.assert_allclose(found.mean, expected.mean)
    np.testing.assert_allclose(found.std, expected.std)


def test_a_constant_member_drifts_by_a_finite_distance():
    found = NormaliserDrift.between(np.zeros((1, 5)), np.ones((1, 5)))
    assert np.isfinite(found.mean).all() and found.mean[0] > 1


def test_gain_by_hand():
    assert predicted_gain(np.array([5.0, 7.0]), np.array([0.0, 4.0])) == pytest.approx((6 - 2) / 2)


@pytest.mark.parametrize("unit, zero", [(10.0, 0.0), (1.0, 100.0), (0.01, -3.0)])
def test_gain_does_not_depend_on_how_a_version_is_normalised(unit, zero):
    rng = np.random.default_rng(0)
    fresh, reference = rng.normal(2, 1, 64), rng.normal(0, 1, 32)
    assert predicted_gain(unit * fresh + zero, unit * reference + zero) == pytest.approx(
        predicted_gain(fresh, reference)
    )


@pytest.mark.parametrize("fresh, reference", [([], [1.0, 2.0]), ([1.0], []), ([1.0, 3.0], [2.0, 2.0])])
def test_without_clips_or_spread_there_is_no_gain(fresh, reference):
    assert math.isnan(predicted_gain(np.array(fresh), np.array(reference)))
