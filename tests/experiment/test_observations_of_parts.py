"""Observations that are a Dict of parts, and rewards of what actions lead to, through every stage of a run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rlhp_ray.reward.inference import load_reward

WINDMILL = """
import gymnasium
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Tuple

class Windmill(gymnasium.Env):
    # Chance decides where it goes, which is what it pays: nothing that is seen before a step tells the reward.

    metadata = {"render_modes": ["rgb_array"]}
    action_space = Discrete(2)
    observation_space = Dict(
        place=Box(-np.inf, np.inf, (1,), np.float32),
        season=Discrete(3, start=1),
        doors=Tuple((MultiDiscrete([2, 3]), MultiBinary(2))),
    )

    def __init__(self, render_mode=None):
        self.render_mode = render_mode

    def _observe(self):
        return {"place": self._place.copy(), "season": 1 + self._steps % 3, "doors": (np.array([1, 2]), [0, 1])}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._steps, self._place = 0, self.np_random.normal(size=1).astype(np.float32)
        return self._observe(), {}

    def step(self, action):
        moved = np.float32(self.np_random.choice([-1, 1]))
        self._place += moved
        self._steps += 1
        return self._observe(), float(moved), False, False, {}

    def render(self):
        return np.zeros((40, 60, 3), np.uint8)

gymnasium.register("Windmill-v0", entry_point="windmill:Windmill", max_episode_steps=40)
"""
ENV = "env.id=windmill:Windmill-v0"
SMALL = [
    "moving_dot",
    ENV,
    "output_dir=runs",
    "preferences.clip_steps=10",
    "preferences.labels=30",
    "reward.pretraining_epochs=3",
    "reward.epochs_per_round=2",
    "training.env_steps=2400",
    "reward.network=mlp",
    "reward.members=3",
    "reward.inputs=obs_action_next_obs",
    "training.rllib.train_batch_size_per_learner=800",
    "evaluation.episodes=4",
]
WIDTH = 1 + 3 + (2 + 3) + 2


@pytest.fixture
def rlhp(tmp_path, monkeypatch):
    """Runs one command in a directory of its own, and gives what it printed last."""
    (tmp_path / "windmill.py").write_text(WINDMILL)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)

    def run(*argv: str) -> str:
        path = ":".join([str(tmp_path), *sys.path])
        command = [sys.executable, "-m", "rlhp_ray.cli", *argv]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=240, env={**os.environ, "PYTHONPATH": path}
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()[-1]

    return run


def test_gathered_fitted_scored_and_exported(rlhp):
    enough = ["preferences.labels=200", "reward.pretraining_epochs=60"]
    gathered = rlhp("preferences", "gather", *SMALL, *enough, "name=gathered")
    fitted = rlhp("reward", "fit", *SMALL, *enough, f"preferences.load={gathered}", "name=fitted")
    assert rlhp("reward", "score", gathered, "--reward", fitted).count(",") == 5
    rlhp("preferences", "export", gathered, "exported")
    header = json.loads(Path("exported/header.json").read_text())
    assert header["observation_space"]["shape"] == [WIDTH]
    with np.load("exported/clips-00000.npz") as clips:
        observations, actions, paid, after = (
            clips[name] for name in ("observations", "actions", "teacher_rewards", "next_observation")
        )
    assert observations.shape[1:] == (10, WIDTH)
    place, season, doors = np.split(observations, [1, 4], axis=-1)
    assert (doors == [0, 1, 0, 0, 1, 0, 1]).all()
    assert (season.sum(-1) == 1).all() and (season.argmax(-1)[:, 1:] != season.argmax(-1)[:, :-1]).all()
    following = np.concatenate([observations[:, 1:], after[:, None]], axis=1)
    np.testing.assert_allclose(following[..., 0] - place[..., 0], paid, rtol=1e-5)
    steps = (array.reshape(-1, *array.shape[2:]) for array in (observations, actions, following))
    assert np.corrcoef(load_reward(Path(fitted))(*steps), paid.ravel())[0, 1] > 0.8


def test_trained_resumed_loaded_and_replayed(rlhp):
    directory = Path(rlhp("train", *SMALL, "name=run"))
    summary = json.loads((directory / "summary.json").read_text())
    assert (summary["status"], summary["env_steps"], summary["queries"]) == ("done", 2400, 30)
    scaling = json.loads((directory / "checkpoints/last/inference/reward.json").read_text())["scaling"]
    place = scaling["offset"][0], scaling["scale"][0]
    assert scaling["size"] == WIDTH and not any(scaling["unbounded"]) and place != (0.0, 1.0)
    rlhp("resume", str(directory), "training.env_steps=4000")
    assert json.loads((directory / "summary.json").read_text())["env_steps"] == 4000
    again = rlhp("train", *SMALL, "name=again", f"reward.load={directory}", "preferences.labels=0")
    assert rlhp("replay", again, "--episodes", "1").endswith(".mp4")
