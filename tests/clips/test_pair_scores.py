"""Scores against figures worked out by hand."""

import numpy as np
import pytest

from rlhp_ray.clips.pair_scores import disagreement, entropy, mutual_information, return_variance

LOG_3 = 1.0986122887  # sigmoid(log 3) = 3/4
DIFFERENCES = np.array([[LOG_3, 0.0, 0.0, LOG_3], [-LOG_3, 0.0, LOG_3, LOG_3]])
"""Two members; in four pairs P is (3/4, 1/4), (1/2, 1/2), (1/2, 3/4), (3/4, 3/4)."""

H_QUARTER, H_HALF, H_FIVE_EIGHTHS = 0.5623351446, 0.6931471806, 0.6615632382  # nats


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (disagreement, [1 / 4, 0, 1 / 8, 0]),
        (return_variance, [LOG_3**2, 0, LOG_3**2 / 4, 0]),
        (entropy, [H_HALF, H_HALF, H_FIVE_EIGHTHS, H_QUARTER]),
        (mutual_information, [H_HALF - H_QUARTER, 0, H_FIVE_EIGHTHS - (H_HALF + H_QUARTER) / 2, 0]),
    ],
)
def test_scores_are_those_worked_out_by_hand(score, expected):
    np.testing.assert_allclose(score(DIFFERENCES), expected, atol=1e-9)


@pytest.mark.parametrize("score", [disagreement, return_variance, entropy, mutual_information])
def test_scores_do_not_depend_on_the_side(score):
    differences = np.random.default_rng(0).normal(scale=3, size=(3, 20))
    np.testing.assert_allclose(score(-differences), score(differences), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("score", [disagreement, return_variance, entropy, mutual_information])
def test_scores_stay_finite_where_members_are_certain(score):
    assert np.isfinite(score(np.array([[1e4, -1e4, 1e4], [1e4, 1e4, -800.0]]))).all()


@pytest.mark.parametrize("score", [disagreement, return_variance, mutual_information])
def test_one_member_cannot_be_compared(score):
    with pytest.raises(ValueError, match="at least 2 ensemble members, got 1"):
        score(np.zeros((1, 6)))


def test_one_member_has_an_entropy():
    np.testing.assert_allclose(entropy(np.array([[0.0, -LOG_3]])), [H_HALF, H_QUARTER], atol=1e-9)
