"""Layers of all members at once against one plain layer after the other."""

import pytest
import torch

from rlhp_ray.reward.member_layers import MemberConv2d, MemberLinear

MEMBERS = 3


def test_linear_equals_a_loop_over_members():
    torch.manual_seed(0)
    layer, inputs = MemberLinear(MEMBERS, 5, 4), torch.randn(MEMBERS, 7, 5)
    outputs = layer(inputs)
    assert outputs.shape == (MEMBERS, 7, 4)
    for m in range(MEMBERS):
        expected = torch.nn.functional.linear(inputs[m], layer.weight[m].T, layer.bias[m, 0])
        torch.testing.assert_close(outputs[m], expected)


def test_the_first_convolution_shows_every_member_the_same_frames():
    torch.manual_seed(0)
    layer = MemberConv2d(MEMBERS, in_channels=4, out_channels=6, kernel_size=5, stride=2, shared_input=True)
    frames = torch.randn(2, 4, 17, 15)
    outputs = layer(frames)
    assert outputs.shape == (2, MEMBERS * 6, 7, 6)
    for m in range(MEMBERS):
        expected = torch.nn.functional.conv2d(frames, layer.weight[m], layer.bias[m], stride=2)
        torch.testing.assert_close(outputs[:, 6 * m : 6 * (m + 1)], expected)


def test_later_convolutions_keep_members_apart():
    torch.manual_seed(0)
    layer = MemberConv2d(MEMBERS, in_channels=4, out_channels=6, kernel_size=3, stride=1, shared_input=False)
    frames = torch.randn(2, MEMBERS * 4, 9, 8)
    outputs = layer(frames)
    for m in range(MEMBERS):
        own = frames[:, 4 * m : 4 * (m + 1)]
        expected = torch.nn.functional.conv2d(own, layer.weight[m], layer.bias[m])
        torch.testing.assert_close(outputs[:, 6 * m : 6 * (m + 1)], expected)


@pytest.mark.parametrize(
    ("layer", "fan_in"),
    [
        (MemberLinear(MEMBERS, 400, 50), 400),
        (MemberConv2d(MEMBERS, 8, 16, 5, 1, shared_input=False), 8 * 5 * 5),
    ],
    ids=["linear", "convolution"],
)
def test_initial_weights_have_the_size_of_one_members_layer_not_of_all(layer, fan_in):
    """Uniform within 1/sqrt(fan in), as torch initialises one plain layer; the standard deviation is bound/sqrt(3)."""
    bound = fan_in**-0.5
    for member in layer.weight:
        assert member.abs().max() <= bound
        assert member.std().item() == pytest.approx(bound / 3**0.5, rel=0.05)
