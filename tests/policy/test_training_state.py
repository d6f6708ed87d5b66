"""A trial's own part of a checkpoint, with stand-ins for Ray and the two actors."""

import json
from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest

from rlhp_ray.errors import CheckpointError
from rlhp_ray.policy import training_state
from rlhp_ray.policy.run_diagnostics import RunDiagnostics
from rlhp_ray.policy.training_state import REFERENCE_FILE, STATE_DIRECTORY, restore_training, save_training
from rlhp_ray.reward.ensemble import EnsembleSpec, RewardEnsemble
from rlhp_ray.reward.network_spec import NetworkSpec
from rlhp_ray.reward.observation_scaling import ObservationScaling

SPACE, BUTTONS = gym.spaces.Box(-1.0, 1.0, (3,), np.float32), gym.spaces.Discrete(2)
SPEC = EnsembleSpec(SPACE, BUTTONS, 2, NetworkSpec("mlp", (4,)), ObservationScaling.from_space(SPACE), 1.0, 0)
POOL, REFERENCE = [b"one", b"", b"three"], [b"first clips"]


def remote(call) -> SimpleNamespace:
    """A method of an actor that answers at once."""
    return SimpleNamespace(remote=call)


DIAGNOSTICS = {
    "outcomes": [],
    "standing": ["over_optimisation"],
    "policy_saw": {"count": 3, "mean": [0.1, 1 / 3], "squares": [0.0, 2 / 7]},
}


class FakeTraining:
    """As much of PreferenceTraining as a checkpoint asks for."""

    def __init__(self, pool: list[bytes], reference: list[bytes]) -> None:
        self.pool, self.reference = pool, reference
        self.loop = SimpleNamespace(dump_clips=lambda: (self.pool, self.reference), restore_clips=self.restore_clips)
        learner = SimpleNamespace(restore=remote(lambda published, optimiser: None))
        self.actors = SimpleNamespace(buffer=None, learner=learner)
        self.spec, self.published, self.optimiser = SPEC, RewardEnsemble(SPEC).published(), b"optimiser"
        self.env_steps, self.queries, self.labels, self.started = 4000, 20, 18, True
        self.last_round_env_steps = 3000
        self.metrics, self.weight_changes = {"alarms": 1}, 3
        self.diagnostics = RunDiagnostics(is_true_return_taught=True)

    def restore_clips(self, pool: list[bytes], reference: list[bytes]) -> None:
        self.pool, self.reference = pool, reference

    def restore(self, published, counts) -> None:
        self.restored = counts


@pytest.fixture(autouse=True)
def without_ray(monkeypatch):
    monkeypatch.setattr(training_state.ray, "get", lambda value: value)
    taken_up = SimpleNamespace(queries=20, new_labels=18)
    monkeypatch.setattr(training_state, "replay_labels", lambda buffer, learner, before_query: taken_up)


@pytest.fixture
def checkpoint(tmp_path):
    def save(pool=POOL, reference=REFERENCE):
        training = FakeTraining(pool, reference)
        training.diagnostics.restore(DIAGNOSTICS)
        save_training(tmp_path, training, iteration=3, train_seconds=1.5)
        return tmp_path

    return save


@pytest.mark.parametrize(("pool", "reference"), [(POOL, REFERENCE), ([], [])])
def test_clips_and_alarms_come_back_as_they_were_saved(checkpoint, pool, reference):
    resumed = FakeTraining([b"other"], [b"other"])
    assert restore_training(checkpoint(pool, reference), resumed, take_all_labels=False) == (3, 1.5)
    assert (resumed.pool, resumed.reference) == (pool, reference)
    assert resumed.restored["diagnostics"] == DIAGNOSTICS
    assert resumed.restored["last_round_env_steps"] == 3000
    assert resumed.restored["weight_changes"] == 3


def test_a_checkpoint_from_before_there_was_a_reference_is_taken_up(checkpoint):
    directory = checkpoint() / STATE_DIRECTORY
    (directory / REFERENCE_FILE).unlink()
    counts = json.loads((directory / "counts.json").read_text())
    del counts["diagnostics"]
    (directory / "counts.json").write_text(json.dumps(counts))
    resumed = FakeTraining([], [])
    restore_training(directory.parent, resumed, take_all_labels=False)
    assert (resumed.pool, resumed.reference) == (POOL, [])
    assert "diagnostics" not in resumed.restored


def test_a_truncated_reference_is_one_clear_error(checkpoint):
    path = checkpoint() / STATE_DIRECTORY / REFERENCE_FILE
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(CheckpointError, match=r"is truncated or not a checkpoint .*use an earlier one"):
        restore_training(path.parent.parent, FakeTraining([], []), take_all_labels=False)
