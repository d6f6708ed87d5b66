"""A network of the user's: all members at once give what each gives alone, and what cannot be used is told at once."""

import sys
import textwrap
from collections.abc import Callable, Iterator

import gymnasium as gym
import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call

from rlhp_ray.clips.clip import ClipArrays
from rlhp_ray.errors import RewardNetworkError
from rlhp_ray.reward.ensemble import RewardEnsemble
from rlhp_ray.reward.ensemble_fitting import EnsembleFitter
from rlhp_ray.reward.inference import load_reward, save_reward
from rlhp_ray.reward.labelled_pairs import LabelledPairs
from rlhp_ray.reward.network_registry import build_network
from rlhp_ray.reward.network_spec import NetworkShape, NetworkSpec
from rlhp_ray.reward.user_network import check_user_network

MODULE = "networks_of_a_user"
VECTORS, IMAGES = NetworkShape(3, (3,), 2), NetworkShape(3, (44, 48, 2), 2)
PLAIN = """
    import torch
    from torch import nn

    class Own(nn.Module):
        def __init__(self, observation_shape, action_size):
            super().__init__()
            self.first = nn.Linear(observation_shape[0] + action_size, 16)
            self.last = nn.Linear(16, 1)

        def forward(self, observations, actions):
            return self.last(torch.tanh(self.first(torch.cat([observations, actions], -1)))).squeeze(-1)
"""
NORMED = """
    import torch
    from torch import nn

    class Own(nn.Module):
        def __init__(self, observation_shape, action_size):
            super().__init__()
            self.body = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5))
            self.head = nn.Linear(8 + action_size, 1)

        def forward(self, observations, actions):
            return self.head(torch.cat([self.body(observations), actions], -1)).squeeze(-1)
"""
CONVOLUTIONS = """
    import torch
    from torch import nn

    class Own(nn.Module):
        def __init__(self, observation_shape, action_size):
            super().__init__()
            assert observation_shape == (2, 44, 48), observation_shape
            self.look = nn.Conv2d(observation_shape[0], 4, 8, 8)
            self.last = nn.Linear(4 * 5 * 6 + action_size, 1)

        def forward(self, observations, actions):
            seen = self.look(observations).flatten(1)
            return self.last(torch.cat([seen, actions], -1)).squeeze(-1)
"""
SPEC = NetworkSpec(f"{MODULE}:Own")


@pytest.fixture
def own(tmp_path, monkeypatch) -> Iterator[Callable[[str], None]]:
    """Writes the user's module, where it can be imported."""

    def write(text: str) -> None:
        (tmp_path / f"{MODULE}.py").write_text(textwrap.dedent(text))

    monkeypatch.syspath_prepend(str(tmp_path))
    yield write
    sys.modules.pop(MODULE, None)


def one_alone(network: nn.Module, member: int) -> dict[str, torch.Tensor]:
    return {name: value[member] for name, value in network.member.state_dict().items()}


def labelled(num_pairs: int = 40, steps: int = 4) -> LabelledPairs:
    rng = np.random.default_rng(0)
    left, right = (
        ClipArrays(rng.uniform(-1, 1, (num_pairs, steps, 3)).astype(np.float32), rng.integers(0, 2, (num_pairs, steps)))
        for _ in range(2)
    )
    mu_left = left.observations[..., 0].sum(1) > right.observations[..., 0].sum(1)
    every_1 = np.ones(num_pairs, np.float32)
    return LabelledPairs(left, right, mu_left.astype(np.float32), np.arange(num_pairs), every_1)


@torch.no_grad()
@pytest.mark.parametrize(("text", "shape"), [(PLAIN, VECTORS), (NORMED, VECTORS), (CONVOLUTIONS, IMAGES)])
def test_all_members_at_once_give_what_each_gives_alone(own, text, shape):
    own(text)
    network = build_network(shape, SPEC)
    observations = torch.rand(7, *shape.observation_shape)
    if shape.is_image:
        observations = (255 * observations).to(torch.uint8)
    actions = torch.rand(7, 2)
    rewards = network(observations, actions)
    assert rewards.shape == (3, 7)
    seen = observations.permute(0, 3, 1, 2) / 255 if shape.is_image else observations
    for m in range(3):
        torch.testing.assert_close(rewards[m], functional_call(network.member, one_alone(network, m), (seen, actions)))
    assert (rewards[0] - rewards[1]).abs().max() > 1e-3  # members start apart


def test_it_is_fitted_published_exported_and_loaded_like_any_other(own, make_spec, tmp_path):
    own(PLAIN)
    ensemble, pairs = RewardEnsemble(make_spec(network=SPEC.name)), labelled(200)
    metrics = EnsembleFitter(ensemble, 1e-2, 32, seed=0).fit(pairs, 20, 0)
    assert metrics.validation_accuracy > 0.85
    published = ensemble.publish(1, ensemble.member_rewards_of_clips(pairs.left))
    assert published.weights["member.first.weight"].shape == (3, 16, 5)
    follower = RewardEnsemble(make_spec(network=SPEC.name, seed=5))
    follower.load(published)
    save_reward(tmp_path / "export", ensemble.spec, published, "x")
    observations, actions = pairs.left.observations[0], pairs.left.actions[0]
    for other in (follower.rewards, load_reward(tmp_path / "export")):
        np.testing.assert_array_equal(other(observations, actions), ensemble.rewards(observations, actions))


