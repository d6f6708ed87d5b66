"""Adam on parameters that lie end to end, beside torch's own."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_

from rlhp_ray.policy.flat_adam import FlatAdam

MAX_NORM = 0.5


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(27, 17), nn.Tanh(), nn.Linear(17, 1))


def loss_of(net: nn.Module, step: int) -> torch.Tensor:
    """Large at first, so that some gradients are clipped and some are not."""
    inputs = torch.randn(5, 2, 5, 5, generator=torch.Generator().manual_seed(step))
    return (net(inputs) - inputs.mean()).square().mean() * (3.0 if step % 2 else 0.01)


def follow_torch(net: nn.Module, adam: torch.optim.Adam, steps: range) -> list[float]:
    norms = []
    for step in steps:
        adam.zero_grad()
        loss_of(net, step).backward()
        norms.append(float(clip_grad_norm_(net.parameters(), MAX_NORM)))
        adam.step()
    return norms


def follow_flat(net: nn.Module, adam: torch.optim.Adam, steps: range) -> list[float]:
    norms, flat = [], FlatAdam(adam)
    for step in steps:
        flat.zero_grad()
        loss_of(net, step).backward()
        norm = flat.norm()
        flat.step(norm, MAX_NORM)
        norms.append(float(norm))
    flat.settle()
    return norms


@pytest.mark.parametrize("ways", [(follow_flat, follow_flat), (follow_flat, follow_torch), (follow_torch, follow_flat)])
def test_steps_are_those_of_torch_whoever_goes_on(ways):
    nets = [network(), network()]
    adams = [torch.optim.Adam(net.parameters(), lr=0.01) for net in nets]
    norms = follow_torch(nets[0], adams[0], range(60))
    got = ways[0](nets[1], adams[1], range(30)) + ways[1](nets[1], adams[1], range(30, 60))
    np.testing.assert_allclose(got, norms, rtol=1e-4)
    assert min(norms) < MAX_NORM < max(norms)
    for expected, weights in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        np.testing.assert_allclose(weights.detach(), expected.detach(), rtol=1e-4, atol=1e-6)
    states = [adam.state_dict()["state"] for adam in adams]
    for key in states[0]:
        for name in ("step", "exp_avg", "exp_avg_sq"):
            np.testing.assert_allclose(states[1][key][name], states[0][key][name], rtol=1e-3, atol=1e-8)


def test_a_state_that_is_loaded_is_gone_on_from():
    first, second = network(), network()
    adam, other = (torch.optim.Adam(net.parameters(), lr=0.01) for net in (first, second))
    follow_flat(first, adam, range(7))
    second.load_state_dict(first.state_dict())
    other.load_state_dict(adam.state_dict())
    follow_flat(first, adam, range(7, 9))
    follow_flat(second, other, range(7, 9))
    for expected, weights in zip(first.parameters(), second.parameters(), strict=True):
        np.testing.assert_array_equal(weights.detach(), expected.detach())


def test_the_learning_rate_of_the_optimiser_is_followed():
    net, still = network(), network()
    adam = torch.optim.Adam(net.parameters(), lr=0.01)
    adam.param_groups[0]["lr"] = 0.0
    follow_flat(net, adam, range(3))
    for expected, weights in zip(still.parameters(), net.parameters(), strict=True):
        np.testing.assert_array_equal(weights.detach(), expected.detach())
