"""Layers of all members at once against one plain layer after the other."""

import pytest
import torch

from rlhp_ray.reward.member_layers import MemberBatchNorm, MemberConv2d, MemberLinear, PairDropout

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


def test_batch_norm_equals_a_plain_one_per_member_while_training_and_afterwards():
    torch.manual_seed(0)
    norm = MemberBatchNorm(MEMBERS, 2)
    plain = [torch.nn.BatchNorm1d(2, momentum=0.01) for _ in range(MEMBERS)]
    with torch.no_grad():
        norm.gain.uniform_(0.5, 2)
        norm.shift.uniform_(-1, 1)
        for m, layer in enumerate(plain):
            layer.load_state_dict({"weight": norm.gain[m], "bias": norm.shift[m]}, strict=False)
    for training in (True, True, False):
        rows = 3 + 2 * torch.randn(50, MEMBERS * 2)
        norm.train(training)
        outputs = norm(rows)
        for m, layer in enumerate(plain):
            own = slice(2 * m, 2 * m + 2)
            torch.testing.assert_close(outputs[:, own], layer.train(training)(rows[:, own]))
            torch.testing.assert_close(norm.mean[m], layer.running_mean)
            torch.testing.assert_close(norm.variance[m], layer.running_var)
    assert norm.mean.min() > 0.01


def test_dropout_drops_its_share_and_keeps_the_mean():
    torch.manual_seed(0)
    dropped = PairDropout(0.25, shared=True)(torch.ones(2 * 20_000, 5))
    assert sorted(set(dropped.flatten().tolist())) == pytest.approx([0, 4 / 3])
    assert (dropped == 0).float().mean().item() == pytest.approx(0.25, abs=0.01)  # 7 standard errors


@pytest.mark.parametrize("rows_dim", [0, 1])
def test_a_shared_mask_is_the_same_for_both_clips_of_a_pair_and_new_for_each_pair(rows_dim):
    torch.manual_seed(0)
    left, right = PairDropout(0.5, shared=True, rows_dim=rows_dim)(torch.ones(40, 60)).chunk(2, dim=rows_dim)
    assert torch.equal(left, right)
    assert not torch.equal(left.select(rows_dim, 0), left.select(rows_dim, 1))


def test_separate_masks_differ():
    torch.manual_seed(0)
    left, right = PairDropout(0.5, shared=False)(torch.ones(40, 60)).chunk(2)
    assert not torch.equal(left, right)


@pytest.mark.parametrize("shared", [True, False])
def test_nothing_is_dropped_while_predicting(shared):
    inputs = torch.randn(7, 5)
    assert torch.equal(PairDropout(0.5, shared).eval()(inputs), inputs)


def test_a_shared_mask_needs_pairs():
    with pytest.raises(AssertionError, match="3 rows are no pairs"):
        PairDropout(0.5, shared=True)(torch.ones(3, 5))
