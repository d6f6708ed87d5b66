"""A saved policy is taken up by a run that it fits, and refused by any other."""

import json

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlhp_ray.config.schema import RunConfig
from rlhp_ray.envs.env_choice import EnvChoice
from rlhp_ray.errors import CheckpointError
from rlhp_ray.policy.actor_critic import ActorCriticNetwork
from rlhp_ray.policy.inference import load_fitting_policy, load_policy, save_policy
from rlhp_ray.policy.starting_point import load_starting_point
from rlhp_ray.reward.ensemble import EnsembleSpec, RewardEnsemble
from rlhp_ray.reward.inference import save_reward
from rlhp_ray.reward.network_spec import NetworkSpec
from rlhp_ray.reward.observation_scaling import ObservationScaling

POINTS = gym.spaces.Box(-1.0, 1.0, (3,), np.float32)
HALF_OPEN = gym.spaces.Box(np.array([-1, -np.inf], np.float32), np.array([1, np.inf], np.float32))
FRAMES = gym.spaces.Box(0, 255, (84, 84, 4), np.uint8)
BUTTONS, TORQUES = gym.spaces.Discrete(2, start=1), gym.spaces.Box(-2.0, 2.0, (2,), np.float32)


@pytest.fixture
def saved(tmp_path):
    """Saves a policy and gives its directory and network."""

    def save(scaling, action_space=BUTTONS, hidden_sizes=(8,), samples=False):
        network = ActorCriticNetwork(scaling.scaled_space, action_space, hidden_sizes)
        env = EnvChoice("some/Env-v0")
        save_policy(tmp_path / "saved", network, scaling, action_space, env, hidden_sizes, samples)
        return tmp_path / "saved", network

    return save


@pytest.mark.parametrize("action_space", [BUTTONS, TORQUES])
@pytest.mark.parametrize("space", [POINTS, FRAMES])
def test_a_policy_that_fits_has_the_weights_that_were_saved(saved, space, action_space):
    scaling = ObservationScaling.from_space(space)
    directory, network = saved(scaling, action_space)
    loaded = load_fitting_policy(directory, scaling, action_space, (8,)).network
    expected = network.state_dict()
    assert loaded.state_dict().keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in loaded.state_dict().items())


SAME = np.tile(np.float32([0.3, -0.2, 0.9]), (20_000, 1))


@pytest.mark.parametrize(("of_run", "asked", "draws"), [(False, None, False), (True, None, True), (True, False, False)])
def test_a_policy_acts_as_its_run_was_evaluated_unless_told_otherwise(saved, of_run, asked, draws):
    directory, network = saved(ObservationScaling.from_space(POINTS), samples=of_run)
    network.actor_head.bias.data[:] = torch.tensor([0.0, 1.0])
    save_policy(
        directory, network, ObservationScaling.from_space(POINTS), BUTTONS, EnvChoice("some/Env-v0"), (8,), of_run
    )
    with torch.no_grad():
        logits = network.action_distribution_inputs(network.features(torch.from_numpy(SAME[:1])))[0].numpy()
    likely = 1 / (1 + np.exp(logits[0] - logits[1]))  # the sigmoid of their difference
    actions = load_policy(directory, asked).act(SAME)
    assert set(actions) <= {1, 2}
    expected = likely if draws else float(likely > 0.5)
    assert (actions == 2).mean() == pytest.approx(expected, abs=0.015 if draws else 0)  # 4 standard errors
    np.testing.assert_array_equal(actions, load_policy(directory, asked).act(SAME))


def test_continuous_actions_are_drawn_around_their_mean(saved):
    directory, _ = saved(ObservationScaling.from_space(POINTS), TORQUES, samples=True)
    actions = load_policy(directory).act(SAME)
    mean = load_policy(directory, samples_actions=False).act(SAME[:1])
    assert actions.shape == (20_000, 2)
    assert actions.std(0) == pytest.approx([1.4, 1.4], abs=0.1)  # a deviation of 1, clipped to [-1, 1], times 2
    np.testing.assert_allclose(actions.mean(0), mean[0], atol=0.1)


