"""RLlib's PPO learner for our own networks, with its bookkeeping once per update in place of once per minibatch.

On a small network RLlib spends most of a minibatch on itself: batches wrapped and sliced column by column, some twenty
metrics of which only the last value is kept, gradients searched for NaN tensor by tensor; and PyTorch most of the rest
on autograd's graph. What is learnt stays the same but for rounding: the same minibatches, loss, clipping and optimiser,
in the same order.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from ray.rllib.algorithms.ppo.ppo import PPOConfig
from ray.rllib.algorithms.ppo.torch.ppo_torch_learner import PPOTorchLearner
from ray.rllib.core import ALL_MODULES, DEFAULT_MODULE_ID
from ray.rllib.core.columns import Columns
from ray.rllib.core.learner.learner import Learner
from ray.rllib.core.learner.training_data import TrainingData
from ray.rllib.utils.metrics import (
    MODULE_TRAIN_BATCH_SIZE_MEAN,
    NUM_ENV_STEPS_TRAINED,
    NUM_ENV_STEPS_TRAINED_LIFETIME,
    NUM_MODULE_STEPS_TRAINED,
    NUM_MODULE_STEPS_TRAINED_LIFETIME,
    WEIGHTS_SEQ_NO,
)
from ray.rllib.utils.torch_utils import compute_global_norm
from torch import Tensor

from rlhp_ray.policy.flat_adam import FlatAdam
from rlhp_ray.policy.mlp_gradient import MLPActorCriticGradient
from rlhp_ray.policy.ppo_loss import COLUMNS, Coefficients, LossTerms, Rows, loss_terms
from rlhp_ray.policy.rl_modules import ActorCriticRLModule


@dataclass(frozen=True, eq=False)
class LastMinibatch:
    """Of an update: what its metrics are made of.

    Args:
        terms: of the loss.
        coefficients: of the loss.
        gradient_norm: over all parameters, before clipping.
    """

    terms: LossTerms
    coefficients: Coefficients
    gradient_norm: Tensor

    def metrics(self) -> dict[str, Any]:
        """By RLlib's keys."""
        return self.terms.metrics() | {
            Learner.TOTAL_LOSS_KEY: self.terms.loss(self.coefficients),
            "gradients_default_optimizer_global_norm": self.gradient_norm,
        }


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
        self._last: LastMinibatch | None = None
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
            part = Rows((name, column.index_select(0, rows)) for name, column in columns.items())
            yield Minibatch({DEFAULT_MODULE_ID: part}, env_steps)

    def _update(self, batch: dict[str, Any], **kwargs: Any) -> tuple[Any, dict[str, Tensor], dict[str, Any]]:
        """One gradient step on a minibatch."""
        if not self._is_lean:
            return super()._update(batch, **kwargs)
        if self._adam is None:
            optimiser = self.get_optimizer(DEFAULT_MODULE_ID)
            assert isinstance(optimiser, torch.optim.Adam)
            self._adam = FlatAdam(optimiser)
        coefficients = self._coefficients()
        terms = self._write_gradients(batch[DEFAULT_MODULE_ID], coefficients, self._adam)
        self._last = LastMinibatch(terms, coefficients, self._follow(self._adam))
        return {}, {}, {}

    def _coefficients(self) -> Coefficients:
        config = self.config
        assert isinstance(config, PPOConfig)
        entropy_coeff = self.entropy_coeff_schedulers_per_module[DEFAULT_MODULE_ID].get_current_value()
        return Coefficients(config.clip_param, config.vf_clip_param, config.vf_loss_coeff, float(entropy_coeff))

    def _write_gradients(self, rows: Rows, coefficients: Coefficients, adam: FlatAdam) -> LossTerms:
        module = self.module[DEFAULT_MODULE_ID]
        assert isinstance(module, ActorCriticRLModule)
        if not module.network.is_image:
            return MLPActorCriticGradient(module.network).write(rows, coefficients)
        terms = loss_terms(module, rows, coefficients)
        adam.zero_grad()
        terms.loss(coefficients).backward()
        return terms

    def _follow(self, adam: FlatAdam) -> Tensor:
        """A step down the clipped gradient, and its norm before; one that is not finite is RLlib's matter."""
        norm = adam.norm()
        if torch.isfinite(norm):
            assert self.config.grad_clip is not None
            adam.step(norm, self.config.grad_clip)
            return norm
        adam.settle()
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
        if self._last is not None:
            self._log_kept(self._last)
            self._row_counts, self._env_steps, self._last = [], 0, None
        super().after_gradient_based_update(timesteps=timesteps)

    def _log_kept(self, last: LastMinibatch) -> None:
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
