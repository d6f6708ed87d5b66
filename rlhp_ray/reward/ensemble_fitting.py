"""Fits a reward ensemble to labelled pairs: bootstrap, 10 % response model, adaptive L2, validation (C17 s2.2, A.1)."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from rlhp_ray.errors import RewardDataError
from rlhp_ray.reward.bradley_terry import preference_loss
from rlhp_ray.reward.ensemble import EncodedClips, RewardEnsemble
from rlhp_ray.reward.labelled_pairs import LabelledPairs, bootstrap_weights
from rlhp_ray.seeding import derive_rng

L2_RATIO_LOW, L2_RATIO_HIGH = 1.1, 1.5  # C17 A.1: where validation over training loss should lie
L2_STEP = 1.1  # factor by which a coefficient moves after an epoch outside that range
L2_INITIAL, L2_SMALLEST, L2_LARGEST = 1e-5, 1e-7, 1e-3  # above it the networks underfit (seen on MovingDot)
PAIRS_OF_IMAGES_PER_PASS = 1  # whose activations stay in the cache: twice as fast as 16 pairs at once, same gradient


@dataclass(frozen=True)
class FitMetrics:
    """What one round of fitting reports, over its last `num_labels` presentations of a pair, or all if they are fewer.

    Means over the members that have such labels, else NaN.

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
        self._pairs_per_pass = PAIRS_OF_IMAGES_PER_PASS if ensemble.scaling.kind == "bytes" else batch_pairs
        self._seed = seed
        self._optimiser = torch.optim.Adam(ensemble.network.parameters(), lr=learning_rate)
        self._l2 = torch.full((ensemble.members,), L2_INITIAL)
        self._weight_matrices = ensemble.network.penalised()

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
        weights = pairs.weight * bootstrap_weights(self._seed, pairs.query_index, self._ensemble.members)
        data = _Tensors(
            self._ensemble.encode_clips(pairs.left),
            self._ensemble.encode_clips(pairs.right),
            torch.from_numpy(pairs.mu_left),
            torch.from_numpy(weights),
            torch.from_numpy(pairs.weight),
        )
        if not data.is_finite():
            raise RewardDataError(
                f"the labelled clips of round {round_index} hold NaN or infinity in their observations; expected "
                "finite numbers: nothing can be learnt from them. Look at what the environment returns."
            )
        rng = derive_rng(self._seed, "fit", round_index)
        left = max_pairs or epochs * len(pairs)
        recent, recent_returns = torch.empty(0, dtype=torch.long), torch.empty(2, self._ensemble.members, 0)
        for _ in range(min(epochs, math.ceil(left / len(pairs)))):
            order = torch.from_numpy(rng.permutation(len(pairs)))[:left]
            left -= len(order)
            returns = [self._step(data, rows) for rows in order.split(self._batch_pairs)]
            # what a pass cut short presented is too little to judge by, so the end of the pass before it joins
            recent = torch.cat([recent, order])[-len(pairs) :]
            recent_returns = torch.cat([recent_returns, *returns], dim=-1)[..., -len(pairs) :]
            training, validation, accuracy = _losses(data, recent, recent_returns)
            self._move_l2(training, validation)
        has_labels = data.weights[:, recent].sum(1) > 0  # the bootstrap may leave a member without, if there are few
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

    def _step(self, data: "_Tensors", rows: Tensor) -> Tensor:
        """One gradient step; the predicted returns before it, left and right, `[2, members, rows]`."""
        self._optimiser.zero_grad(set_to_none=True)
        returns = []
        for part in rows.split(self._pairs_per_pass):
            left, right = self._returns(data, part)
            loss = preference_loss(left, right, data.mu_left[part])
            ((data.weights[:, part] * loss).sum() / len(rows)).backward()
            returns.append(torch.stack([left, right]).detach())
        penalty = torch.stack([matrix.flatten(1).square().sum(1) for matrix in self._weight_matrices]).sum(0)
        (self._l2 * penalty).sum().backward()
        self._optimiser.step()
        return torch.cat(returns, dim=-1)

    def _returns(self, data: "_Tensors", rows: Tensor) -> tuple[Tensor, Tensor]:
        """Predicted return of both clips of the pairs, `[members, rows]` each, from one forward pass."""
        both = EncodedClips.concatenated([data.left[rows], data.right[rows]])
        left, right = both.rewards(self._ensemble.network).sum(-1).split(len(rows), dim=1)
        return left, right

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


def _losses(data: _Tensors, rows: Tensor, returns: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Training loss, validation loss and validation accuracy of every member; NaN where it has no such labels.

    Every pass presents every label to every member, and weight 0 keeps a member from learning from what it is
    validated on, so validation needs no pass of its own.

    Args:
        data: all pairs.
        rows: `[n]`, the pairs presented; one may come twice.
        returns: `[2, members, n]` predicted returns of their clips, left and right, each just before its gradient step.
    """
    left, right = returns
    mu_left, weights = data.mu_left[rows], data.weights[:, rows]
    losses = preference_loss(left, right, mu_left)
    held_out = (weights == 0).float() * data.source_weights[rows]
    decided = held_out * (mu_left != 0.5)
    correct = ((left > right) == (mu_left > 0.5)).float()
    return (
        (weights * losses).sum(1) / weights.sum(1),
        (held_out * losses).sum(1) / held_out.sum(1),
        (decided * correct).sum(1) / decided.sum(1),
    )
