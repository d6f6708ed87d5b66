"""A short run of Pong, played in strides of 16 frames, through the command line: pixels, masks and hidden ends."""

import csv
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

CONFIG = """
mode: sync
env: {id: ALE/Pong-v5, num_envs: 4, frame_skip: 16, horizon: 60, termination_penalty: 0.5, score_mask: required}
training:
  env_steps: 1280
  checkpoint_interval_env_steps: 1280
  rllib: {train_batch_size_per_learner: 320, minibatch_size: 160, num_epochs: 1}
preferences: {labels: 6, clip_steps: 25, initial_fraction: 0.5}
reward: {members: 2, pretraining_epochs: 1, epochs_per_round: 1, scale: 0.05}
evaluation: {episodes: 1}
"""
POINTS = 21  # of whoever wins at Pong


def rlhp(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rlhp_ray.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=240)


@pytest.fixture(scope="module")
def short_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pong")
    (folder / "short_pong.yaml").write_text(CONFIG)
    done = rlhp("train", str(folder / "short_pong.yaml"), "name=run", f"output_dir={folder}")
    assert done.returncode == 0, done.stderr
    return folder / "run"


def test_a_run_on_pixels_spends_its_budgets(short_run: Path) -> None:
    summary = json.loads((short_run / "summary.json").read_text())
    assert (summary["status"], summary["env_steps"], summary["queries"]) == ("done", 1280, 6)
    assert "shows its score" not in (short_run / "console.log").read_text()
    assert (short_run / "videos" / "trained-agent.mp4").stat().st_size > 0


def test_true_returns_are_points_of_whole_games(short_run: Path) -> None:
    """An untrained policy loses by nearly all points: of no 60 steps, which cost it six or seven, nor of penalties."""
    summary = json.loads((short_run / "summary.json").read_text())
    with (short_run / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    returns = [float(row["true_return_mean"] or "nan") for row in rows]
    told = [value for value in returns if not math.isnan(value)]
    assert told and all(-POINTS <= value <= -POINTS / 2 for value in told)
    assert -POINTS <= summary["true_return_mean"] <= POINTS
    assert float(summary["true_return_mean"]).is_integer()
