"""A reward fitted by itself learns what labels tell, and can be started from."""

import csv

import numpy as np
import pytest
import torch

from rlhp_ray.clips.clip import Clip
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.envs.registry import describe_env
from rlhp_ray.errors import ConfigError, PreferenceStoreError, RewardDataError
from rlhp_ray.experiment.reward_fitting import RewardFitting, fit_reward
from rlhp_ray.preferences.preference import Answer, Preference
from rlhp_ray.preferences.preference_store import PreferenceStore
from rlhp_ray.reward.inference import load_fitting_reward, load_reward
from rlhp_ray.reward.run_ensemble import ensemble_spec, preference_subject

STEPS, LABELS = 5, 150


@pytest.fixture(autouse=True)
def same_threads():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)


@pytest.fixture
def make_config(tmp_path):
    """A configuration of CartPole, whose observations have no bounds, with LABELS saved preferences.

    The better clip is that in which the cart is farther to the right: the mean is 100, so that it takes scaling to see.
    """

    def make(labels: int = LABELS, **reward) -> RunConfig:
        path = tmp_path / "saved.sqlite"
        config = RunConfig.model_validate(
            {
                "env": {"id": "CartPole-v1"},
                "preferences": {"clip_steps": STEPS, "load": str(path)},
                "reward": {"hidden_sizes": [16], "learning_rate": 0.01, "pretraining_epochs": 20} | reward,
                "output_dir": str(tmp_path / "runs"),
                "name": "fitted",
            }
        )
        spec = ensemble_spec(config, describe_env("CartPole-v1"))
        rng = np.random.default_rng(0)
        seen = rng.normal(size=(2 * LABELS, STEPS, 4)).astype(np.float32) * [1, 5, 0.1, 1] + [100, 0, 0, 0]
        clips = [
            Clip(one.astype(np.float32), rng.integers(0, 2, STEPS), one[:, 0].astype(np.float32), 0) for one in seen
        ]
        store = PreferenceStore(path, preference_subject(config, spec).to_metadata())
        better = [clip.teacher_rewards.sum() for clip in clips]
        store.record(
            [
                Preference(
                    number,
                    clips[2 * number].clip_id,
                    clips[2 * number + 1].clip_id,
                    Answer.LEFT if better[2 * number] > better[2 * number + 1] else Answer.RIGHT,
                    "oracle",
                    0,
                )
                for number in range(labels)
            ],
            clips,
        )
        store.close()
        return config

    return make


def fit(config: RunConfig, lines: list[str]):
    description = describe_env("CartPole-v1")
    return fit_reward(config, description, config_name="cartpole", command="rlhp reward fit", show=lines.append)


def test_it_learns_from_the_labels_and_can_be_started_from(make_config, tmp_path):
    config, lines = make_config(), []
    directory = fit(config, lines)
    assert directory == tmp_path / "runs" / "fitted"
    reward = load_fitting_reward(directory, ensemble_spec(config, describe_env("CartPole-v1")))
    seen = np.array([[99, 0, 0, 0], [100, 0, 0, 0], [101, 0, 0, 0]], np.float32)
    assert (np.diff(reward(seen, np.zeros(3, int))) > 0.3).all()
    with (directory / "epochs.csv").open(newline="") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    assert [row["epoch"] for row in rows] == list(range(1, 21))
    first, last = rows[0], rows[-1]
    assert last["validation_accuracy"] > 0.8 and last["training_loss"] < 0.5 < first["training_loss"]
    assert first["validation_loss"] > last["validation_loss"] and last["calibration_error"] < 0.2
    assert lines[0] == f"150 labels of {config.preferences.load}"
    assert len(lines) == 22 and f"{last['validation_loss']:.3f}" in lines[-1]


def test_the_reward_is_normalised_over_what_it_was_fitted_to(make_config, tmp_path):
    config = make_config(pretraining_epochs=1, scale=0.1)
    fitting = RewardFitting(config, describe_env("CartPole-v1"))
    fitting.fit(lambda epoch: None)
    fitting.save(tmp_path)
    learnt = load_reward(tmp_path).ensemble
    pairs = fitting._pairs
    raw = [learnt.member_rewards_of_clips(side).reshape(3, -1) for side in (pairs.left, pairs.right)]
    rewards = learnt.normaliser.normalised(np.concatenate(raw, axis=1))
    np.testing.assert_allclose(rewards.mean(axis=1), 0, atol=1e-4)
    np.testing.assert_allclose(rewards.std(axis=1), 0.1, rtol=1e-3)


def test_the_same_seed_gives_the_same_reward_and_another_does_not(make_config, tmp_path):
    config = make_config(pretraining_epochs=2)
    weights = []
    for number, seed in enumerate((0, 0, 1)):
        changed = config.model_copy(update={"name": f"run{number}", "seed": seed})
        weights.append((fit(changed, []) / "reward.safetensors").read_bytes())
    assert weights[0] == weights[1] != weights[2]


def test_clips_that_lack_what_a_reward_of_next_observations_needs_are_refused(make_config, tmp_path):
    config = make_config(inputs="obs_action_next_obs")
    with pytest.raises(RewardDataError, match=r"saved\.sqlite, clip .*it lacks the observation .* set reward\.inputs="):
        fit(config, [])
    assert not (tmp_path / "runs").exists()


def test_nothing_is_written_where_the_preferences_do_not_fit(make_config, tmp_path):
    config = make_config(labels=0)
    with pytest.raises(PreferenceStoreError, match="holds 0 preferences and not one label"):
        fit(config, [])
    assert not (tmp_path / "runs").exists()


def test_a_taken_name_is_left_alone(make_config, tmp_path):
    config = make_config(pretraining_epochs=1)
    (tmp_path / "runs" / "fitted").mkdir(parents=True)
    with pytest.raises(ConfigError, match="exists and is left alone"):
        fit(config, [])
    assert list((tmp_path / "runs" / "fitted").iterdir()) == []
