"""The networks of an ensemble against one plain torch network per member with the same weights."""

import pytest
import torch
from torch import nn

from rlhp_ray.reward.keypoint_network import KEYPOINT_FILTERS
from rlhp_ray.reward.network_registry import NETWORKS, build_network
from rlhp_ray.reward.network_spec import NetworkShape, NetworkSpec

MEMBERS = 3
IMAGE_NETWORKS = sorted({*NETWORKS} - {"mlp", "mlp_heads"})


def build(name: str, observation_shape: tuple[int, ...], action_size: int, members: int = MEMBERS, **options):
    torch.manual_seed(0)
    return build_network(NetworkShape(members, observation_shape, action_size), NetworkSpec(name, **options))


def plain_linear(layer, member: int) -> nn.Linear:
    weight, bias = layer.weight[member], layer.bias[member, 0]
    plain = nn.Linear(*weight.shape)
    plain.load_state_dict({"weight": weight.T, "bias": bias})
    return plain


def plain_convolution(layer, member: int, stride: int) -> nn.Conv2d:
    weight = layer.weight[member]
    plain = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[-1], stride)
    plain.load_state_dict({"weight": weight, "bias": layer.bias[member]})
    return plain


@torch.no_grad()
@pytest.mark.parametrize("hidden_sizes", [(), (8,), (16, 8)])
def test_mlp_equals_a_plain_network_per_member(hidden_sizes):
    network = build("mlp", (4,), 2, hidden_sizes=hidden_sizes)
    observations, actions = torch.randn(9, 4), torch.randn(9, 2)
    rewards = network(observations, actions)
    assert rewards.shape == (MEMBERS, 9)
    for m in range(MEMBERS):
        modules: list[nn.Module] = []
        for layer in network.layers:
            modules += [plain_linear(layer, m), nn.LeakyReLU(0.01)]
        expected = nn.Sequential(*modules[:-1])(torch.cat([observations, actions], dim=1))
        torch.testing.assert_close(rewards[m], expected[:, 0])
    assert (rewards[0] - rewards[1]).abs().max() > 1e-3  # members start apart


@torch.no_grad()
def test_heads_equal_a_plain_network_per_member_and_its_output_for_the_action():
    network = build("mlp_heads", (4,), 3, hidden_sizes=(16, 8))
    observations, chosen = torch.randn(2, 9, 4), torch.randint(0, 3, (2, 9))
    actions = nn.functional.one_hot(chosen, 3).float()
    rewards = network(observations, actions)
    assert rewards.shape == (MEMBERS, 2, 9)
    for m in range(MEMBERS):
        modules: list[nn.Module] = []
        for layer in network.layers:
            modules += [plain_linear(layer, m), nn.LeakyReLU(0.01)]
        outputs = nn.Sequential(*modules[:-1])(observations)
        torch.testing.assert_close(rewards[m], outputs.gather(-1, chosen[..., None])[..., 0])


def test_heads_need_actions():
    with pytest.raises(ValueError, match="sees actions"):
        build("mlp_heads", (4,), 0)


@torch.no_grad()
def test_cnn_equals_the_papers_network_per_member():
    """C17 A.2: kernels 7, 5, 3, 3 with strides 3, 2, 1, 1 and 16 filters each, then 64 units and a scalar."""
    network = build("cnn", (84, 84, 4), 5)
    frames = torch.randint(0, 256, (4, 84, 84, 4), dtype=torch.uint8)
    actions = nn.functional.one_hot(torch.tensor([0, 4, 2, 2]), 5).float()
    rewards = network(frames, actions)
    assert rewards.shape == (MEMBERS, 4)
    assert [tuple(layer.weight.shape[1:]) for layer in network.convolutions] == [
        (16, 4, 7, 7),
        (16, 16, 5, 5),
        (16, 16, 3, 3),
        (16, 16, 3, 3),
    ]
    for m in range(MEMBERS):
        images = torch.stack([frames[..., channel] for channel in range(4)], dim=1) / 255
        for layer, stride in zip(network.convolutions, (3, 2, 1, 1), strict=True):
            images = nn.functional.leaky_relu(plain_convolution(layer, m, stride)(images), 0.01)
        assert images.shape == (4, 16, 7, 7)
        hidden = plain_linear(network.hidden, m)(torch.cat([images.flatten(1), actions], dim=1))
        assert hidden.shape == (4, 64)
        expected = plain_linear(network.output, m)(nn.functional.leaky_relu(hidden, 0.01))
        torch.testing.assert_close(rewards[m], expected[:, 0])
    assert (rewards[0] - rewards[1]).abs().max() > 1e-3