def test_a_policy_saved_before_actions_were_drawn_acts_greedily(saved):
    directory, _ = saved(ObservationScaling.from_space(POINTS), samples=True)
    header = json.loads((directory / "policy.json").read_text())
    del header["samples_actions"]
    (directory / "policy.json").write_text(json.dumps(header))
    assert len(set(load_policy(directory).act(SAME))) == 1


def test_a_network_for_images_has_its_own_sizes(saved):
    scaling = ObservationScaling.from_space(FRAMES)
    directory, _ = saved(scaling)
    assert load_fitting_policy(directory, scaling, BUTTONS, (64, 64)).network.is_image


def test_entries_without_bounds_take_the_scaling_of_the_policy(saved):
    fitted = ObservationScaling.from_space(HALF_OPEN).fitted_to(np.array([[0, 3], [0, 5]]))
    directory, _ = saved(fitted)
    loaded = load_fitting_policy(directory, ObservationScaling.from_space(HALF_OPEN), BUTTONS, (8,))
    np.testing.assert_array_equal(loaded.scaling.offset, [0, 4])
    assert not loaded.scaling.needs_data


@pytest.mark.parametrize(
    ("space", "action_space", "sizes", "expected"),
    [
        (
            gym.spaces.Box(-1.0, 1.0, (4,)),
            BUTTONS,
            (8,),
            r"has observations linear of shape \(3,\).* linear of shape \(4,",
        ),
        (
            gym.spaces.Box(-1.0, 3.0, (3,)),
            BUTTONS,
            (8,),
            r"offset \[0. 0. 0.\] and scale .* expects .*offset \[1. 1. 1.\]",
        ),
        (gym.spaces.Discrete(3), BUTTONS, (8,), r"observations linear of shape \(3,\).* expects one_hot of shape \(\)"),
        (POINTS, TORQUES, (8,), r"has the action space Discrete\(2, start=1\); this run expects Box"),
        (POINTS, BUTTONS, (8, 8), r"has training.hidden_sizes \[8\]; this run expects \[8, 8\]. Load a policy"),
    ],
)
def test_other_spaces_and_networks_are_refused(saved, space, action_space, sizes, expected):
    directory, _ = saved(ObservationScaling.from_space(POINTS))
    with pytest.raises(CheckpointError, match=expected) as caught:
        load_fitting_policy(directory, ObservationScaling.from_space(space), action_space, sizes)
    assert f"{directory} (trained in some/Env-v0)" in str(caught.value)


@pytest.mark.parametrize("name", ["policy.json", "policy.safetensors"])
def test_missing_and_truncated_files_are_refused(saved, name):
    directory, _ = saved(ObservationScaling.from_space(POINTS))
    path = directory / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(CheckpointError, match="truncated or damaged"):
        load_policy(directory)
    path.unlink()
    with pytest.raises(CheckpointError, match=f"{name} is missing"):
        load_policy(directory)


POLICY_FIELDS = ("env_id", "frame_skip", "hides_score", "hidden_sizes", "scaling", "action_space")


def alter_header(directory, change):
    path = directory / "policy.json"
    header = json.loads(path.read_text())
    change(header)
    path.write_text(json.dumps(header))


def test_a_policy_that_does_not_tell_whether_it_saw_the_score_is_older(saved):
    directory, _ = saved(ObservationScaling.from_space(POINTS))

    def as_then(header):
        del header["hides_score"]
        header["format_version"] = 2

    alter_header(directory, as_then)
    with pytest.raises(CheckpointError, match=r"policy.json was written by an older rlhp \(format 2\); .*train again"):
        load_policy(directory)


