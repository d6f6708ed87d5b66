"""Each optimiser's first steps, and what its L2 does, against figures worked out by hand."""

import copy

import pytest
import torch

from rlhp_ray.reward.fit_recipe import FitRecipe
from rlhp_ray.reward.member_optimiser import MemberOptimiser
from rlhp_ray.reward.network_registry import build_network
from rlhp_ray.reward.network_spec import NetworkShape, NetworkSpec

START = 2.0
LR = 0.1
L2 = torch.tensor([0.0, 0.25])


def moved(gradients: list[float], l2: torch.Tensor, **recipe) -> tuple[list[float], list[float]]:
    """Weight and bias of two linear members of one input, from 2.0, after steps along these gradients of the loss."""
    network = build_network(NetworkShape(2, (1,), 0), NetworkSpec("mlp", ()))
    layer = network.layers[0]
    with torch.no_grad():
        layer.weight.fill_(START)
        layer.bias.fill_(START)
    optimiser = MemberOptimiser(network, LR, FitRecipe(**recipe))
    for gradient in gradients:
        optimiser.zero_grad()
        (gradient * (layer.weight.sum() + layer.bias.sum())).backward()
        optimiser.step(l2)
    return layer.weight.flatten().tolist(), layer.bias.flatten().tolist()


@pytest.mark.parametrize("optimiser", ["adam", "adamw"])
def test_adams_first_step_is_the_learning_rate_whatever_the_gradient(optimiser):
    weight, bias = moved([0.001], torch.zeros(2), optimiser=optimiser)
    assert weight == pytest.approx([START - LR] * 2, abs=1e-5) and bias == pytest.approx(weight)


def test_rmsprops_first_step_is_ten_learning_rates():
    """v = 0.01 g^2, so that g / sqrt(v) = 10."""
    weight, _ = moved([3.0], torch.zeros(2), optimiser="rmsprop")
    assert weight == pytest.approx([START - 10 * LR] * 2, abs=1e-5)


@pytest.mark.parametrize("optimiser", ["adam", "rmsprop"])
def test_l2_joins_the_gradient_of_weights_alone(optimiser):
    """Without a gradient of the loss, the penalty's alone moves what has a coefficient, by its sign."""
    weight, bias = moved([0.0], L2, optimiser=optimiser)
    step = LR if optimiser == "adam" else 10 * LR
    assert weight == pytest.approx([START, START - step], abs=1e-5)
    assert bias == [START, START]


def test_l2_of_adamw_shrinks_weights_after_the_step():
    """W -= lr * 2 l2 W: 2.0 -> 2.0 (1 - 0.1 * 2 * 0.25) = 1.9 without a gradient, 1.9 * 0.95 behind a step of 0.1."""
    weight, bias = moved([0.0], L2, optimiser="adamw")
    assert weight == pytest.approx([2.0, 1.9]) and bias == [START, START]
    weight, bias = moved([1.0], L2, optimiser="adamw")
    assert weight == pytest.approx([1.9, 1.9 * 0.95]) and bias == pytest.approx([1.9, 1.9])


@pytest.mark.parametrize("optimiser", ["adam", "adamw"])
def test_beta1_is_how_far_past_gradients_carry_on(optimiser):
    """A gradient of 1, then none. Momentum m = b (1 - b), unbiased by 1 - b^2; v = .999 (1 - .999), by 1 - .999^2."""
    second_step = (0.9 * 0.1 / (1 - 0.9**2)) / (0.999 * 0.001 / (1 - 0.999**2)) ** 0.5
    zero = torch.zeros(2)
    assert moved([1.0, 0.0], zero, optimiser=optimiser)[0] == pytest.approx([1.9 - LR * second_step] * 2, abs=1e-5)
    assert moved([1.0, 0.0], zero, optimiser=optimiser, beta1=0.0)[0] == pytest.approx([1.9] * 2, abs=1e-6)


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "rmsprop"])
def test_an_optimiser_goes_on_from_its_state(optimiser):
    def network():
        torch.manual_seed(0)
        return build_network(NetworkShape(2, (3,), 0), NetworkSpec("mlp", (4,)))

    def steps(target, source, count: int) -> None:
        rows = torch.linspace(-1, 1, 15).reshape(5, 3)
        for _ in range(count):
            target.zero_grad()
            source(rows, torch.zeros(5, 0)).square().sum().backward()
            target.step(L2)

    undisturbed, resumed = network(), network()
    first = MemberOptimiser(undisturbed, LR, FitRecipe(optimiser))
    steps(first, undisturbed, 2)
    second = MemberOptimiser(resumed, LR, FitRecipe(optimiser))
    resumed.load_state_dict(undisturbed.state_dict())
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    steps(first, undisturbed, 1)
    steps(second, resumed, 1)
    for one, other in zip(undisturbed.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)
