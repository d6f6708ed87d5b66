"""A population through the command line: trials that cannot learn go on from those that do, and with their settings."""

import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.learning  # four trials beside each other: two minutes

MAX_SECONDS = 900
SWEEP = [
    "sweep",
    "moving_dot",
    "--scheduler",
    "pbt",
    "--seeds",
    "0-1",
    "--samples",
    "2",
    "--trial-cpus",
    "0.5",
    "name=population",
    "reward_source=true_reward",
    "training.env_steps=48000",
    "training.checkpoint_interval_env_steps=24000",
    "training.rllib.train_batch_size_per_learner=1000",
    "training.rllib.lr={choice: [0.00000001, 0.001, 0.003]}",
    "evaluation.episodes=20",
]


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_trials_take_over_policies_and_learn_at_their_new_rates(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rlhp_ray.cli", *SWEEP, f"output_dir={tmp_path}"],
        capture_output=True,
        text=True,
        timeout=MAX_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr
    sweep = tmp_path / "population"
    runs = sorted(path for path in sweep.iterdir() if (path / "summary.json").exists())
    assert len(runs) == 4
    taken = {run.name: lines(run / "perturbations.jsonl") for run in runs if (run / "perturbations.jsonl").exists()}
    assert taken, "no trial has taken over another one's policy"
    for name, perturbations in taken.items():
        last = perturbations[-1]
        assert 0 < last["env_steps"] < 48000
        assert last["donor"] != name and last["donor"] in {run.name for run in runs}
        learner = sweep / name / "checkpoints" / "last" / "learner_group" / "learner" / "state.pkl"
        optimiser = pickle.loads(learner.read_bytes())["optimizer"]["default_policy_default_optimizer"]["state"]
        (group,) = optimiser["param_groups"]
        assert group["lr"] == pytest.approx(last["values"]["training.rllib.lr"], rel=1e-3)
    for run in runs:
        summary = json.loads((run / "summary.json").read_text())
        assert (summary["status"], summary["seed"]) == ("done", int(run.name[-1]))
        assert summary["env_steps"] >= 48000