def test_every_field_of_the_header_is_needed(saved):
    directory, _ = saved(ObservationScaling.from_space(POINTS))
    whole = (directory / "policy.json").read_text()
    assert set(POLICY_FIELDS) == json.loads(whole).keys() - {"format", "format_version", "samples_actions"}
    for name in POLICY_FIELDS:
        (directory / "policy.json").write_text(whole)
        alter_header(directory, lambda header, name=name: header.pop(name))
        with pytest.raises(CheckpointError, match=f"policy.json has no {name}; expected .*use another checkpoint"):
            load_policy(directory)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"env_id": 5}, "has 5 as its env_id; expected text"),
        ({"frame_skip": "4"}, "has '4' as its frame_skip; expected a whole number or null"),
        ({"frame_skip": True}, "has True as its frame_skip; expected a whole number or null"),
        ({"hides_score": 1}, "has 1 as its hides_score; expected true or false"),
        ({"hides_score": None}, "has None as its hides_score; expected true or false"),
        ({"hidden_sizes": "8"}, "has '8' as its hidden_sizes; expected a list"),
        ({"scaling": []}, r"has \[\] as its scaling; expected an object"),
        ({"action_space": 2}, "has 2 as its action_space; expected an object"),
        ({"frame_skip": 0}, "does not fit this rlhp .*frame_skip 0"),
        ({"hidden_sizes": ["many"]}, r"does not fit this rlhp .*hidden_sizes \['many'\]"),
        ({"scaling": {"kind": "linear"}}, "does not fit this rlhp .*'size'"),
        ({"action_space": {"n": 2}}, "a stored space cannot be read"),
    ],
    ids=str,
)
def test_fields_of_another_kind_are_refused(saved, changes, expected):
    directory, _ = saved(ObservationScaling.from_space(POINTS))
    alter_header(directory, lambda header: header.update(changes))
    with pytest.raises(CheckpointError, match=expected):
        load_policy(directory)


@pytest.mark.parametrize("changes", [{"kind": "cubic"}, {"size": "3"}, {"shape": [3.0]}, {"shape": 3}, {"start": None}])
def test_a_scaling_of_another_kind_is_refused(saved, changes):
    directory, _ = saved(ObservationScaling.from_space(POINTS))
    alter_header(directory, lambda header: header["scaling"].update(changes))
    with pytest.raises(CheckpointError, match="does not fit this rlhp"):
        load_policy(directory)


@pytest.fixture
def start(tmp_path):
    """The starting point of a run in the half-open space."""
    spec = EnsembleSpec(
        HALF_OPEN, BUTTONS, 2, NetworkSpec("mlp", (4,)), ObservationScaling.from_space(HALF_OPEN), 1.0, 0
    )

    def load(**sections):
        config = {"env": {"id": "x"}, "training": {"hidden_sizes": [8]}, **sections}
        return load_starting_point(RunConfig.model_validate(config), spec)

    def save_fitted(observations):
        ensemble = RewardEnsemble(spec)
        ensemble.scaling = ensemble.scaling.fitted_to(np.array(observations))
        ensemble.publish(4, np.arange(10.0).reshape(2, 5, 1))
        save_reward(tmp_path / "reward", spec, ensemble.published(), "x")
        return {"load": str(tmp_path / "reward")}

    return load, save_fitted


def test_a_run_may_start_from_nothing_a_reward_a_policy_or_both(start, saved):
    load, save_reward_fitted = start
    fitted = ObservationScaling.from_space(HALF_OPEN).fitted_to(np.array([[0, 3], [0, 5]]))
    policy = {"load": str(saved(fitted)[0])}
    reward = save_reward_fitted([[0, 3], [0, 5]])
    found = [load(), load(policy=policy), load(reward=reward), load(policy=policy, reward=reward)]
    assert [one.published.version for one in found] == [0, 0, 4, 4]
    assert [one.policy is None for one in found] == [True, False, True, False]
    assert [one.published.scaling.needs_data for one in found] == [True, False, False, False]


def test_a_reward_and_a_policy_that_scale_differently_are_refused(start, saved):
    load, save_reward_fitted = start
    fitted = ObservationScaling.from_space(HALF_OPEN).fitted_to(np.array([[0, 3], [0, 5]]))
    policy = {"load": str(saved(fitted)[0])}
    with pytest.raises(CheckpointError, match=r"offset \[0. 4.\].* expects .* offset \[0. 7.\]"):
        load(policy=policy, reward=save_reward_fitted([[0, 6], [0, 8]]))
