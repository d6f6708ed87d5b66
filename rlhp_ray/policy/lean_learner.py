"""RLlib's PPO learner for our own networks, with its bookkeeping once per update in place of once per minibatch.

On a small network RLlib spends most of a minibatch on itself: batches wrapped and sliced column by column, some twenty
metrics of which only the last value is kept, gradients searched for NaN tensor by tensor. What is learnt stays the same
to the bit: the same minibatches, loss, clipping and optimiser, in the same order.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from ray.rllib.algorithms.ppo.ppo import (
    LEARNER_RESULTS_KL_KEY,
    LEARNER_RESULTS_VF_EXPLAINED_VAR_KEY,
    LEARNER_RESULTS_VF_LOSS_UNCLIPPED_KEY,
    PPOConfig,
)
from ray.rllib.algorithms.ppo.torch.ppo_torch_learner import PPOTorchLearner
from ray.rllib.core import ALL_MODULES, DEFAULT_MODULE_ID
from ray.rllib.core.columns import Columns
from ray.rllib.core.learner.learner import ENTROPY_KEY, POLICY_LOSS_KEY, VF_LOSS_KEY
from ray.rllib.core.learner.training_data import TrainingData
from ray.rllib.evaluation.postprocessing import Postprocessing
from ray.rllib.utils.metrics import (
    MODULE_TRAIN_BATCH_SIZE_MEAN,
    NUM_ENV_STEPS_TRAINED,
    NUM_ENV_STEPS_TRAINED_LIFETIME,
    NUM_MODULE_STEPS_TRAINED,
    NUM_MODULE_STEPS_TRAINED_LIFETIME,
    WEIGHTS_SEQ_NO,
)
from ray.rllib.utils.torch_utils import compute_global_norm, explained_variance
from torch import Tensor

from rlhp_ray.policy.flat_adam import FlatAdam
from rlhp_ray.policy.rl_modules import ActorCriticRLModule

COLUMNS = (
    Columns.OBS,
    Columns.ACTIONS,
    Columns.ACTION_LOGP,
    Columns.LOSS_MASK,
    Postprocessing.ADVANTAGES,
    Postprocessing.VALUE_TARGETS,
)
"""Those of a training batch that the loss is made of."""


class Rows(dict[str, Tensor]):
    """Columns of a minibatch; its length is the number of rows."""

    def __len__(self) -> int:
        return len(self[Columns.OBS])


@dataclass(frozen=True, eq=False)
class Minibatch:
    """What RLlib's update loop asks of a minibatch.

    Args:
        policy_batches: the columns, by module.
        batch_env_steps: of the whole training batch, as RLlib counts them for each of its minibatches.
    """

    policy_batches: dict[str, Rows]
    batch_env_steps: int

    def env_steps(self) -> int:
        """As `MultiAgentBatch.env_steps`."""
        return self.batch_env_steps


@dataclass(frozen=True, eq=False)
class LossTerms:
    """What the loss of a minibatch was made of, each `[rows]` but the norm.

    Args:
        mask: of the rows that count.
        surrogate: clipped.
        value_errors: squared.
        clipped_value_errors: of these, what the loss takes.
        entropy: of the policy.
        values: predicted.
        value_targets: what they should have been.
        gradient_norm: over all parameters, before clipping.
    """

    mask: Tensor
    surrogate: Tensor
    value_errors: Tensor
    clipped_value_errors: Tensor
    entropy: Tensor
    values: Tensor
    value_targets: Tensor
    gradient_norm: Tensor

    def metrics(self) -> dict[str, Any]:
        """By RLlib's keys."""
        return {
            POLICY_LOSS_KEY: -masked_mean(self.surrogate, self.mask),
            VF_LOSS_KEY: masked_mean(self.clipped_value_errors, self.mask),
            LEARNER_RESULTS_VF_LOSS_UNCLIPPED_KEY: masked_mean(self.value_errors, self.mask),
            LEARNER_RESULTS_VF_EXPLAINED_VAR_KEY: explained_variance(self.value_targets, self.values),
            ENTROPY_KEY: masked_mean(self.entropy, self.mask),
            LEARNER_RESULTS_KL_KEY: torch.tensor(0.0),
            "gradients_default_optimizer_global_norm": self.gradient_norm,
        }


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of `[rows]` over those that count."""
    return torch.sum(values[mask]) / torch.sum(mask)


def cyclic_rows(num_rows: int, minibatch_size: int, num_epochs: int, shuffles: bool) -> Iterator[np.ndarray]:
    """Rows of each minibatch, in the order of RLlib's `MiniBatchCyclicIterator`.

    The batch is gone through in its own order first, then in a new one at each epoch's end, from which the minibatch
    that lies across it is filled up.

    Args:
        num_rows: of the batch, at least 1.
        minibatch_size: rows of each.
        num_epochs: passes that are begun and ended.
        shuffles: whether each later pass has an order of its own, from NumPy's global generator as RLlib draws it.
    """
    order, start, ended = np.arange(num_rows), 0, 0
    while ended < num_epochs:
        parts, wanted = [], minibatch_size
        while start + wanted >= num_rows:
            parts.append(order[start:])
            wanted -= num_rows - start
            start = 0
            ended += 1
            if shuffles:
                order = order[np.random.permutation(num_rows)]
        parts.append(order[start : start + wanted])
        start += wanted
        yield np.concatenate(parts)


class LeanPPOLearner(PPOTorchLearner):
    """Updates an `ActorCriticRLModule` as RLlib does; what it has no short way for is left to RLlib."""

    def build(self) -> None:
        super().build()
        self._is_lean = False
        self._row_counts: list[int] = []
        self._env_steps = 0
        self._last_terms: LossTerms | None = None
        self._adam: FlatAdam | None = None

    def _has_short_way(self) -> bool:
        config = self.config
        assert isinstance(config, PPOConfig)
        return (
            list(self.module.keys()) == [DEFAULT_MODULE_ID]
            and isinstance(self.module[DEFAULT_MODULE_ID], ActorCriticRLModule)  # several learners wrap it
            and config.use_critic
            and not config.use_kl_loss
            and config.grad_clip is not None
            and config.grad_clip_by == "global_norm"
            and not config.torch_compile_learner
            and config._torch_grad_scaler_class is None
            and config._torch_lr_scheduler_classes is None
        )

    def _create_iterator_if_necessary(
        self,
        *,
        training_data: TrainingData,
        num_total_minibatches: int = 0,
        num_epochs: int = 1,
        minibatch_size: int | None = None,
        shuffle_batch_per_epoch: bool = False,
        **kwargs: Any,
    ) -> Iterable[Any]:
        self._is_lean = (
            self._has_short_way()
            and minibatch_size is not None
            and num_total_minibatches == 0
            and training_data.episodes is not None
        )
        if not self._is_lean:
            return super()._create_iterator_if_necessary(
                training_data=training_data,
                num_total_minibatches=num_total_minibatches,
                num_epochs=num_epochs,
                minibatch_size=minibatch_size,
                shuffle_batch_per_epoch=shuffle_batch_per_epoch,
                **kwargs,
            )
        assert minibatch_size is not None
        batch = self._make_batch_if_necessary(training_data=training_data)
        self._compute_off_policyness(batch.policy_batches)
        columns = {name: batch.policy_batches[DEFAULT_MODULE_ID][name] for name in COLUMNS}
        shuffles = shuffle_batch_per_epoch and num_epochs > 1
        rows_of_each = cyclic_rows(len(columns[Columns.OBS]), minibatch_size, num_epochs, shuffles)
        return self._minibatches(columns, rows_of_each, batch.env_steps())

    def _minibatches(
        self, columns: dict[str, Tensor], rows_of_each: Iterable[np.ndarray], env_steps: int
    ) -> Iterator[Minibatch]:
        for numbers in rows_of_each:
            rows = torch.from_numpy(numbers).to(self._device)
            part = Rows((name, column[rows]) for name, column in columns.items())
            yield Minibatch({DEFAULT_MODULE_ID: part}, env_steps)

    def _update(self, batch: dict[str, Any], **kwargs: Any) -> tuple[Any, dict[str, Tensor], dict[str, Any]]:
        """One gradient step on a minibatch."""
        if not self._is_lean:
            return super()._update(batch, **kwargs)
        rows, config, module = batch[DEFAULT_MODULE_ID], self.config, self.module[DEFAULT_MODULE_ID]
        assert isinstance(config, PPOConfig) and isinstance(module, ActorCriticRLModule)
        features = module.network.features(rows[Columns.OBS])
        logits = module.network.action_distribution_inputs(features)
        policy = module.get_train_action_dist_cls().from_logits(logits)
        advantages, mask = rows[Postprocessing.ADVANTAGES], rows[Columns.LOSS_MASK]

        ratio = torch.exp(policy.logp(rows[Columns.ACTIONS]) - rows[Columns.ACTION_LOGP])
        clipped_ratio = torch.clamp(ratio, 1 - config.clip_param, 1 + config.clip_param)
        surrogate = torch.min(advantages * ratio, advantages * clipped_ratio)
        entropy = policy.entropy()
        assert isinstance(entropy, Tensor)
        values = module.network.value(rows[Columns.OBS], features)
        value_targets = rows[Postprocessing.VALUE_TARGETS]
        value_errors = torch.pow(values - value_targets, 2.0)
        clipped_value_errors = torch.clamp(value_errors, 0, config.vf_clip_param)
        entropy_coeff = self.entropy_coeff_schedulers_per_module[DEFAULT_MODULE_ID].get_current_value()
        loss = masked_mean(-surrogate + config.vf_loss_coeff * clipped_value_errors - entropy_coeff * entropy, mask)

        gradient_norm = self._follow(loss)
        self._last_terms = LossTerms(
            mask, surrogate, value_errors, clipped_value_errors, entropy, values, value_targets, gradient_norm
        )
        return {Columns.ACTION_DIST_INPUTS: logits}, {DEFAULT_MODULE_ID: loss}, {}

    def _follow(self, loss: Tensor) -> Tensor:
        """A step down the clipped gradient, and its norm before; one that is not finite is RLlib's matter."""
        if self._adam is None:
            optimiser = self.get_optimizer(DEFAULT_MODULE_ID)
            assert isinstance(optimiser, torch.optim.Adam)
            self._adam = FlatAdam(optimiser)
        self._adam.zero_grad()
        loss.backward()
        norm = self._adam.norm()
        if torch.isfinite(norm):
            assert self.config.grad_clip is not None
            self._adam.step(norm, self.config.grad_clip)
            return norm
        self._adam.settle()
        self._adam = None
        gradients = {name: parameter.grad for name, parameter in self._params.items()}
        norm = torch.as_tensor(compute_global_norm(list(gradients.values())))
        self.apply_gradients(self.postprocess_gradients(gradients))
        return norm

    def _log_steps_trained_metrics(self, batch: Any) -> None:
        """Counts them, where minibatches are ours: logged once, after all of them."""
        if not self._is_lean:
            super()._log_steps_trained_metrics(batch)
            return
        self._row_counts.append(len(batch.policy_batches[DEFAULT_MODULE_ID]))
        self._env_steps += batch.env_steps()

    def after_gradient_based_update(self, *, timesteps: dict[str, Any]) -> None:
        """RLlib's own, after what was kept of the minibatches is logged."""
        if self._adam is not None:
            self._adam.settle()
            self._adam = None  # weights or moments may be loaded until the next update
        if self._last_terms is not None:
            self._log_kept(self._last_terms)
            self._row_counts, self._env_steps, self._last_terms = [], 0, None
        super().after_gradient_based_update(timesteps=timesteps)

    def _log_kept(self, last: LossTerms) -> None:
        log = self.metrics.log_value
        self.metrics.log_dict(last.metrics(), key=DEFAULT_MODULE_ID, window=1)
        log((DEFAULT_MODULE_ID, WEIGHTS_SEQ_NO), self._weights_seq_no, window=1)
        for rows in self._row_counts:
            log((DEFAULT_MODULE_ID, MODULE_TRAIN_BATCH_SIZE_MEAN), rows, reduce="mean")
        for module, steps, once, ever in (
            (DEFAULT_MODULE_ID, sum(self._row_counts), NUM_MODULE_STEPS_TRAINED, NUM_MODULE_STEPS_TRAINED_LIFETIME),
            (ALL_MODULES, sum(self._row_counts), NUM_MODULE_STEPS_TRAINED, NUM_MODULE_STEPS_TRAINED_LIFETIME),
            (ALL_MODULES, self._env_steps, NUM_ENV_STEPS_TRAINED, NUM_ENV_STEPS_TRAINED_LIFETIME),
        ):
            log((module, once), steps, reduce="sum", with_throughput=module == ALL_MODULES)
            log((module, ever), steps, reduce="lifetime_sum", with_throughput=True)
