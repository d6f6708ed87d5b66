"""Labels that count more or less by their source: in the loss, in its validation, and never in who is held out."""

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest

from rlhp_ray.clips.clip import ClipArrays
from rlhp_ray.reward.ensemble import EnsembleSpec, RewardEnsemble
from rlhp_ray.reward.ensemble_fitting import EnsembleFitter, FitMetrics
from rlhp_ray.reward.labelled_pairs import LabelledPairs, bootstrap_weights
from rlhp_ray.reward.network_spec import NetworkSpec
from rlhp_ray.reward.observation_scaling import ObservationScaling

SPACE, BUTTONS = gym.spaces.Box(-1.0, 1.0, (3,), np.float32), gym.spaces.Discrete(2)
SPEC = EnsembleSpec(SPACE, BUTTONS, 3, NetworkSpec("mlp", (16,)), ObservationScaling.from_space(SPACE), 1.0, 0)


def random_clips(rng: np.random.Generator, count: int) -> ClipArrays:
    return ClipArrays(rng.uniform(-1, 1, (count, 4, 3)).astype(np.float32), rng.integers(0, 2, (count, 4)))


def twice(clips: ClipArrays) -> ClipArrays:
    return ClipArrays(*(np.concatenate([array, array]) for array in (clips.observations, clips.actions)))


def contradicted(num_pairs: int) -> LabelledPairs:
    """Each pair twice: the first half of the labels says that the first entry pays, the second half the opposite."""
    rng = np.random.default_rng(0)
    left, right = random_clips(rng, num_pairs), random_clips(rng, num_pairs)
    truth = returns(left) > returns(right)
    return LabelledPairs(
        twice(left),
        twice(right),
        np.concatenate([truth, ~truth]).astype(np.float32),
        np.arange(2 * num_pairs),
        np.ones(2 * num_pairs, np.float32),
    )


def returns(clips: ClipArrays) -> np.ndarray:
    return clips.observations[..., 0].sum(1)


def weighted(pairs: LabelledPairs, first_half: float, second_half: float) -> LabelledPairs:
    return replace(pairs, weight=np.repeat(np.float32([first_half, second_half]), len(pairs) // 2))


def fitted(pairs: LabelledPairs, epochs: int, learning_rate: float = 1e-2) -> tuple[RewardEnsemble, FitMetrics]:
    ensemble = RewardEnsemble(SPEC)
    return ensemble, EnsembleFitter(ensemble, learning_rate, 32, seed=0).fit(pairs, epochs, round_index=0)


def correlation(ensemble: RewardEnsemble) -> float:
    clips = random_clips(np.random.default_rng(1), 100)
    predicted = ensemble.member_rewards_of_clips(clips).sum(-1).mean(0)
    return float(np.corrcoef(predicted, returns(clips))[0, 1])


def test_the_source_that_weighs_more_is_believed():
    pairs = contradicted(100)
    assert correlation(fitted(weighted(pairs, 1.0, 0.01), 20)[0]) > 0.8
    assert correlation(fitted(weighted(pairs, 0.01, 1.0), 20)[0]) < -0.8


def test_metrics_are_those_of_a_plain_computation():
    """With a vanishing learning rate: weighted means over the initial weights, member by member."""
    pairs = weighted(contradicted(40), 3.0, 0.2)
    ensemble, metrics = fitted(pairs, epochs=1, learning_rate=1e-12)
    bootstrap = bootstrap_weights(0, pairs.query_index, 3)
    left, right = (ensemble.member_rewards_of_clips(side).sum(-1) for side in (pairs.left, pairs.right))
    p = 0.9 / (1 + np.exp(right - left)) + 0.05
    loss = -(pairs.mu_left * np.log(p) + (1 - pairs.mu_left) * np.log(1 - p))
    correct = (left > right) == (pairs.mu_left == 1)
    held_out = [np.flatnonzero(bootstrap[m] == 0) for m in range(3)]
    training = [np.average(loss[m], weights=bootstrap[m] * pairs.weight) for m in range(3)]
    validation = [np.average(loss[m][rows], weights=pairs.weight[rows]) for m, rows in enumerate(held_out)]
    accuracy = [np.average(correct[m][rows], weights=pairs.weight[rows]) for m, rows in enumerate(held_out)]
    assert metrics.training_loss == pytest.approx(np.mean(training), rel=1e-4)
    assert metrics.validation_loss == pytest.approx(np.mean(validation), rel=1e-4)
    assert metrics.validation_accuracy == pytest.approx(np.mean(accuracy), rel=1e-4)


@pytest.mark.parametrize("weight", [0.001, 1000.0])
def test_no_weight_makes_a_held_out_label_train_or_a_training_label_be_held_out(weight):
    """What a member is not trained on does not move it, however much it weighs, and the rest does."""
    pairs = contradicted(30)
    held_out = bootstrap_weights(0, pairs.query_index, 3)[0] == 0

    def member_0(changed: np.ndarray) -> np.ndarray:
        weights = np.where(changed, np.float32(weight), np.float32(1))
        network = fitted(replace(pairs, weight=weights), epochs=1)[0]
        return np.concatenate([array[0].ravel() for array in network.published().weights.values()])

    unchanged = member_0(np.zeros(60, bool))
    np.testing.assert_array_equal(member_0(held_out), unchanged)
    assert not np.array_equal(member_0(~held_out), unchanged)
