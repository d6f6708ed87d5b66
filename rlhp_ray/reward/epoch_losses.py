"""How well members do on the labels of an epoch: those that they train on, and those that their bootstrap left out."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from rlhp_ray.reward.bradley_terry import preference_loss
from rlhp_ray.reward.ensemble import EncodedClips


@dataclass(frozen=True, eq=False)
class PairTensors:
    """Pairs as tensors: `mu_left, source_weights [num_pairs]`, `weights [members, num_pairs]`, 0 where held out."""

    left: EncodedClips
    right: EncodedClips
    mu_left: Tensor
    weights: Tensor
    source_weights: Tensor

    def is_finite(self) -> bool:
        """Whether no observation is NaN or infinite; bytes never are."""
        sides = [side.observations for side in (self.left, self.right)]
        return all(not side.is_floating_point() or bool(torch.isfinite(side).all()) for side in sides)


class EpochLosses(NamedTuple):
    """Of every member, `[members]` each; NaN where it has no such labels."""

    training: Tensor
    validation: Tensor
    accuracy: Tensor


def epoch_losses(data: PairTensors, rows: Tensor, returns: Tensor, response_error: float) -> EpochLosses:
    """Training loss, validation loss and validation accuracy of every member; NaN where it has no such labels.

    Every pass presents every label to every member, and weight 0 keeps a member from learning from what it is
    validated on, so validation needs no pass of its own but where batch norm is in the network.

    Args:
        data: all pairs.
        rows: `[n]`, the pairs presented; one may come twice.
        returns: `[2, members, n]` predicted returns of their clips, left and right.
        response_error: e of the response model.
    """
    left, right = returns
    mu_left, weights = data.mu_left[rows], data.weights[:, rows]
    losses = preference_loss(left, right, mu_left, response_error)
    held_out = (weights == 0).float() * data.source_weights[rows]
    decided = held_out * (mu_left != 0.5)
    correct = ((left > right) == (mu_left > 0.5)).float()
    return EpochLosses(
        training=(weights * losses).sum(1) / weights.sum(1),
        validation=(held_out * losses).sum(1) / held_out.sum(1),
        accuracy=(decided * correct).sum(1) / decided.sum(1),
    )
