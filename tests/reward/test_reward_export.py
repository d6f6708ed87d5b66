"""A saved reward predicts the same, is read without pickle, and is refused when it is anything else."""

import json
import pickle
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from rlhp_ray.errors import CheckpointError, RewardDataError
from rlhp_ray.reward.ensemble import EnsembleSpec, RewardEnsemble
from rlhp_ray.reward.export_files import FORMAT_VERSION, read_export, write_export
from rlhp_ray.reward.inference import find_export, load_reward, save_reward
from rlhp_ray.reward.network_spec import NetworkSpec
from rlhp_ray.reward.observation_scaling import ObservationScaling

FRAMES = gym.spaces.Box(0, 255, (84, 84, 4), np.uint8)
UNBOUNDED = gym.spaces.Box(-np.inf, np.inf, (3,), np.float32)
TORQUES = gym.spaces.Box(-2.0, 2.0, (2,), np.float32)


def published_ensemble(spec: EnsembleSpec) -> tuple[RewardEnsemble, np.ndarray, np.ndarray]:
    """An ensemble of version 3 whose normaliser is fixed over the steps that come with it."""
    spec.observation_space.seed(0)
    spec.action_space.seed(0)
    observations = np.array([spec.observation_space.sample() for _ in range(6)])
    actions = np.array([spec.action_space.sample() for _ in range(6)])
    ensemble = RewardEnsemble(spec)
    if ensemble.scaling.needs_data:
        ensemble.scaling = ensemble.scaling.fitted_to(observations)
    ensemble.publish(3, ensemble.member_rewards(observations, actions)[:, None])
    return ensemble, observations, actions


@pytest.fixture
def saved(tmp_path, make_spec) -> Path:
    ensemble, _, _ = published_ensemble(make_spec())
    save_reward(tmp_path / "export", ensemble.spec, ensemble.published(), "rlhp/MovingDot-v0")
    return tmp_path / "export"


def edit_header(directory: Path, **changes) -> None:
    path = directory / "reward.json"
    header = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in header.items() if value is not ...}))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"members": 1, "hidden_sizes": (8, 4), "scale": 0.05},
        {"observation_space": gym.spaces.Discrete(4, start=1), "action_space": TORQUES},
        {"observation_space": UNBOUNDED},
        {"observation_space": FRAMES, "members": 2},
        {"network": "mlp_heads"},
    ],
    ids=["mlp", "other settings", "one-hot and continuous", "fitted scaling", "pixels", "heads"],
)
def test_a_saved_reward_predicts_the_same(tmp_path, make_spec, changes):
    ensemble, observations, actions = published_ensemble(make_spec(**changes))
    save_reward(tmp_path, ensemble.spec, ensemble.published(), "some/Env-v0")
    loaded = load_reward(tmp_path)
    rewards = ensemble.rewards(observations, actions)
    np.testing.assert_array_equal(loaded(observations, actions), rewards)
    assert len(set(rewards.tolist())) > 1
    assert (loaded.env_id, loaded.ensemble.version, loaded.ensemble.members) == ("some/Env-v0", 3, ensemble.members)
    assert loaded.ensemble.spec.observation_space == ensemble.spec.observation_space
    assert loaded.ensemble.spec.action_space == ensemble.spec.action_space


def test_a_reward_of_next_observations_asks_for_them(tmp_path, make_spec):
    ensemble = RewardEnsemble(make_spec(inputs="obs_action_next_obs"))
    seen, actions = np.random.default_rng(0).random((2, 4, 3), np.float32), np.array([0, 1, 0, 1])
    ensemble.publish(1, ensemble.member_rewards(seen[0], actions, seen[1])[:, None])
    save_reward(tmp_path, ensemble.spec, ensemble.published(), "some/Env-v0")
    loaded = load_reward(tmp_path)
    np.testing.assert_array_equal(
        loaded(seen[0], actions, seen[1].tolist()), ensemble.rewards(seen[0], actions, seen[1])
    )
    assert (loaded(seen[0], actions, seen[0]) != loaded(seen[0], actions, seen[1])).all()
    with pytest.raises(RewardDataError, match="no next observations came with 4 observations"):
        loaded(seen[0], actions)


