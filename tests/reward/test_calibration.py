"""The reliability table against tables made by hand, and which labels it is about."""

import math

import numpy as np
import pytest
import torch

from rlhp_ray.clips.clip import ClipArrays
from rlhp_ray.reward.bradley_terry import RESPONSE_ERROR
from rlhp_ray.reward.calibration import Calibration, held_out_calibration
from rlhp_ray.reward.ensemble import RewardEnsemble
from rlhp_ray.reward.labelled_pairs import LabelledPairs, bootstrap_weights

# Bins .1 to .2 (3 of mean .15, a third left) and .9 to 1 (2 of mean .95, half left).
PROBABILITY, OUTCOME = np.array([0.1, 0.15, 0.2 - 1e-9, 0.9, 1.0]), np.array([1, 0, 0, 1, 0], bool)


@pytest.mark.parametrize(
    ("probability", "outcome", "expected"),
    [
        ([0.75] * 4, [1, 1, 1, 0], 0.0),
        ([0.9, 0.9], [0, 0], 0.9),
        (PROBABILITY, OUTCOME, (3 * 0.55 / 3 + 2 * 0.45) / 5),
        ([0.05, 0.15], [1, 0], (0.95 + 0.15) / 2),
    ],
)
def test_the_error_by_hand(probability, outcome, expected):
    found = Calibration.of(np.array(probability), np.array(outcome, bool))
    assert found.error == pytest.approx(expected)


def test_the_table_by_hand():
    rows = Calibration.of(PROBABILITY, OUTCOME).rows()
    assert [row["count"] for row in rows] == [3, 2]
    expected = [(0.1, 0.2, 0.15, 1 / 3), (0.9, 1.0, 0.95, 0.5)]
    found = [(row["low"], row["high"], row["mean_probability"], row["share_left"]) for row in rows]
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_accuracy_counts_the_likelier_side_and_an_even_chance_as_wrong():
    found = Calibration.of(np.array([0.6, 0.4, 0.6, 0.5]), np.array([1, 0, 0, 1], bool))
    assert found.accuracy == 0.5


def test_without_an_answer_there_is_no_error():
    empty = Calibration.of(np.zeros(0), np.zeros(0, bool))
    assert math.isnan(empty.error) and math.isnan(empty.accuracy) and empty.rows() == []


@pytest.fixture
def labels() -> LabelledPairs:
    """Thirty, every third a tie, the others at random."""
    rng = np.random.default_rng(0)

    def clips() -> ClipArrays:
        return ClipArrays(rng.uniform(-1, 1, (30, 4, 3)).astype(np.float32), rng.integers(0, 2, (30, 4)))

    mu = rng.integers(0, 2, 30).astype(np.float32)
    mu[::3] = 0.5
    return LabelledPairs(clips(), clips(), mu, np.arange(100, 130), np.ones(30, np.float32))


def test_a_member_is_held_to_the_decided_labels_that_it_never_trained_on(make_spec, labels):
    seed, ensemble = 5, RewardEnsemble(make_spec())
    with torch.no_grad():
        for value in ensemble.network.parameters():
            value *= 2  # so that probabilities fall into several bins
    drawn = bootstrap_weights(seed, labels.query_index, 3)
    probability, outcome = [], []
    for member in range(3):
        for pair in range(30):
            if drawn[member, pair] or labels.mu_left[pair] == 0.5:
                continue
            sums = [
                ensemble.member_rewards(side.observations[pair], side.actions[pair])[member].sum()
                for side in (labels.left, labels.right)
            ]
            probability.append(0.9 / (1 + math.exp(sums[1] - sums[0])) + 0.05)
            outcome.append(labels.mu_left[pair] == 1)
    expected = Calibration.of(np.array(probability), np.array(outcome))
    found = held_out_calibration(ensemble, labels, seed, RESPONSE_ERROR)
    assert len(expected.rows()) > 2 and found.count.sum() == len(outcome)
    np.testing.assert_array_equal(found.count, expected.count)
    assert found.error == pytest.approx(expected.error, abs=1e-5)
    assert found.accuracy == expected.accuracy


def test_it_takes_normalisation_for_nothing(make_spec, labels):
    """Members are fitted by their rewards before it."""
    ensemble = RewardEnsemble(make_spec())
    before = held_out_calibration(ensemble, labels, 0, RESPONSE_ERROR).error
    ensemble.publish(1, 100 * ensemble.member_rewards_of_clips(labels.left))
    assert held_out_calibration(ensemble, labels, 0, RESPONSE_ERROR).error == before
