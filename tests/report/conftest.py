"""Run directories with the files that a report reads, made without a run."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlhp_ray import metric_keys as keys
from rlhp_ray.config.loading import dump_config
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.report import report_writing
from rlhp_ray.report.report_run import ReportRun, read_report_run
from rlhp_ray.report.report_writing import ReportWriter
from rlhp_ray.report.run_collection import RunCollection
from rlhp_ray.runs.run_index import open_run

ITERATIONS, STEPS = 20, 500
BINS = [
    {"low": 0.1, "high": 0.2, "mean_probability": 0.15, "share_left": 0.25, "count": 4},
    {"low": 0.8, "high": 0.9, "mean_probability": 0.85, "share_left": 0.75, "count": 12},
]
DIAGNOSTICS = {
    "env_steps": 10_000,
    "reward_version": 3,
    "calibration": {"error": 0.1, "accuracy": 0.75, "bins": BINS},
    "clips": {"predicted_return": [0.0, 1.0, 2.0], "true_return": [1.0, 5.0, 4.0], "rank_correlation": 0.5},
}
FALLING = np.linspace(1.6, 0.6, ITERATIONS)

MakeRun = Callable[..., Path]


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    """An empty directory for runs."""
    directory = tmp_path / "runs"
    directory.mkdir()
    return directory


@pytest.fixture
def make_run(runs_dir: Path) -> MakeRun:
    """Makes a run whose true return rises from 0 to `final`."""

    def make(
        name: str,
        *,
        seed: int = 0,
        env: str = "Pendulum-v1",
        final: float = 90.0,
        entropy: Any = FALLING,
        config: dict[str, Any] | None = None,
        action_space: dict[str, Any] | None = None,
        status: str = "done",
        started: str = "2026-01-31T12:00:00Z",
        folder: Path | None = None,
        summary: bool = True,
    ) -> Path:
        directory = (folder or runs_dir) / name
        inference = directory / "checkpoints" / "last" / "inference"
        for made in (directory / "code", directory / "videos", inference):
            made.mkdir(parents=True)
        run = RunConfig.model_validate({"env": {"id": env}, "seed": seed, **(config or {})})
        (directory / "config.yaml").write_text(dump_config(run))
        (directory / "command.txt").write_text(f"{started}  rlhp train\n")
        space = action_space or {"type": "Discrete", "n": 5, "start": 0}
        (inference / "policy.json").write_text(json.dumps({"action_space": space}))
        (directory / "videos" / "trained-agent.mp4").write_bytes(b"video of " + name.encode())
        learns = run.reward_source == "preferences"
        _write_metrics(directory / "metrics.csv", final, np.asarray(entropy), learns=learns)
        if learns:
            (directory / "diagnostics.json").write_text(json.dumps(DIAGNOSTICS))
        if summary:
            (directory / "summary.json").write_text(json.dumps(_summary(run, final, status)))
        return directory

    return make


@pytest.fixture
def report_run(make_run: MakeRun) -> Callable[..., ReportRun]:
    """Makes a run and reads it."""
    return lambda name, **facts: read_report_run(open_run(make_run(name, **facts)))


@pytest.fixture
def blank_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time is spent on drawing, where a test is not about the figures."""
    monkeypatch.setattr(report_writing, "_as_png", lambda figure: b"no picture")


@pytest.fixture
def write(runs_dir: Path) -> Callable[..., str]:
    """Writes the report about the directory of runs, and gives the page."""

    def written(*paths: Path) -> str:
        writer = ReportWriter(RunCollection(paths or [runs_dir]), runs_dir, "the <title>")
        writer.write()
        return writer.file.read_text()

    return written


def _summary(run: RunConfig, final: float, status: str) -> dict[str, Any]:
    return {
        "env": run.env.id,
        "algorithm": "PPO",
        "seed": run.seed,
        "mode": run.mode,
        "reward_source": run.reward_source,
        "env_steps": ITERATIONS * STEPS,
        "labels": run.preferences.labels,
        "queries": run.preferences.labels,
        "true_return_mean": final,
        "true_return_std": 12.5,
        "eval_episodes": 100,
        "reward_validation_accuracy": 0.84,
        "reward_true_correlation": 0.9,
        "wall_seconds": 90.0,
        "train_seconds": 40.0,
        "cpu_hours": 0.25,
        "gpu_hours": 0.0,
        "peak_memory_mb": 1000.0,
        "bytes_written": 2_000_000,
        "cost": 0.5,
        "currency": "EUR",
        "status": status,
    }


def _write_metrics(file: Path, final: float, entropy: np.ndarray, *, learns: bool) -> None:
    rows = []
    for index in range(ITERATIONS):
        share = index / (ITERATIONS - 1)
        row = {
            keys.ENV_STEPS: (index + 1) * STEPS,
            keys.ITERATION: index + 1,
            keys.TRUE_RETURN: final * share,
            keys.POLICY_ENTROPY: entropy[index] if index < len(entropy) else "",
            keys.EVALUATION_RETURN: final * share if index % 5 == 4 else "",
            keys.TIME_SAMPLING: 1.0,
            keys.TIME_LEARNING: 2.0,
            keys.MEMORY_TRIAL: 500.0,
        }
        if learns:
            row |= {
                keys.PREDICTED_RETURN: 3 * share,
                keys.LABELS: 10 * index,
                keys.QUERIES: 10 * index,
                keys.REWARD_VERSION: index // 2,
                keys.REWARD_TRUE_CORRELATION: 0.5,
                keys.REWARD_VALIDATION_ACCURACY: 0.8,
                keys.ENSEMBLE_SPREAD: 0.2,
                keys.TIME_FITTING: 1.5,
                keys.TIME_WAITING: 0.1 * index,
                keys.CLIPS_PER_SECOND: 30.0,
                keys.CLIPS_DROPPED: 0,
                keys.FIT_LAG: STEPS,
                keys.MEMORY_BUFFER: 300.0,
                keys.MEMORY_LEARNER: 200.0,
            }
        rows.append(row)
    with file.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, rows[0])
        writer.writeheader()
        writer.writerows(rows)
