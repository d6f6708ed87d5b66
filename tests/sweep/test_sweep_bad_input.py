"""What `rlhp sweep` refuses, through the command line, before anything starts."""

import subprocess
import sys
from pathlib import Path

import pytest

POPULATION = ["--scheduler", "pbt", "reward_source=true_reward"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--seeds", "0,0"], "0 twice"),
        (["preferences.labels={grid: []}"], "one or more different values"),
        (["preferences.label={grid: [1]}"], "did you mean preferences.labels"),
        (["preferences.labels={grid: [10, -1]}"], "preferences.labels: got -1"),
        (["env.num_env_runners=120"], "this machine has"),
        (["--samples", "3"], "nothing is drawn"),
        (["scope=sweep", "--seeds", "0-1"], "scope: got sweep with mode sync"),
        (["teacher.preset=people", "--seeds", "0-1"], "expected scope=sweep, with which they label once"),
        (["scope=sweep", "mode=async", "env.num_envs={grid: [8, 16]}"], "all trials answer and fit alike"),
        (["--search", "optuna"], "no field that takes several values"),
        (["--search", "optuna", "--samples", "3", "preferences.labels={grid: [10, 20]}"], "nothing is drawn"),
        (["--search", "optuna", "preferences.labels={choice: [10, 20]}"], "2 or more settings to search among"),
        (["--search", "optuna", "--samples", "3", "preferences.labels={choice: [10, 20]}"], "have 2 different"),
        (["--scheduler", "pbt", "training.rllib.lr={choice: [0.1, 0.2]}"], "got reward_source=preferences"),
        ([*POPULATION, "training.rllib.lr={choice: [0.1, 0.2]}"], "got 1 trial"),
        ([*POPULATION, "--seeds", "0-1"], "no field that takes several values"),
        ([*POPULATION, "--seeds", "0-1", "training.hidden_sizes={choice: [[8], [16]]}"], "got training.hidden_sizes"),
        ([*POPULATION, "--seeds", "0-1", "training.rllib.lr={grid: [0.1, 0.2]}"], "got training.rllib.lr"),
    ],
)
def test_bad_input_is_refused_before_anything_starts(arguments: list[str], told: str, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "rlhp_ray.cli",
        "sweep",
        "moving_dot",
        *arguments,
        f"output_dir={tmp_path / 'runs'}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()
