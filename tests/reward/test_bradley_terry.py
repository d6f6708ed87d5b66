"""The preference model against numbers worked out by hand (C17 s2.2.3)."""

import math

import pytest
import torch

from rlhp_ray.reward.bradley_terry import RESPONSE_ERROR, preference_loss, preference_probability, smoothed


def probability(left: float, right: float, *error: float) -> float:
    returns = torch.tensor([left, right], dtype=torch.float64)
    return preference_probability(returns[0], returns[1], *error).item()


def losses(left, right, mu_left, error: float = RESPONSE_ERROR) -> list[float]:
    left, right, mu_left = (torch.tensor(values, dtype=torch.float64) for values in (left, right, mu_left))
    return preference_loss(left[None], right[None], mu_left, error)[0].tolist()


def test_the_paper_assumes_ten_per_cent_random_answers():
    assert RESPONSE_ERROR == 0.1


@pytest.mark.parametrize(
    ("left", "right", "plain", "with_errors"),
    [
        (0.0, 0.0, 0.5, 0.5),
        (math.log(3), 0.0, 0.75, 0.725),  # odds of 3 to 1
        (0.0, math.log(3), 0.25, 0.275),
        (5.0 + math.log(9), 5.0, 0.9, 0.86),  # only the difference counts
        (1e4, 0.0, 1.0, 0.95),
        (0.0, 1e4, 0.0, 0.05),
    ],
)
def test_probability_by_hand(left, right, plain, with_errors):
    assert probability(left, right, 0.0) == pytest.approx(plain, abs=1e-12)
    assert probability(left, right) == pytest.approx(with_errors, abs=1e-12)


def test_loss_by_hand_without_the_error_model():
    left, right = [math.log(3)] * 3, [0.0] * 3
    expected = [0.28768207245178085, 1.3862943611198906, 0.8369882167858358]  # -ln .75, -ln .25, their mean
    assert losses(left, right, [1.0, 0.0, 0.5], 0.0) == pytest.approx(expected, abs=1e-12)


def test_loss_by_hand_with_the_error_model():
    left, right = [math.log(3)] * 3, [0.0] * 3
    expected = [0.3215836241274623, 1.2909841813155656, 0.806283902721514]  # -ln .725, -ln .275, their mean
    assert losses(left, right, [1.0, 0.0, 0.5]) == pytest.approx(expected, abs=1e-12)


def test_members_and_pairs_are_not_mixed():
    left = torch.tensor([[1.0, 2.0, 3.0], [-1.0, 0.0, 4.0]], dtype=torch.float64)
    right, mu_left = torch.tensor([[0.5, -2.0, 3.0], [2.0, 0.0, 1.0]]), torch.tensor([1.0, 0.0, 0.5])
    whole = preference_loss(left, right.double(), mu_left.double())
    assert whole.shape == (2, 3)
    for member in range(2):
        single = losses(left[member].tolist(), right[member].tolist(), mu_left.tolist())
        assert whole[member].tolist() == pytest.approx(single, abs=1e-12)


@pytest.mark.parametrize("error", [0.0, RESPONSE_ERROR])
@pytest.mark.parametrize("mu_left", [1.0, 0.0, 0.5])
@pytest.mark.parametrize("difference", [-3.0, -0.2, 0.0, 1.5])
def test_gradient_against_finite_differences_and_the_closed_form(difference, mu_left, error):
    left = torch.tensor([[difference + 0.7]], dtype=torch.float64, requires_grad=True)
    right = torch.tensor([[0.7]], dtype=torch.float64, requires_grad=True)
    preference_loss(left, right, torch.tensor([mu_left], dtype=torch.float64), error).sum().backward()

    step = 1e-5
    above, below = losses([difference + step, difference - step], [0.0, 0.0], [mu_left] * 2, error)
    s = 1 / (1 + math.exp(-difference))
    p = (1 - error) * s + error / 2
    closed = -(1 - error) * s * (1 - s) * (mu_left / p - (1 - mu_left) / (1 - p))
    if error == 0.0:
        assert closed == pytest.approx(s - mu_left, abs=1e-12)  # the textbook gradient of logistic regression
    assert left.grad.item() == pytest.approx(closed, abs=1e-12)
    assert left.grad.item() == pytest.approx((above - below) / (2 * step), abs=1e-8)
    assert right.grad.item() == -left.grad.item()


def test_the_error_model_bounds_the_loss_of_a_wrong_label_and_its_pull():
    differences = [2.0, 10.0, 1e3, 1e6]
    wrong = losses(differences, [0.0] * 4, [0.0] * 4)
    assert wrong == sorted(wrong) and wrong[-1] == pytest.approx(2.995732273553991, abs=1e-9)  # -ln .05
    assert losses([10.0], [0.0], [0.0], 0.0)[0] > 10 > 3 > wrong[1]

    def pull(error: float) -> float:
        left = torch.tensor([[10.0]], dtype=torch.float64, requires_grad=True)
        preference_loss(left, torch.zeros(1, 1, dtype=torch.float64), torch.zeros(1).double(), error).sum().backward()
        return left.grad.item()

    assert pull(0.0) > 0.99 and pull(RESPONSE_ERROR) < 1e-3


@pytest.mark.parametrize("error", [0.0, RESPONSE_ERROR])
@pytest.mark.parametrize("difference", [-1e6, 1e6])
def test_extreme_returns_give_finite_losses_and_gradients(difference, error):
    left = torch.tensor([[difference]], requires_grad=True)
    loss = preference_loss(left, torch.zeros(1, 1), torch.tensor([0.5]), error).sum()
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(left.grad).all()


def test_a_tie_is_least_at_equal_returns_and_the_same_on_both_sides():
    at_zero, above, below, far = losses([0.0, 1.0, -1.0, 4.0], [0.0] * 4, [0.5] * 4)
    assert at_zero == pytest.approx(math.log(2), abs=1e-12)
    assert at_zero < above < far and above == pytest.approx(below, abs=1e-12)


def test_swapping_the_sides_and_the_label_changes_nothing():
    assert losses([1.3], [0.2], [1.0]) == losses([0.2], [1.3], [0.0])


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(AssertionError):
        preference_loss(torch.zeros(2, 3), torch.zeros(2, 4), torch.zeros(3))
    with pytest.raises(AssertionError):
        preference_loss(torch.zeros(2, 3), torch.zeros(2, 3), torch.zeros(1))


@pytest.mark.parametrize(
    ("smoothing", "expected"), [(0.0, [1, 0, 0.5]), (0.2, [0.9, 0.1, 0.5]), (0.5, [0.75, 0.25, 0.5])]
)
def test_smoothing_draws_targets_towards_a_tie(smoothing, expected):
    """mu' = (1 - s) mu + s / 2."""
    assert smoothed(torch.tensor([1.0, 0.0, 0.5]), smoothing).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("smoothing", [0.1, 0.3, 0.7])
def test_a_smoothed_tie_is_one_exactly(smoothing):
    assert smoothed(torch.tensor([0.5]), smoothing).item() == 0.5
