"""The gradient written out, beside autograd's, in double precision."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from ray.rllib.core.columns import Columns
from ray.rllib.core.distribution.torch.torch_distribution import TorchCategorical, TorchDiagGaussian
from ray.rllib.evaluation.postprocessing import Postprocessing

from rlhp_ray.policy.actor_critic import ActorCriticNetwork
from rlhp_ray.policy.mlp_gradient import MLPActorCriticGradient
from rlhp_ray.policy.ppo_loss import Coefficients, LossTerms, Rows, masked_mean

NUM_ROWS = 300
OBSERVATIONS = gym.spaces.Box(-1, 1, (4,), np.float32)
ACTIONS = [gym.spaces.Discrete(3), gym.spaces.Box(-1, 1, (2,), np.float32)]
SETTINGS = [
    Coefficients(clip=0.2, value_clip=float("inf"), value=0.5, entropy=0.0),
    Coefficients(clip=0.1, value_clip=0.5, value=0.7, entropy=0.3),
]


def network_for(actions: gym.Space, hidden_sizes: list[int]) -> ActorCriticNetwork:
    torch.manual_seed(1)
    network = ActorCriticNetwork(OBSERVATIONS, actions, hidden_sizes).double()
    with torch.no_grad():
        network.actor_head.weight *= 100  # so that the policy is not uniform
        if network.log_std is not None:
            network.log_std.copy_(torch.tensor([-0.7, 0.4]))
    for parameter in network.parameters():
        parameter.grad = torch.full_like(parameter, 7.0)  # has to be replaced, not added to
    return network


def rows_for(actions: gym.Space) -> Rows:
    """Ratios on both sides of the clip with advantages of both signs, value errors on both sides; a fifth is masked."""
    generator = torch.Generator().manual_seed(2)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    discrete = isinstance(actions, gym.spaces.Discrete)
    return Rows(
        {
            Columns.OBS: normal(NUM_ROWS, 4),
            Columns.ACTIONS: torch.randint(0, 3, (NUM_ROWS,), generator=generator) if discrete else normal(NUM_ROWS, 2),
            Columns.ACTION_LOGP: -1.0 - (0.0 if discrete else 1.5) + 0.5 * normal(NUM_ROWS),
            Columns.LOSS_MASK: torch.arange(NUM_ROWS) % 5 != 0,
            Postprocessing.ADVANTAGES: normal(NUM_ROWS),
            Postprocessing.VALUE_TARGETS: normal(NUM_ROWS),
        }
    )


def loss_by_autograd(network: ActorCriticNetwork, rows: Rows, coefficients: Coefficients) -> torch.Tensor:
    """Schulman et al. 2017, with RLlib's distributions."""
    inputs = network.action_distribution_inputs(network.features(rows[Columns.OBS]))
    kind = TorchCategorical if network.log_std is None else TorchDiagGaussian
    policy = kind.from_logits(inputs)
    ratio = torch.exp(policy.logp(rows[Columns.ACTIONS]) - rows[Columns.ACTION_LOGP])
    advantages, clip = rows[Postprocessing.ADVANTAGES], coefficients.clip
    surrogate = torch.min(advantages * ratio, advantages * ratio.clamp(1 - clip, 1 + clip))
    errors = (network.value(rows[Columns.OBS]) - rows[Postprocessing.VALUE_TARGETS]) ** 2
    clipped = errors.clamp(0, coefficients.value_clip)
    assert 20 < int((ratio > 1 + clip).sum()) < 280 and 20 < int((ratio < 1 - clip).sum()) < 280
    assert coefficients.value_clip == float("inf") or 20 < int((errors > coefficients.value_clip).sum()) < 280
    per_row = -surrogate + coefficients.value * clipped - coefficients.entropy * policy.entropy()
    return masked_mean(per_row, rows[Columns.LOSS_MASK])


@pytest.mark.parametrize("coefficients", SETTINGS, ids=["plain", "clipped values and entropy"])
@pytest.mark.parametrize("hidden_sizes", [[8], [16, 8], [8, 8, 8]], ids=str)
@pytest.mark.parametrize("actions", ACTIONS, ids=["discrete", "box"])
def test_the_gradient_is_autograds(actions, hidden_sizes, coefficients):
    network, rows = network_for(actions, hidden_sizes), rows_for(actions)
    expected_loss = loss_by_autograd(network, rows, coefficients)
    expected = torch.autograd.grad(expected_loss, list(network.parameters()))
    terms: LossTerms = MLPActorCriticGradient(network).write(rows, coefficients)
    for (name, parameter), gradient in zip(network.named_parameters(), expected, strict=True):
        np.testing.assert_allclose(parameter.grad, gradient, rtol=1e-9, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(terms.loss(coefficients), expected_loss.detach(), rtol=1e-12)


def test_a_row_that_does_not_count_changes_nothing():
    network, rows = network_for(ACTIONS[0], [8]), rows_for(ACTIONS[0])
    gradient = MLPActorCriticGradient(network)
    gradient.write(rows, SETTINGS[1])
    before = [parameter.grad.clone() for parameter in network.parameters()]
    rows[Postprocessing.ADVANTAGES][::5] = 1e6
    rows[Postprocessing.VALUE_TARGETS][::5] = -1e6
    gradient.write(rows, SETTINGS[1])
    for earlier, parameter in zip(before, network.parameters(), strict=True):
        np.testing.assert_array_equal(parameter.grad, earlier)


def test_a_loss_that_is_not_finite_shows_in_the_gradient():
    network, rows = network_for(ACTIONS[1], [8]), rows_for(ACTIONS[1])
    rows[Postprocessing.ADVANTAGES][1] = float("nan")
    MLPActorCriticGradient(network).write(rows, SETTINGS[0])
    assert any(not torch.isfinite(parameter.grad).all() for parameter in network.parameters())