def test_its_batch_norm_statistics_are_members_own_and_published(own, make_spec):
    own(NORMED)
    ensemble = RewardEnsemble(make_spec(network=SPEC.name))
    network, rows = ensemble.network, torch.randn(50, 3)
    network.train()(rows, torch.zeros(50, 2))
    hidden = torch.einsum("ni,moi->mno", rows, network.member.body[0].weight)
    hidden = (hidden + network.member.body[0].bias[:, None]).detach()
    published = ensemble.published().weights
    np.testing.assert_allclose(published["member.body.1.running_mean"], 0.1 * hidden.mean(1), atol=1e-6)
    np.testing.assert_allclose(published["member.body.1.running_var"], 0.9 + 0.1 * hidden.var(1), atol=1e-6)
    assert published["member.body.1.num_batches_tracked"].tolist() == [1, 1, 1]


def test_weights_are_penalised_and_biases_and_gains_are_not(own):
    own(NORMED)
    network = build_network(VECTORS, SPEC)
    penalised = {id(parameter) for parameter in network.penalised()}
    names = {name for name, parameter in network.named_parameters() if id(parameter) in penalised}
    assert names == {"member.body.0.weight", "member.head.weight"}


def test_tied_weights_stay_tied(own):
    own(PLAIN.replace("self.last = nn.Linear(16, 1)", "self.last = nn.Linear(16, 1); self.again = self.last"))
    network = build_network(VECTORS, SPEC)
    assert network.member.again.weight is network.member.last.weight
    assert len(list(network.parameters())) == 4


def test_the_output_may_be_bounded(own):
    own(PLAIN.replace(".squeeze(-1)", ".squeeze(-1) * 1e3"))
    rewards = build_network(VECTORS, NetworkSpec(SPEC.name, output="tanh"))(torch.randn(50, 3), torch.rand(50, 2))
    assert rewards.abs().max() == 1 and rewards.std() > 0.1


def test_without_actions_their_size_is_zero(own, make_spec):
    own(PLAIN)
    ensemble = RewardEnsemble(make_spec(network=SPEC.name, inputs="obs"))
    assert ensemble.network.member.first.weight.shape == (3, 16, 3)
    check_user_network(ensemble.spec.network_shape, ensemble.spec.network)


def test_next_observations_stand_behind_the_observations(own, make_spec):
    own(PLAIN)
    ensemble = RewardEnsemble(make_spec(network=SPEC.name, inputs="obs_action_next_obs"))
    assert ensemble.network.member.first.weight.shape == (3, 16, 3 + 3 + 2)
    check_user_network(ensemble.spec.network_shape, ensemble.spec.network)


@pytest.mark.parametrize(("text", "shape"), [(PLAIN, VECTORS), (NORMED, VECTORS), (CONVOLUTIONS, IMAGES)])
def test_what_can_be_used_passes_the_check_and_leaves_the_generator_alone(own, text, shape):
    own(text)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    check_user_network(shape, SPEC)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import nowhere_to_be_found", "module networks_of_a_user cannot be imported .ModuleNotFoundError"),
        (PLAIN.replace("class Own", "class Owm"), "has no class Own. Did you mean Owm?"),
        ("Own = 3", "Own is a int; expected a class"),
        ("def Own(observation_shape, action_size): return None", "expected a class of torch.nn.Module"),
        ("class Own:\n    def __init__(self, observation_shape, action_size): ...", "a class of torch.nn.Module"),
        (
            PLAIN.replace("observation_shape, action_size", "size"),
            "expected one to call with .observation_shape, action",
        ),
        (PLAIN.replace("nn.Linear(16, 1)", "nn.Linear(16, None)"), " raised TypeError: .* Correct the class"),
        (PLAIN.replace("nn.Linear(16, 1)", "nn.Linear(15, 1)"), " raised RuntimeError: "),
        (PLAIN.replace(".squeeze(-1)", ""), r"returned the shape \[1, 1\] for 1 steps; expected \[1\]"),
        (PLAIN.replace(".squeeze(-1)", ".squeeze()"), r"returned the shape \[\] for 1 steps; expected \[1\]"),
        (PLAIN.replace(".squeeze(-1)", ".squeeze(-1) / 0"), "expected finite numbers"),
        (PLAIN.replace(".squeeze(-1)", ".squeeze(-1).detach()"), "do not depend on the parameters"),
        (PLAIN.replace(".squeeze(-1)", ".squeeze(-1) * self.first.weight.max().item()"), "takes no branches on values"),
        (PLAIN.replace("nn.Linear(", "(lambda *sizes: torch.nn.ReLU())("), "no parameters"),
        (PLAIN.replace("16", "int(torch.randint(2, 99, ()))"), "weights cannot be stacked .*of the same shapes"),
    ],
)
def test_what_cannot_be_used_is_told_before_the_run(own, text, told):
    own(text)
    with pytest.raises(RewardNetworkError, match=f"reward.network=networks_of_a_user:Own.*{told}"):
        check_user_network(VECTORS, SPEC)


def test_images_of_the_environment_reach_it(own, make_spec):
    own(CONVOLUTIONS)
    ensemble = RewardEnsemble(make_spec(gym.spaces.Box(0, 255, (44, 48, 2), np.uint8), network=SPEC.name))
    rng = np.random.default_rng(0)
    clips = ClipArrays(rng.integers(0, 256, (2, 1 + 3, 44, 48), np.uint8), rng.integers(0, 2, (2, 3)), frame_stack=2)
    whole = ensemble.member_rewards_of_clips(clips)
    stacks = np.stack([clips.observations[1, step : step + 2].transpose(1, 2, 0) for step in range(3)])
    np.testing.assert_allclose(whole[:, 1], ensemble.member_rewards(stacks, clips.actions[1]), atol=1e-5)