def test_an_export_is_two_open_files_and_nothing_else(saved):
    assert sorted(file.name for file in saved.iterdir()) == ["reward.json", "reward.safetensors"]
    assert json.loads((saved / "reward.json").read_text())["format_version"] == FORMAT_VERSION
    assert all(np.isfinite(tensor).all() for tensor in load_file(saved / "reward.safetensors").values())


def test_a_reward_is_read_without_pickle(saved, monkeypatch):
    def forbidden(*_args, **_kwargs):
        raise AssertionError("a reward must be read without pickle")

    for module, name in ((pickle, "load"), (pickle, "loads"), (pickle, "Unpickler"), (torch, "load")):
        monkeypatch.setattr(module, name, forbidden)
    monkeypatch.setattr(np, "load", forbidden)
    assert load_reward(saved)(np.zeros((2, 3), np.float32), np.array([0, 1])).shape == (2,)


def test_a_file_written_by_hand_is_a_linear_reward(tmp_path):
    """r = scale * ((w . (x, one-hot a) + b) - mean) / std, from nothing but JSON and safetensors."""
    space = {"type": "Box", "shape": [2], "dtype": "float32", "low": "-0x1p+0", "high": "0x1p+0"}
    header = {
        "format": "rlhp-reward",
        "format_version": FORMAT_VERSION,
        "env_id": "by/Hand-v0",
        "version": 7,
        "members": 1,
        "network": {
            "name": "mlp",
            "hidden_sizes": [],
            "inputs": "obs_action",
            "dropout": 0.0,
            "dropout_mask": "shared",
            "batch_norm": False,
            "output": "linear",
        },
        "scale": 0.5,
        "scaling": ObservationScaling.from_space(gym.spaces.Box(-1.0, 1.0, (2,))).to_dict(),
        "observation_space": space,
        "action_space": {"type": "Discrete", "n": 2, "start": 0},
    }
    tensors = {
        "layers.0.weight": np.array([1, -2, 0, 4], np.float32).reshape(1, 4, 1),
        "layers.0.bias": np.array([3], np.float32).reshape(1, 1, 1),
        "normaliser.mean": np.array([1], np.float32),
        "normaliser.std": np.array([2], np.float32),
    }
    (tmp_path / "reward.json").write_text(json.dumps(header))
    save_file(tensors, tmp_path / "reward.safetensors")
    reward = load_reward(tmp_path)
    rewards = reward(np.array([[0.5, 0.25], [-1, 1]], np.float32), np.array([0, 1]))
    np.testing.assert_allclose(rewards, [0.5 * (3.0 - 1) / 2, 0.5 * (-3 + 4 + 3 - 1) / 2])
    assert (reward.env_id, reward.ensemble.version) == ("by/Hand-v0", 7)


@pytest.mark.parametrize("within", [".", "inference", "checkpoints/last/inference"])
def test_a_reward_is_found_in_an_export_a_checkpoint_or_a_run(tmp_path, make_spec, within):
    ensemble, _, _ = published_ensemble(make_spec())
    save_reward(tmp_path / within, ensemble.spec, ensemble.published(), "x")
    assert find_export(tmp_path) == tmp_path / within
    assert load_reward(tmp_path).ensemble.version == 3


@pytest.mark.parametrize("name", ["reward.json", "reward.safetensors"])
def test_a_missing_file_is_named(saved, name):
    (saved / name).unlink()
    with pytest.raises(CheckpointError, match=rf"not a checkpoint: {name} is missing\. Expected the directory"):
        load_reward(saved)


def test_a_directory_that_does_not_exist_is_no_checkpoint(tmp_path):
    with pytest.raises(CheckpointError, match="is not a checkpoint"):
        load_reward(tmp_path / "nowhere")


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
@pytest.mark.parametrize("name", ["reward.json", "reward.safetensors"])
def test_truncated_files_are_refused(saved, name, share):
    path = saved / name
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(CheckpointError, match=r"is truncated or damaged .*Use another checkpoint"):
        load_reward(saved)


@pytest.mark.parametrize("content", [b"\x80\x04\x95not json", b"\xff\xfe"])
def test_binary_headers_are_refused(saved, content):
    (saved / "reward.json").write_bytes(content)
    with pytest.raises(CheckpointError, match="truncated or damaged"):
        load_reward(saved)


