"""PPO's loss on a minibatch, as RLlib defines it, and what it is made of.

With r = pi(a | s) / pi_old(a | s), A the advantage, V the value, T its target and H the policy's entropy, the mean over
the rows that count of

    -min(A r, A clip(r, 1 - c, 1 + c)) + k_V min((V - T)^2, c_V) - k_H H        (Schulman et al. 2017, eq. 7 and 9)
"""

from dataclasses import dataclass
from typing import Any

import torch
from ray.rllib.algorithms.ppo.ppo import (
    LEARNER_RESULTS_KL_KEY,
    LEARNER_RESULTS_VF_EXPLAINED_VAR_KEY,
    LEARNER_RESULTS_VF_LOSS_UNCLIPPED_KEY,
)
from ray.rllib.core.columns import Columns
from ray.rllib.core.learner.learner import ENTROPY_KEY, POLICY_LOSS_KEY, VF_LOSS_KEY
from ray.rllib.evaluation.postprocessing import Postprocessing
from ray.rllib.utils.torch_utils import explained_variance
from torch import Tensor

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


@dataclass(frozen=True)
class Coefficients:
    """Of the loss.

    Args:
        clip: c, of the ratio.
        value_clip: c_V.
        value: k_V.
        entropy: k_H.
    """

    clip: float
    value_clip: float
    value: float
    entropy: float


@dataclass(frozen=True, eq=False)
class LossTerms:
    """What the loss of a minibatch is made of, each `[rows]`.

    Args:
        rows: of which it is the loss.
        surrogate: min(A r, A clip(r)).
        value_errors: squared.
        clipped_value_errors: of these, what the loss takes.
        entropy: of the policy.
        values: predicted.
    """

    rows: Rows
    surrogate: Tensor
    value_errors: Tensor
    clipped_value_errors: Tensor
    entropy: Tensor
    values: Tensor

    def loss(self, coefficients: Coefficients) -> Tensor:
        """The mean over the rows that count."""
        per_row = -self.surrogate + coefficients.value * self.clipped_value_errors - coefficients.entropy * self.entropy
        return masked_mean(per_row, self.rows[Columns.LOSS_MASK])

    def metrics(self) -> dict[str, Any]:
        """By RLlib's keys."""
        mask = self.rows[Columns.LOSS_MASK]
        return {
            POLICY_LOSS_KEY: -masked_mean(self.surrogate, mask),
            VF_LOSS_KEY: masked_mean(self.clipped_value_errors, mask),
            LEARNER_RESULTS_VF_LOSS_UNCLIPPED_KEY: masked_mean(self.value_errors, mask),
            LEARNER_RESULTS_VF_EXPLAINED_VAR_KEY: explained_variance(
                self.rows[Postprocessing.VALUE_TARGETS], self.values
            ),
            ENTROPY_KEY: masked_mean(self.entropy, mask),
            LEARNER_RESULTS_KL_KEY: torch.tensor(0.0),
        }


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of `[rows]` over those that count."""
    return torch.sum(values[mask]) / torch.sum(mask)


def loss_terms(module: ActorCriticRLModule, rows: Rows, coefficients: Coefficients) -> LossTerms:
    """For any network, with a graph for autograd."""
    features = module.network.features(rows[Columns.OBS])
    logits = module.network.action_distribution_inputs(features)
    policy = module.get_train_action_dist_cls().from_logits(logits)
    entropy, logp = policy.entropy(), policy.logp(rows[Columns.ACTIONS])
    assert isinstance(entropy, Tensor) and isinstance(logp, Tensor)
    ratio = torch.exp(logp - rows[Columns.ACTION_LOGP])
    values = module.network.value(rows[Columns.OBS], features)
    errors = torch.pow(values - rows[Postprocessing.VALUE_TARGETS], 2.0)
    return LossTerms(
        rows=rows,
        surrogate=clipped_surrogate(rows[Postprocessing.ADVANTAGES], ratio, coefficients.clip),
        value_errors=errors,
        clipped_value_errors=torch.clamp(errors, 0, coefficients.value_clip),
        entropy=entropy,
        values=values,
    )


def clipped_surrogate(advantages: Tensor, ratio: Tensor, clip: float) -> Tensor:
    """min(A r, A clip(r, 1 - c, 1 + c))."""
    return torch.min(advantages * ratio, advantages * torch.clamp(ratio, 1 - clip, 1 + clip))