def plain_keypoints(responses, sharpness):
    """Finn et al. 2016: the mean position under the softmax of a filter's response over the frame."""
    scaled = sharpness * responses / responses.flatten(2).std(-1, correction=0)[..., None, None]
    attention = torch.softmax(scaled.flatten(2), -1).reshape(responses.shape)
    rows = (attention.sum(3) * torch.linspace(-1, 1, responses.shape[2])).sum(-1)
    columns = (attention.sum(2) * torch.linspace(-1, 1, responses.shape[3])).sum(-1)
    return torch.stack([rows, columns], -1)


@torch.no_grad()
def test_keypoints_equal_a_plain_computation_per_member():
    network = build("keypoint_cnn", (84, 44, 2), 3, hidden_sizes=(8,))
    frames = torch.randint(0, 256, (1, 4, 84, 44), dtype=torch.uint8)
    points = network.points(frames, stack=2)
    assert points.shape == (MEMBERS, 1, 3, KEYPOINT_FILTERS * 2 * 3)
    for m in range(MEMBERS):
        responses = plain_convolution(network.convolution, m, 4)(frames[0, :, None] / 255)
        assert responses.shape == (4, KEYPOINT_FILTERS, 20, 10)
        positions = plain_keypoints(responses, 0.15)
        motions = plain_keypoints(responses[1:] - responses[:-1], 0.6)
        expected = torch.stack([positions[:-1], positions[1:], motions], -1)
        torch.testing.assert_close(points[m, 0], expected.flatten(1), atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_keypoints_follow_a_dot_and_are_finite_where_nothing_is_shown():
    network = build("keypoint_cnn", (84, 84, 1), 3, members=1, hidden_sizes=(8,))
    network.convolution.weight[:] = 1.0
    frames = torch.zeros(1, 3, 84, 84, dtype=torch.uint8)
    frames[0, 1, 20:22, 60:62] = 255
    frames[0, 2, 60:62, 20:22] = 255
    empty, first, second = network.points(frames, stack=1)[0, 0, :, :2]
    torch.testing.assert_close(empty, torch.zeros(2), atol=1e-5, rtol=0)
    for point, direction in ((first, [-1, 1]), (second, [1, -1])):  # rows 21 and 61 of 84, columns 61 and 21
        assert (point * torch.tensor(direction) > 0.01).all() and point.abs().max() < 0.03


@torch.no_grad()
def test_points_of_changes_find_a_small_thing_among_large_ones_that_stand_still():
    network = build("keypoint_cnn", (84, 84, 2), 3, members=1, hidden_sizes=(8,))
    network.convolution.weight[:] = 1.0
    frames = torch.zeros(1, 4, 84, 84, dtype=torch.uint8)
    frames[..., :12, :] = 255
    frames[..., 30:54, 4:8] = 255
    frames[0, 1, 20:22, 60:62] = 255
    frames[0, 2:, 60:62, 20:22] = 255
    y, x = network.points(frames, stack=2)[0, 0].unflatten(-1, (KEYPOINT_FILTERS, 2, 3))[:, 0].movedim(1, 0)
    for coordinate, direction in ((y, -1), (x, 1)):  # the dot is at rows 21, then 61, and columns 61, then 21, of 84
        newest, (appeared, moved, stood) = coordinate[:, 1], coordinate[:, 2]
        assert newest.max() - newest.min() < 0.03
        assert appeared * direction > 0.3 and moved * direction < -0.15 and abs(stood) < 1e-5


@torch.no_grad()
@pytest.mark.parametrize("name", IMAGE_NETWORKS)
def test_clips_read_frame_by_frame_give_what_their_stacks_give(name):
    network = build(name, (48, 44, 3), 2)
    frames, actions = torch.randint(0, 256, (5, 2 + 6, 48, 44), dtype=torch.uint8), torch.rand(5, 6, 2)
    whole = network.of_frames(frames, actions, 3)
    assert whole.shape == (MEMBERS, 5, 6)
    torch.testing.assert_close(network(frames.unfold(1, 3, 1), actions), whole)
    assert whole.std() > 1e-4


@torch.no_grad()
@pytest.mark.parametrize("name", IMAGE_NETWORKS)
def test_rows_of_a_batch_do_not_see_each_other(name):
    network = build(name, (48, 48, 2), 3, members=2)
    frames, actions = torch.randint(0, 256, (3, 48, 48, 2), dtype=torch.uint8), torch.rand(3, 3)
    singles = torch.cat([network(frames[i : i + 1], actions[i : i + 1]) for i in range(3)], dim=1)
    torch.testing.assert_close(network(frames, actions), singles)