@pytest.mark.parametrize("text", ["[]", "{}", "3", '{"format": "rlhp-policy"}', '{"format": "other"}'])
def test_foreign_headers_are_refused(saved, text):
    (saved / "reward.json").write_text(text)
    with pytest.raises(CheckpointError, match="was not written by rlhp; expected the format 'rlhp-reward'"):
        load_reward(saved)


def test_newer_files_are_refused_with_both_numbers(saved):
    edit_header(saved, format_version=FORMAT_VERSION + 98)
    message = rf"newer rlhp \(format {FORMAT_VERSION + 98}\); this one reads format {FORMAT_VERSION}: upgrade"
    with pytest.raises(CheckpointError, match=message):
        load_reward(saved)


def test_older_files_are_refused_with_both_numbers(saved):
    edit_header(saved, format_version=FORMAT_VERSION - 1)
    message = rf"older rlhp \(format {FORMAT_VERSION - 1}\); this one reads format {FORMAT_VERSION}: train again"
    with pytest.raises(CheckpointError, match=message):
        load_reward(saved)


@pytest.mark.parametrize("number", ["two", None, [1]])
def test_a_format_version_that_is_no_number_is_refused(saved, number):
    edit_header(saved, format_version=number)
    with pytest.raises(CheckpointError):
        load_reward(saved)


@pytest.mark.parametrize(
    "changes",
    [
        {"members": 2},
        {"members": "three"},
        {"network": ...},
        {"network": NetworkSpec("mlp", (5,)).to_dict()},
        {"network": NetworkSpec("cnn").to_dict()},
        {"network": NetworkSpec("unheard-of").to_dict()},
        {"network": {"name": "mlp"}},
        {"network": NetworkSpec("mlp", (16,)).to_dict() | {"hidden_sizes": ["many"]}},
        {"network": NetworkSpec("mlp", (16,)).to_dict() | {"dropout": "much"}},
        {"network": NetworkSpec("mlp", (16,)).to_dict() | {"output": "sigmoid"}},
        {"scaling": {}},
        {"scaling": ...},
        {"observation_space": {"type": "Dict"}},
        {"action_space": ...},
        {"action_space": {"type": "Discrete", "n": 9, "start": 0}},
        {"scale": ...},
        {"scale": None},
        {"version": "three"},
        {"version": None},
        {"scaling": ObservationScaling.from_space(UNBOUNDED).to_dict() | {"scale": None}},
        {"scaling": ObservationScaling.from_space(UNBOUNDED).to_dict() | {"offset": [0.0]}},
        {"env_id": ...},
    ],
    ids=str,
)
def test_headers_that_do_not_fit_their_tensors_are_refused(saved, changes):
    edit_header(saved, **changes)
    with pytest.raises(CheckpointError):
        load_reward(saved)


@pytest.mark.parametrize("name", ["normaliser.mean", "layers.0.weight"])
def test_missing_tensors_are_refused(saved, name):
    tensors = load_file(saved / "reward.safetensors")
    del tensors[name]
    save_file(tensors, saved / "reward.safetensors")
    with pytest.raises(CheckpointError, match=f"does not fit this rlhp.*{name}"):
        load_reward(saved)


def test_an_export_replaces_the_one_before_and_leaves_nothing_else(tmp_path):
    for number in (1, 2):
        write_export(tmp_path, "thing", {"number": number}, {"values": np.full(3, number)})
    header, tensors = read_export(tmp_path, "thing", {})
    assert header["number"] == 2 and tensors["values"].tolist() == [2, 2, 2]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["thing.json", "thing.safetensors"]


def test_arrays_that_are_not_contiguous_are_written_as_they_look(tmp_path):
    array = np.arange(6, dtype=np.float32).reshape(2, 3).T
    write_export(tmp_path, "thing", {}, {"values": array})
    np.testing.assert_array_equal(read_export(tmp_path, "thing", {})[1]["values"], array)


def test_a_write_that_fails_leaves_the_export_before_it(tmp_path, monkeypatch):
    write_export(tmp_path, "thing", {"number": 1}, {"values": np.ones(3)})

    def full(_descriptor) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr("os.fsync", full)
        write_export(tmp_path, "thing", {"number": 2}, {"values": np.zeros(3)})
    header, tensors = read_export(tmp_path, "thing", {})
    assert header["number"] == 1 and tensors["values"].tolist() == [1, 1, 1]
