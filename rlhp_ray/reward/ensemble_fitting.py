"""Fits a reward ensemble to labelled pairs: bootstrap, 10 % response model, adaptive L2, validation (C17 s2.2, A.1)."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from rlhp_ray.errors import RewardDataError
from rlhp_ray.reward.bradley_terry import preference_loss, smoothed
from rlhp_ray.reward.early_stop import EarlyStop
from rlhp_ray.reward.ensemble import EncodedClips, RewardEnsemble
from rlhp_ray.reward.epoch_losses import EpochLosses, PairTensors, epoch_losses
from rlhp_ray.reward.fit_recipe import FitRecipe
from rlhp_ray.reward.labelled_pairs import LabelledPairs, bootstrap_weights
from rlhp_ray.reward.member_layers import is_normed
from rlhp_ray.reward.member_optimiser import MemberOptimiser
from rlhp_ray.seeding import derive_rng, derive_seed

L2_RATIO_LOW, L2_RATIO_HIGH = 1.1, 1.5  # C17 A.1: where validation over training loss should lie
L2_STEP = 1.1  # factor by which a coefficient moves after an epoch outside that range
L2_INITIAL, L2_SMALLEST, L2_LARGEST = 1e-5, 1e-7, 1e-3  # above it the networks underfit (seen on MovingDot)
PAIRS_OF_IMAGES_PER_PASS = 1  # whose activations stay in the cache: twice as fast as 16 pairs at once, same gradient
NORMED_PAIRS_OF_IMAGES_PER_PASS = 8  # batch norm needs statistics of more than one pair
NORMED_PAIRS_JUDGED = 512  # after an epoch, which batch norm makes a pass of its own
PLAIN_RECIPE = FitRecipe()


@dataclass(frozen=True)
class FitMetrics:
    """What one round of fitting reports, over its last `num_labels` presentations of a pair, or all if they are fewer.

    Means over the members that have such labels, else NaN.

    Args:
        training_loss: cross-entropy on the labels that members train on; just before each gradient step, but with batch
            norm after the epoch, by the statistics that predictions go by.
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
        learning_rate: of the optimiser.
        batch_pairs: pairs in a minibatch; members share minibatches and differ by bootstrap weights.
        seed: of the run; bootstrap, shuffling, dropout and weights drawn anew are derived from it.
        recipe: optimiser, targets, early stop and warm start.
    """

    def __init__(
        self,
        ensemble: RewardEnsemble,
        learning_rate: float,
        batch_pairs: int,
        seed: int,
        recipe: FitRecipe = PLAIN_RECIPE,
    ) -> None:
        self._ensemble = ensemble
        self._learning_rate = learning_rate
        self._batch_pairs = batch_pairs
        self._pairs_per_pass, self._normed = batch_pairs, is_normed(ensemble.network)
        if ensemble.scaling.kind == "bytes":
            self._pairs_per_pass = NORMED_PAIRS_OF_IMAGES_PER_PASS if self._normed else PAIRS_OF_IMAGES_PER_PASS
        self._seed = seed
        self._recipe = recipe
        self._optimiser = MemberOptimiser(ensemble.network, learning_rate, recipe)
        self._l2 = torch.full((ensemble.members,), L2_INITIAL, device=ensemble.device)

    def fit(
        self,
        pairs: LabelledPairs,
        epochs: int,
        round_index: int,
        max_pairs: int | None = None,
        after_epoch: Callable[[FitMetrics], None] | None = None,
        *,
        anew: bool = False,
    ) -> FitMetrics:
        """Train for some epochs over all pairs.

        Args:
            pairs: labels, oldest first.
            epochs: passes over them, at most.
            max_pairs: pairs presented in all, at most; the last pass is cut short by it. None for no limit.
            round_index: names the random streams of this round.
            after_epoch: is told how each epoch went; may ask the ensemble for predictions.
            anew: from new weights and a new optimiser, also where the recipe goes on from the last.

        Raises:
            RewardDataError: an observation or the loss is not finite.
        """
        data = self._tensors(pairs, round_index)
        if anew or not self._recipe.warm_start:
            self._ensemble.draw_weights(derive_seed(self._seed, "weights", round_index))
            self._optimiser = MemberOptimiser(self._ensemble.network, self._learning_rate, self._recipe)
        with self._training_mode(round_index):
            losses = self._run_epochs(data, epochs, round_index, max_pairs or epochs * len(pairs), after_epoch)
        return self._metrics(losses, len(pairs))

    def _metrics(self, losses: EpochLosses, num_labels: int) -> FitMetrics:
        return FitMetrics(
            training_loss=float(losses.training.nanmean()),
            validation_loss=float(losses.validation.nanmean()),
            validation_accuracy=float(losses.accuracy.nanmean()),
            l2_coefficient=float(self._l2.mean()),
            num_labels=num_labels,
        )

    def _tensors(self, pairs: LabelledPairs, round_index: int) -> PairTensors:
        weights = pairs.weight * bootstrap_weights(self._seed, pairs.query_index, self._ensemble.members)
        data = PairTensors(
            self._ensemble.encode_clips(pairs.left),
            self._ensemble.encode_clips(pairs.right),
            smoothed(torch.from_numpy(pairs.mu_left), self._recipe.label_smoothing).to(self._ensemble.device),
            torch.from_numpy(weights).to(self._ensemble.device),
            torch.from_numpy(pairs.weight).to(self._ensemble.device),
        )
        if not data.is_finite():
            raise RewardDataError(
                f"the labelled clips of round {round_index} hold NaN or infinity in their observations; expected "
                "finite numbers: nothing can be learnt from them. Look at what the environment returns."
            )
        return data

    @contextmanager
    def _training_mode(self, round_index: int) -> Iterator[None]:
        """Dropout and batch norm at work, from a random stream of the round's own; off again for predictions."""
        network = self._ensemble.network.train()
        try:
            device = self._ensemble.device
            with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
                torch.manual_seed(derive_seed(self._seed, "dropout", round_index))
                yield
        finally:
            network.eval()

    def _run_epochs(
        self,
        data: PairTensors,
        epochs: int,
        round_index: int,
        left: int,
        after_epoch: Callable[[FitMetrics], None] | None,
    ) -> EpochLosses:
        """Pass over the pairs until `left` were presented or the early stop says so; the losses of what is kept."""
        num_pairs, device = len(data.mu_left), self._ensemble.device
        rng = derive_rng(self._seed, "fit", round_index)
        patience = self._recipe.patience
        stop = None if patience is None else EarlyStop(self._ensemble.network, self._optimiser, patience)
        recent = torch.empty(0, dtype=torch.long, device=device)
        recent_returns = torch.empty(2, self._ensemble.members, 0, device=device)
        for _ in range(min(epochs, math.ceil(left / num_pairs))):
            order = torch.from_numpy(rng.permutation(num_pairs))[:left].to(device)
            left -= len(order)
            returns = [self._step(data, rows) for rows in order.split(self._batch_pairs)]
            # what a pass cut short presented is too little to judge by, so the end of the pass before it joins
            recent = torch.cat([recent, order])[-num_pairs:]
            recent_returns = torch.cat([recent_returns, *returns], dim=-1)[..., -num_pairs:]
            if self._normed:
                recent = recent[-NORMED_PAIRS_JUDGED:]
                recent_returns = self._returns_as_used(data, recent)
            losses = epoch_losses(data, recent, recent_returns, self._recipe.response_error)
            self._move_l2(losses.training, losses.validation)
            if after_epoch is not None:
                self._ensemble.network.eval()
                after_epoch(self._metrics(losses, num_pairs))
                self._ensemble.network.train()
            if stop is not None and stop.stops_after(losses):
                break
        has_labels = data.weights[:, recent].sum(1) > 0  # the bootstrap may leave a member without, if there are few
        if not torch.isfinite(losses.training[has_labels]).all():
            raise RewardDataError(
                f"the reward loss became {losses.training.tolist()} in round {round_index}; expected finite numbers. "
                "Lower reward.learning_rate, or look for extreme observations."
            )
        return losses if stop is None else stop.go_back(losses)

    def _step(self, data: PairTensors, rows: Tensor) -> Tensor:
        """One gradient step; the predicted returns before it, left and right, `[2, members, rows]`."""
        self._optimiser.zero_grad()
        returns = []
        for part in rows.split(self._pairs_per_pass):
            left, right = self._returns(data, part)
            loss = preference_loss(left, right, data.mu_left[part], self._recipe.response_error)
            ((data.weights[:, part] * loss).sum() / len(rows)).backward()
            returns.append(torch.stack([left, right]).detach())
        self._optimiser.step(self._l2)
        return torch.cat(returns, dim=-1)

    @torch.no_grad()
    def _returns_as_used(self, data: PairTensors, rows: Tensor) -> Tensor:
        """Returns by the running statistics that predictions go by, `[2, members, rows]`.

        By its own statistics a pass tells the clips of a pair apart that predictions rank at chance, which was seen.
        """
        self._ensemble.network.eval()
        parts = [torch.stack(self._returns(data, part)) for part in rows.split(self._pairs_per_pass)]
        self._ensemble.network.train()
        return torch.cat(parts, dim=-1)

    def _returns(self, data: PairTensors, rows: Tensor) -> tuple[Tensor, Tensor]:
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
        self._l2 = state["l2"].to(self._ensemble.device)
