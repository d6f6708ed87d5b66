"""Whole experiments held against thresholds (`make test-learning`): minutes each, as shipped, by the command line."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.learning


def true_return(folder: Path, config: str, seed: int, *overrides: str) -> float:
    command = [sys.executable, "-m", "rlhp_ray.cli", "train", config, f"seed={seed}", f"output_dir={folder}"]
    done = subprocess.run([*command, *overrides], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads((Path(done.stdout.strip()) / "summary.json").read_text())["true_return_mean"]


def test_moving_dot_learns_on_nine_seeds_of_ten(tmp_path: Path) -> None:
    returns = [true_return(tmp_path, "moving_dot", seed) for seed in range(10, 20)]
    assert sum(value >= 83 for value in returns) >= 9, returns


def test_a_random_teacher_teaches_nothing(tmp_path: Path) -> None:
    assert true_return(tmp_path, "moving_dot", 0, "teacher.preset=random") < 20


def test_pendulum_is_swung_up_on_three_seeds(tmp_path: Path) -> None:
    returns = [true_return(tmp_path, "pendulum", seed) for seed in range(3)]
    assert np.mean(returns) >= -250, returns
