"""What a round says of the predictor, against the same figures taken step by step."""

import math

import numpy as np
import pytest
import torch

from rlhp_ray.clips.clip import ClipArrays
from rlhp_ray.reward.bradley_terry import RESPONSE_ERROR
from rlhp_ray.reward.calibration import held_out_calibration
from rlhp_ray.reward.ensemble import RewardEnsemble
from rlhp_ray.reward.labelled_pairs import LabelledPairs
from rlhp_ray.reward.round_diagnosis import CALIBRATION_LABELS, DRIFT_CLIPS, RoundDiagnosis, RoundDiagnostics

CLIP_STEPS = 4


def clips(count: int, seed: int) -> ClipArrays:
    rng = np.random.default_rng(seed)
    observations = rng.uniform(-1, 1, (count, CLIP_STEPS, 3)).astype(np.float32)
    return ClipArrays(observations, rng.integers(0, 2, (count, CLIP_STEPS)))


def labels(count: int) -> LabelledPairs:
    mu = np.random.default_rng(9).integers(0, 2, count).astype(np.float32)
    return LabelledPairs(clips(count, 10), clips(count, 11), mu, np.arange(count), np.ones(count, np.float32))


RECENT, FRESH, REFERENCE = clips(50, 1), clips(20, 2), clips(10, 3)


@pytest.fixture
def ensemble(make_spec) -> RewardEnsemble:
    """Of a published version."""
    made = RewardEnsemble(make_spec())
    made.publish(1, made.member_rewards_of_clips(RECENT))
    return made


def shift(ensemble: RewardEnsemble, by: float) -> None:
    """Every member gives every step so much more."""
    last = [value for value in ensemble.network.parameters()][-1]
    before = ensemble.member_rewards_of_clips(FRESH)
    with torch.no_grad():
        last += by
    np.testing.assert_allclose(ensemble.member_rewards_of_clips(FRESH), before + by, atol=1e-5)


def after_fit(ensemble, fit=lambda: None, fresh=FRESH, reference=REFERENCE, pairs=None) -> RoundDiagnostics:
    diagnosis = RoundDiagnosis(ensemble, RECENT, RESPONSE_ERROR)
    fit()
    raw = ensemble.member_rewards_of_clips(RECENT)
    ensemble.publish(ensemble.version + 1, raw)
    return diagnosis.finished(raw, fresh, reference, pairs, seed=0)


def paid(ensemble: RewardEnsemble, seen: ClipArrays) -> np.ndarray:
    """Return of each clip, step by step as env runners pay it."""
    steps = zip(seen.observations, seen.actions, strict=True)
    return np.array([ensemble.rewards(observations, actions).sum() for observations, actions in steps])


def test_returns_are_what_the_policy_would_be_paid_by_the_new_version(ensemble):
    found = after_fit(ensemble, lambda: shift(ensemble, 2.0))
    np.testing.assert_allclose(found.fresh_returns, paid(ensemble, FRESH), atol=1e-4)  # float32, summed in other orders
    reference = paid(ensemble, REFERENCE)
    expected = (paid(ensemble, FRESH).mean() - reference.mean()) / reference.std()
    assert found.gain == pytest.approx(expected, rel=1e-4)


def test_a_shift_of_every_reward_is_drift_and_no_gain(ensemble):
    std = ensemble.member_rewards_of_clips(RECENT)[:, :DRIFT_CLIPS].reshape(3, -1).std(axis=1)
    still, moved = after_fit(ensemble), after_fit(ensemble, lambda: shift(ensemble, 2.0))
    assert not still.drift.mean.any() and not still.drift.std.any()
    np.testing.assert_allclose(moved.drift.mean, 2.0 / std, rtol=1e-4)
    np.testing.assert_allclose(moved.drift.std, 0, atol=1e-4)
    assert moved.gain == pytest.approx(still.gain, abs=1e-4)
    np.testing.assert_allclose(moved.members.mean, still.members.mean + 2, rtol=1e-4)
    np.testing.assert_allclose(moved.members.quantiles, still.members.quantiles, atol=1e-4)


def test_the_first_version_drifts_from_nothing(make_spec):
    assert after_fit(RewardEnsemble(make_spec())).drift is None


def test_calibration_is_of_the_newest_labels(ensemble):
    pairs = labels(CALIBRATION_LABELS + 30)
    found = after_fit(ensemble, pairs=pairs).calibration
    expected = held_out_calibration(ensemble, pairs.without_oldest(30), 0, RESPONSE_ERROR)
    np.testing.assert_array_equal(found.count, expected.count)
    assert found.error == expected.error
    few = after_fit(ensemble, pairs=labels(5)).calibration
    assert few.count.sum() == held_out_calibration(ensemble, labels(5), 0, RESPONSE_ERROR).count.sum()


def test_observations_are_those_that_the_networks_are_given(ensemble):
    found = after_fit(ensemble).observations
    flat = FRESH.observations.reshape(-1, 3)
    assert found.count == len(flat)
    np.testing.assert_allclose(found.mean, ensemble.scaling(flat).mean(axis=0), atol=1e-6)


def test_without_clips_and_labels_the_rest_is_still_told(ensemble):
    found = after_fit(ensemble, fresh=None, reference=None)
    assert len(found.fresh_returns) == 0 and math.isnan(found.gain)
    assert found.observations is None and found.calibration is None
    assert np.isfinite(found.members.mean).all() and found.drift is not None
