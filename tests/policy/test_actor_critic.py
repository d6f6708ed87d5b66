"""The policy's networks against figures of their own."""

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlhp_ray.config.loading import load_config
from rlhp_ray.envs.env_choice import EnvChoice
from rlhp_ray.policy import precision
from rlhp_ray.policy.actor_critic import ActorCriticNetwork, CNNTrunk
from rlhp_ray.policy.inference import TrainedPolicy
from rlhp_ray.policy.precision import policy_precision, precision_text
from rlhp_ray.reward.observation_scaling import ObservationScaling

FRAMES, BUTTONS = gym.spaces.Box(0, 255, (84, 84, 4), np.uint8), gym.spaces.Discrete(6)


def test_frames_are_scaled_to_one_before_they_are_convolved():
    space = gym.spaces.Box(0, 255, (84, 84, 4), np.uint8)
    network = ActorCriticNetwork(space, gym.spaces.Discrete(6), [])
    frames = torch.randint(0, 256, (5, 84, 84, 4), dtype=torch.uint8)
    trunk = network.actor_trunk
    scaled = (frames.double() / 255).permute(0, 3, 1, 2)
    expected = torch.relu(trunk.double().hidden(trunk.convolutions(scaled).flatten(1)))
    torch.testing.assert_close(trunk.float()(frames).double(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(84, 84, 4), (86, 91, 4), (84, 84, 3), (60, 84, 1)])
def test_by_blocks_the_same_features_come_out(shape):
    trunk = CNNTrunk(shape)
    frames = torch.randint(0, 256, (3, *shape), dtype=torch.uint8)
    torch.testing.assert_close(trunk.by_blocks(frames, torch.float32), trunk(frames), rtol=1e-4, atol=1e-5)


def test_by_blocks_the_same_gradients_come_out():
    trunk = CNNTrunk((84, 84, 4)).double()
    frames = torch.randint(0, 256, (3, 84, 84, 4), dtype=torch.uint8)
    upstream = torch.randn(3, trunk.out_size, dtype=torch.float64)
    (trunk.by_blocks(frames, torch.float64) * upstream).sum().backward()
    found = [parameter.grad.clone() for parameter in trunk.parameters()]
    trunk.zero_grad()
    (trunk.float()(frames) * upstream.float()).sum().backward()
    for gradient, parameter in zip(found, trunk.parameters(), strict=True):
        torch.testing.assert_close(gradient.float(), parameter.grad, rtol=1e-3, atol=1e-4)


def test_bfloat16_is_near_float32_and_exact_is_float32():
    network = ActorCriticNetwork(FRAMES, BUTTONS, [], torch.bfloat16)
    frames = torch.randint(0, 256, (8, 84, 84, 4), dtype=torch.uint8)
    features, exact = network.features(frames), network.features(frames, exact=True)
    assert features.dtype == exact.dtype == torch.float32
    error = (features - exact).norm() / exact.norm()
    assert 0 < error < 0.02  # of three significant digits
    plain = ActorCriticNetwork(FRAMES, BUTTONS, [])
    plain.load_state_dict(network.state_dict())
    torch.testing.assert_close(exact, plain.features(frames), rtol=0, atol=0)


def test_a_policy_is_judged_in_float32_whatever_it_learnt_in():
    network = ActorCriticNetwork(FRAMES, BUTTONS, [], torch.bfloat16)
    plain = ActorCriticNetwork(FRAMES, BUTTONS, [])
    plain.load_state_dict(network.state_dict())
    frames = np.random.default_rng(0).integers(0, 256, (64, 84, 84, 4), dtype=np.uint8)
    scaling, env = ObservationScaling.from_space(FRAMES), EnvChoice("some/Env-v0")
    judged, expected = (TrainedPolicy(net, scaling, BUTTONS, env).act(frames) for net in (network, plain))
    np.testing.assert_array_equal(judged, expected)


@pytest.mark.parametrize(
    ("has", "asked", "expected", "told"),
    [
        ({"amx_bf16": True}, "auto", "bfloat16", "in bfloat16, with amx_bf16"),
        ({"avx512_bf16": True}, "auto", "bfloat16", "in bfloat16, with avx512_bf16"),
        ({"avx2": True}, "auto", "float32", "in float32: this processor has no instructions for bfloat16"),
        ({"amx_bf16": True}, "float32", "float32", "in float32"),
        ({"avx2": True}, "bfloat16", "bfloat16", "for which this processor has no instructions: it is slow"),
    ],
)
def test_the_precision_is_what_the_processor_is_fast_in(monkeypatch, has, asked, expected, told):
    monkeypatch.setattr(precision.torch.cpu, "get_capabilities", lambda: has)
    run = load_config("moving_dot_pixels", [f"training.precision={asked}"])
    assert policy_precision(run) == expected
    assert precision_text(run).endswith(told)
