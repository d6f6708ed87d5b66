"""Run directories with the files that the index reads, made without a run."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlhp_ray.config.loading import dump_config
from rlhp_ray.config.schema import RunConfig

SUMMARY = {
    "env": "Pendulum-v1",
    "algorithm": "PPO",
    "seed": 3,
    "mode": "sync",
    "reward_source": "preferences",
    "env_steps": 50_000,
    "labels": 200,
    "labels_loaded": 0,
    "queries": 200,
    "true_return_mean": -211.7,
    "true_return_std": 12.5,
    "eval_episodes": 100,
    "reward_validation_accuracy": 0.84,
    "reward_true_correlation": 0.9,
    "wall_seconds": 60.0,
    "train_seconds": 40.0,
    "cpu_hours": 0.02,
    "gpu_hours": 0.0,
    "cost": 0.0,
    "status": "done",
}


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    """An empty directory for runs."""
    directory = tmp_path / "runs"
    directory.mkdir()
    return directory


@pytest.fixture
def make_run(runs_dir: Path) -> Callable[..., Path]:
    """Makes a run directory: keys of its summary as named arguments, of its configuration as `config`."""

    def make(
        name: str,
        *,
        folder: Path | None = None,
        config: dict[str, Any] | None = None,
        started: str = "2026-01-31T12:00:00Z",
        summary: bool = True,
        **facts: Any,
    ) -> Path:
        directory = (folder or runs_dir) / name
        (directory / "code").mkdir(parents=True)
        found = {**SUMMARY, **facts}
        data = {"env": {"id": found["env"]}, "seed": found["seed"], "mode": found["mode"], **(config or {})}
        (directory / "config.yaml").write_text(dump_config(RunConfig.model_validate(data)))
        (directory / "command.txt").write_text(f"{started}  rlhp train pendulum\n")
        (directory / "versions.txt").write_text("# Python 3.11.2\nnumpy==2.0.0\nray==2.60.0\n")
        hardware = {"cpu_model": "Some CPU", "cores_usable": 2, "cores_logical": 4, "ram_bytes": 8 * 10**9}
        (directory / "hardware.json").write_text(json.dumps({**hardware, "gpus": [], "platform": "Linux"}))
        (directory / "code" / "commit.txt").write_text("1" * 40 + "\n")
        if summary:
            (directory / "summary.json").write_text(json.dumps(found))
        return directory

    return make
