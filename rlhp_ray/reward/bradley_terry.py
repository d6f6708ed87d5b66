"""The Bradley-Terry model of preferences between two clips (C17 s2.2.3)."""

import torch
from torch import Tensor

RESPONSE_ERROR = 0.1  # C17 s2.2.3: the chance that a person answers uniformly at random


def preference_probability(
    returns_left: Tensor, returns_right: Tensor, response_error: float = RESPONSE_ERROR
) -> Tensor:
    """Probability that the left clip is preferred: `P' = (1 - e) * sigmoid(R_left - R_right) + e / 2`.

    Args:
        returns_left: `[...]` predicted return of the left clips.
        returns_right: `[...]` predicted return of the right clips.
        response_error: e, the share of answers given at random.
    """
    assert returns_left.shape == returns_right.shape, (returns_left.shape, returns_right.shape)
    return (1.0 - response_error) * torch.sigmoid(returns_left - returns_right) + 0.5 * response_error


def preference_loss(
    returns_left: Tensor, returns_right: Tensor, mu_left: Tensor, response_error: float = RESPONSE_ERROR
) -> Tensor:
    """Cross-entropy of each label: `-mu log P' - (1 - mu) log(1 - P')` (C17 s2.2.3, equation 1 with the 10 % model).

    Args:
        returns_left: `[members, num_pairs]`.
        returns_right: `[members, num_pairs]`.
        mu_left: `[num_pairs]`, 1 for left, 0 for right, 0.5 for equal.
        response_error: e; 0 gives the plain model.

    Returns:
        `[members, num_pairs]`, not reduced, so that bootstrap weights can be applied.
    """
    assert returns_left.shape == returns_right.shape and returns_left.shape[-1:] == mu_left.shape
    left = preference_probability(returns_left, returns_right, response_error)
    right = preference_probability(returns_right, returns_left, response_error)
    tiny = torch.finfo(left.dtype).tiny
    return -(mu_left * torch.log(left.clamp_min(tiny)) + (1.0 - mu_left) * torch.log(right.clamp_min(tiny)))


def smoothed(mu_left: Tensor, smoothing: float) -> Tensor:
    """Label targets drawn towards a tie: `mu' = (1 - s) mu + s / 2` (Szegedy et al. 2016, s7); a tie stays one exactly.

    Args:
        mu_left: `[num_pairs]`, 1 for left, 0 for right, 0.5 for equal.
        smoothing: s, in [0, 1).
    """
    return mu_left + smoothing * (0.5 - mu_left)
