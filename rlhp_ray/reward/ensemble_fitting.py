"""Fits a reward ensemble to labelled pairs: bootstrap, 10 % response model, adaptive L2, validation (C17 s2.2, A.1)."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rlhp_ray.errors import RewardDataError
from rlhp_ray.reward.bradley_terry import preference_loss
from rlhp_ray.reward.ensemble import RewardEnsemble
from rlhp_ray.reward.labelled_pairs import LabelledPairs, bootstrap_weights
from rlhp_ray.seeding import derive_rng

L2_RATIO_LOW, L2_RATIO_HIGH = 1.1, 1.5  # C17 A.1: where validation over training loss should lie
L2_STEP = 1.1  # factor by which a coefficient moves after an epoch outside that range
L2_INITIAL, L2_SMALLEST, L2_LARGEST = 1e-5, 1e-7, 1e-3  # above it the networks underfit (seen on MovingDot)
MAX_VALIDATION_PAIRS, MAX_VALIDATION_PAIRS_OF_IMAGES = 512, 64  # the newest; bound memory and time of a validation


@dataclass(frozen=True)
class FitMetrics:
    """What one round of fitting reports; means over the members that have such labels, NaN where none has.

    Args:
        training_loss: cross-entropy on the labels that members train on.
        validation_loss: cross-entropy on the labels that their bootstrap left out.
        validation_accuracy: share of left-out, decided labels whose sign is predicted.
        l2_coefficient: mean over members.
        num_labels: labels fitted to.
    """

    training_loss: float
    validation_loss: float
    validation_accuracy: float
    l2_coefficient: float
    num_labels: int


class EnsembleFitter:
    """Owns the optimiser of an ensemble. All members are fitted in one batched computation.

    Args:
        ensemble: is trained in place.
        learning_rate: of Adam.
        batch_pairs: pairs in a minibatch; members share minibatches and differ by bootstrap weights.
        seed: of the run; bootstrap and shuffling are derived from it.
    """

    def __init__(self, ensemble: RewardEnsemble, learning_rate: float, batch_pairs: int, seed: int) -> None:
        self._ensemble = ensemble
        self._batch_pairs = batch_pairs
        self._seed = seed
        self._optimiser = torch.optim.Adam(ensemble.network.parameters(), lr=learning_rate)
        self._l2 = torch.full((ensemble.members,), L2_INITIAL)
        self._weight_matrices = [p for name, p in ensemble.network.named_parameters() if name.endswith("weight")]

    def fit(self, pairs: LabelledPairs, epochs: int, round_index: int, max_pairs: int | None = None) -> FitMetrics:
        """Train for some epochs over all pairs.

        Args:
            pairs: labels, oldest first.
            epochs: passes over them.
            max_pairs: pairs presented in all, at most; the last pass is cut short by it. None for no limit.
            round_index: names the random stream of this round.

        Raises:
            RewardDataError: an observation or the loss is not finite.
        """
        data = _Tensors.of(
            pairs, self._ensemble, bootstrap_weights(self._seed, pairs.query_index, self._ensemble.members)
        )
        if data.observations.is_floating_point() and not torch.isfinite(data.observations).all():
            raise RewardDataError(
                f"the labelled clips of round {round_index} hold NaN or infinity in their observations; expected "
                "finite numbers: nothing can be learnt from them. Look at what the environment returns."
            )
        rng = derive_rng(self._seed, "fit", round_index)
        left = max_pairs or epochs * len(pairs)
        for _ in range(min(epochs, math.ceil(left / len(pairs)))):
            order = torch.from_numpy(rng.permutation(len(pairs)))[:left]
            left -= len(order)
            for rows in order.split(self._batch_pairs):
                self._step(data, rows)
            self._move_l2(*self._losses(data)[:2])
        training, validation, accuracy = self._losses(data)
        has_labels = data.weights.sum(1) > 0  # the bootstrap may leave a member without any while there are few
        if not torch.isfinite(training[has_labels]).all():
            raise RewardDataError(
                f"the reward loss became {training.tolist()} in round {round_index}; expected finite numbers. "
                "Lower reward.learning_rate, or look for extreme observations."
            )
        return FitMetrics(
            training_loss=float(training.nanmean()),
            validation_loss=float(validation.nanmean()),
            validation_accuracy=float(accuracy.nanmean()),
            l2_coefficient=float(self._l2.mean()),
            num_labels=len(pairs),
        )

    def _step(self, data: "_Tensors", rows: Tensor) -> None:
        loss = preference_loss(*self._returns(data, rows), data.mu_left[rows])
        penalty = torch.stack([matrix.flatten(1).square().sum(1) for matrix in self._weight_matrices]).sum(0)
        total = (data.weights[:, rows] * loss).mean(1).sum() + (self._l2 * penalty).sum()
        self._optimiser.zero_grad(set_to_none=True)
        total.backward()
        self._optimiser.step()

    def _returns(self, data: "_Tensors", rows: Tensor) -> tuple[Tensor, Tensor]:
        """Predicted return of both clips of the pairs, `[members, rows]` each, from one forward pass."""
        observations, actions = data.observations[rows], data.actions[rows]
        pairs, _, steps = actions.shape[:3]
        rewards = self._ensemble.network(observations.flatten(0, 2), actions.flatten(0, 2))
        returns = rewards.reshape(self._ensemble.members, pairs, 2, steps).sum(-1)
        return returns[..., 0], returns[..., 1]

    @torch.no_grad()
    def _losses(self, data: "_Tensors") -> tuple[Tensor, Tensor, Tensor]:
        """Training loss, validation loss and validation accuracy of every member; NaN where it has no such labels."""
        is_image = self._ensemble.scaling.kind == "bytes"
        most = MAX_VALIDATION_PAIRS_OF_IMAGES if is_image else MAX_VALIDATION_PAIRS
        rows = torch.arange(max(0, len(data.mu_left) - most), len(data.mu_left))
        batches = [self._returns(data, batch) for batch in rows.split(self._batch_pairs)]
        left, right = (torch.cat(side, dim=1) for side in zip(*batches, strict=True))
        mu_left, weights = data.mu_left[rows], data.weights[:, rows]
        losses = preference_loss(left, right, mu_left)
        held_out = (weights == 0).float()
        decided = held_out * (mu_left != 0.5)
        correct = ((left > right) == (mu_left > 0.5)).float()
        return (
            (weights * losses).sum(1) / weights.sum(1),
            (held_out * losses).sum(1) / held_out.sum(1),
            (decided * correct).sum(1) / decided.sum(1),
        )

    def _move_l2(self, training: Tensor, validation: Tensor) -> None:
        """Move each member's coefficient so that validation stays between 1.1 and 1.5 of training loss (C17 A.1)."""
        ratio = validation / training
        factor = torch.ones_like(ratio)
        factor[ratio > L2_RATIO_HIGH] = L2_STEP
        factor[ratio < L2_RATIO_LOW] = 1.0 / L2_STEP
        self._l2 = (self._l2 * factor).clamp(L2_SMALLEST, L2_LARGEST)

    def state_dict(self) -> dict:
        """Optimiser and coefficients, for a checkpoint."""
        return {"optimiser": self._optimiser.state_dict(), "l2": self._l2}

    def load_state_dict(self, state: dict) -> None:
        """The inverse of `state_dict`."""
        self._optimiser.load_state_dict(state["optimiser"])
        self._l2 = state["l2"]


@dataclass(frozen=True, eq=False)
class _Tensors:
    """Pairs as tensors: observations and actions `[num_pairs, 2, clip_steps, ...]`, weights `[members, num_pairs]`."""

    observations: Tensor
    actions: Tensor
    mu_left: Tensor
    weights: Tensor

    @classmethod
    def of(cls, pairs: LabelledPairs, ensemble: RewardEnsemble, weights: np.ndarray) -> "_Tensors":
        sides = []
        for side in (pairs.left, pairs.right):
            num_pairs, steps = side.actions.shape[:2]
            flat_observations = side.observations.reshape(-1, *side.observations.shape[2:])
            flat_actions = side.actions.reshape(-1, *side.actions.shape[2:])
            encoded = ensemble.encode(flat_observations, flat_actions)
            sides.append([tensor.reshape(num_pairs, steps, *tensor.shape[1:]) for tensor in encoded])
        observations, actions = (torch.stack(both, dim=1) for both in zip(*sides, strict=True))
        return cls(observations, actions, torch.from_numpy(pairs.mu_left), torch.from_numpy(weights))
