"""What a recorder finds of a run's health is in every row, in the summary, and goes on after a resume."""

import csv
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from rlhp_ray import metric_keys as keys
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.experiment.run_archive import RunArchive
from rlhp_ray.experiment.run_recorder import RunRecorder
from rlhp_ray.experiment.summary import RunStatus

CONFIG = RunConfig.model_validate({"env": {"id": "CartPole-v1"}, "reward_source": "true_reward"})
TRIAL = SimpleNamespace(placement_group_factory=SimpleNamespace(required_resources={"CPU": 1.0}))
WILD = keys.unhealthy_key(keys.POLICY_KL)


@pytest.fixture
def archive(tmp_path: Path) -> RunArchive:
    return RunArchive.create(tmp_path, None, "cartpole", "seed: 0\n", "rlhp train cartpole", None, None, None)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Made after iteration 14."""
    counts = tmp_path / "checkpoint" / "preference_training" / "counts.json"
    counts.parent.mkdir(parents=True)
    counts.write_text(json.dumps({"iteration": 14}))
    return tmp_path / "checkpoint"


def record(archive: RunArchive, iterations: range, divergence: float, restore: Path | None = None) -> dict:
    recorder = RunRecorder(archive, CONFIG, {"type": "Discrete", "n": 2}, restore, lambda: 1.0)
    for iteration in iterations:
        metrics = {
            keys.ITERATION: iteration,
            keys.ENV_STEPS: 100 * iteration,
            keys.TIME_ITERATION: 1.0,
            keys.POLICY_KL: divergence,
            keys.CPU_SECONDS: 1.0,
        }
        recorder.on_trial_result(iteration, [], TRIAL, {keys.METRICS: metrics, keys.DIAGNOSTICS: None})
        assert keys.UNHEALTHY not in metrics, "what was reported is left as it was"
    return recorder.close(RunStatus.INTERRUPTED)


def column(archive: RunArchive, key: str) -> list[str]:
    with archive.metrics_file.open(newline="") as file:
        return [row[key] for row in csv.DictReader(file)]


def test_a_condition_is_in_the_rows_and_in_the_summary(archive):
    summary = record(archive, range(1, 15), 0.3)
    assert (summary["health"], summary["health_ever"]) == (["policy kl"], ["policy kl"])
    assert archive.read_summary() == summary
    assert column(archive, WILD) == column(archive, keys.UNHEALTHY) == ["0"] * 11 + ["1"] * 3


def test_a_resumed_run_remembers_what_held_before(archive, checkpoint):
    record(archive, range(1, 21), 0.3)
    summary = record(archive, range(15, 31), 0.01, restore=checkpoint)
    assert (summary["health"], summary["health_ever"]) == ([], ["policy kl"])
    held = column(archive, WILD)
    assert len(held) == 30 and held[13:15] == ["1", "1"] and held[-1] == "0"


def test_a_healthy_run_has_nothing_to_tell(archive):
    summary = record(archive, range(1, 15), 0.01)
    assert (summary["health"], summary["health_ever"]) == ([], [])
