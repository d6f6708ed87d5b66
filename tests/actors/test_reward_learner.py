"""The class behind the actor, without Ray: when a version is fitted, and when it stays as it is."""

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlhp_ray.actors.preference_buffer import RoundData
from rlhp_ray.actors.reward_learner import FitSettings, RewardLearner
from rlhp_ray.clips.clip import ClipArrays
from rlhp_ray.reward.ensemble import EnsembleSpec, RewardEnsemble
from rlhp_ray.reward.fit_recipe import FitRecipe
from rlhp_ray.reward.labelled_pairs import LabelledPairs
from rlhp_ray.reward.network_spec import NetworkSpec
from rlhp_ray.reward.observation_scaling import ObservationScaling

SPACE, BUTTONS = gym.spaces.Box(-1.0, 1.0, (3,), np.float32), gym.spaces.Discrete(2)
SPEC = EnsembleSpec(SPACE, BUTTONS, 3, NetworkSpec("mlp", (16,)), ObservationScaling.from_space(SPACE), 1.0, 0)


def clips(count: int, seed: int) -> ClipArrays:
    rng = np.random.default_rng(seed)
    return ClipArrays(rng.uniform(-1, 1, (count, 5, 3)).astype(np.float32), rng.integers(0, 2, (count, 5)))


@pytest.fixture
def learner():
    threads = torch.get_num_threads()
    plain_class = RewardLearner.__ray_metadata__.modified_class
    yield plain_class(SPEC, FitSettings(0.01, 32, 3, 2, None, FitRecipe()), 0, None)
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)


@pytest.fixture
def loaded(learner):
    """A learner that starts from a learnt reward of version 7."""
    ensemble = RewardEnsemble(SPEC)
    published = ensemble.publish(7, ensemble.member_rewards_of_clips(clips(20, seed=1)))
    learner.load_published(published)
    return learner, published


def is_same(first, second) -> bool:
    weights = all(np.array_equal(first.weights[name], second.weights[name]) for name in first.weights)
    return weights and np.array_equal(first.normaliser.mean, second.normaliser.mean)


def test_a_loaded_reward_without_labels_stays_as_it_is(loaded):
    learner, published = loaded
    fitted = learner.fit_round(RoundData(None, clips(20, seed=2)))
    assert fitted.metrics is None
    assert fitted.published.version == 7 and is_same(fitted.published, published)
    assert fitted.recent_reward_mean != pytest.approx(0, abs=1e-4), "the clips are others than it was normalised over"


def test_a_loaded_reward_is_fitted_to_labels(loaded):
    learner, published = loaded
    pairs = LabelledPairs(clips(8, 3), clips(8, 4), np.ones(8, np.float32), np.arange(8), np.ones(8, np.float32))
    fitted = learner.fit_round(RoundData(pairs, clips(20, seed=2)))
    assert fitted.published.version == 8 and not is_same(fitted.published, published)
    assert fitted.recent_reward_mean == pytest.approx(0, abs=1e-4)


def test_a_first_version_is_normalised_even_without_labels(learner):
    fitted = learner.fit_round(RoundData(None, clips(20, seed=2)))
    assert fitted.published.version == 1
    assert fitted.recent_reward_mean == pytest.approx(0, abs=1e-4)


def test_labels_to_start_with_are_fitted_in_the_first_round(learner):
    pairs = LabelledPairs(clips(8, 3), clips(8, 4), np.ones(8, np.float32), np.arange(8), np.ones(8, np.float32))
    learner.add_pairs(RoundData(pairs, None))
    assert learner.fit_round(RoundData(None, clips(20, seed=2))).metrics.num_labels == 8


def test_a_round_says_what_it_did_to_the_predictor(learner):
    """Beside the version, from the clips that come with it."""
    pairs = LabelledPairs(clips(8, 3), clips(8, 4), np.ones(8, np.float32), np.arange(8), np.ones(8, np.float32))
    first, second = (
        learner.fit_round(RoundData(new, clips(20, seed=2), clips(6, seed=5), clips(4, seed=6))).diagnostics
        for new in (None, pairs)
    )
    assert first.drift is None and first.calibration is None
    assert np.abs(second.drift.mean).min() > 0 and second.calibration.count.sum() > 0
    for found in (first, second):
        assert found.members.quantiles.shape == (3, 5)
        assert found.fresh_returns.shape == (6,) and np.isfinite(found.gain)
        assert found.observations.count == 6 * 5


def test_a_look_at_the_predictor_changes_nothing_in_it(learner):
    """Whether there are clips to look at or not, what is published is the same to the bit."""
    plain_class = type(learner)
    other = plain_class(SPEC, FitSettings(0.01, 32, 3, 2, None, FitRecipe()), 0, None)
    pairs = LabelledPairs(clips(8, 3), clips(8, 4), np.ones(8, np.float32), np.arange(8), np.ones(8, np.float32))
    for new in (pairs, None, None):
        watched = learner.fit_round(RoundData(new, clips(20, seed=2), clips(6, seed=5), clips(4, seed=6)))
        unwatched = other.fit_round(RoundData(new, clips(20, seed=2)))
        assert is_same(watched.published, unwatched.published)
        assert watched.optimiser == unwatched.optimiser


@pytest.mark.parametrize(
    ("pairs_per_round", "looked_at"), [(150, [1, 4, 7]), (400, list(range(1, 8))), (None, [*range(1, 8)])]
)
def test_rounds_that_fit_to_few_pairs_are_not_all_looked_at(learner, pairs_per_round, looked_at):
    made = type(learner)(SPEC, FitSettings(0.01, 32, 3, 2, pairs_per_round, FitRecipe()), 0, None)
    fitted = [made.fit_round(labels(2, first=2 * index)) for index in range(7)]
    assert [one.published.version for one in fitted if one.diagnostics is not None] == looked_at


def test_a_loaded_reward_that_no_label_is_fitted_to_is_looked_at_in_each_round(loaded):
    learner, published = loaded
    made = type(learner)(SPEC, FitSettings(0.01, 32, 3, 2, 150, FitRecipe()), 0, None)
    made.load_published(published)
    assert made.fit_round(RoundData(None, clips(20, seed=2))).diagnostics is not None


def labels(count: int, first: int = 0) -> RoundData:
    weights = np.ones(count, np.float32)
    return RoundData(
        LabelledPairs(clips(count, 3), clips(count, 4), weights, first + np.arange(count), weights), clips(20, seed=2)
    )


def test_after_forgetting_the_reward_stays_until_there_are_labels_and_is_then_fitted_from_new_weights(learner):
    before = learner.fit_round(labels(8)).published
    learner.forget_labels()
    kept = learner.fit_round(RoundData(None, clips(20, seed=2)))
    assert kept.metrics is None and is_same(kept.published, before)
    anew = learner.fit_round(labels(4))
    assert (anew.metrics.num_labels, anew.published.version) == (4, 2)
    far = [np.abs(anew.published.weights[name] - before.weights[name]).max() for name in before.weights]
    assert max(far) > 0.1, "one round of gradient steps does not come so far: 4 labels, 3 epochs, step size 0.01"
    after = learner.fit_round(labels(2, first=4))
    near = [np.abs(after.published.weights[name] - anew.published.weights[name]).max() for name in before.weights]
    assert after.metrics.num_labels == 6 and max(near) < 0.1, "from then on it goes on from the last weights"
