"""What is told of a sweep before it starts."""

import json
import os
from dataclasses import replace

import pytest

from rlhp_ray.config.loading import load_config
from rlhp_ray.errors import ConfigError
from rlhp_ray.sweep.axes import Axis
from rlhp_ray.sweep.forecast import describe_plan, forecast
from rlhp_ray.sweep.plan import plan_trials
from rlhp_ray.sweep.search import Search
from rlhp_ray.sweep.sweep_file import Sweep, SweepSettings


def finished_run(folder, **summary):
    folder.mkdir(parents=True)
    done = {"status": "done", "env": "rlhp/MovingDot-v0", "reward_source": "preferences"}
    (folder / "summary.json").write_text(json.dumps(done | summary))


def planned(configs):
    return Sweep(configs[0], SweepSettings(), tuple(plan_trials((), range(len(configs)), 1, 0)))


@pytest.fixture(autouse=True)
def four_cpus(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 4)


@pytest.fixture
def configs():
    return [load_config("moving_dot", [f"seed={seed}", "training.env_steps=1000"]) for seed in range(6)]


def test_trials_share_the_machine_and_time_follows_earlier_runs(configs, tmp_path):
    for name, seconds in (("a", 10.0), ("b", 20.0), ("sweep/c", 90.0)):
        finished_run(tmp_path / name, wall_seconds=seconds, env_steps=1000)
    finished_run(tmp_path / "other", wall_seconds=1.0, env_steps=1000, env="Pendulum-v1")
    finished_run(tmp_path / "failed", wall_seconds=1.0, env_steps=1000, status="failed")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "summary.json").write_text("{")
    expected = forecast(configs, 1.0, tmp_path, len(configs))
    assert (expected.concurrent, expected.trial_cpus) == (4, 1.0)
    assert expected.seconds == pytest.approx(6 * 20 / 4)


def test_without_earlier_runs_no_time_is_told(configs, tmp_path):
    expected = forecast(configs, 2.0, tmp_path, len(configs))
    assert (expected.concurrent, expected.seconds) == (2, None)
    text = describe_plan(planned(configs), configs, expected)
    assert "time          unknown" in text
    assert "env steps     6,000" in text
    assert text.count("seed=") == 6


def test_trials_that_a_search_is_still_to_propose_are_counted(configs, tmp_path):
    finished_run(tmp_path / "a", wall_seconds=10.0, env_steps=1000)
    axes = (Axis("training.rllib.lr", "uniform", (0.001, 0.01)),)
    sweep = replace(planned(configs), search=Search(axes, 10, tuple(range(6)), 1, 0))
    expected = forecast(configs, 1.0, tmp_path, sweep.trials_in_all)
    assert expected.seconds == pytest.approx(60 * 10 / 4)
    text = describe_plan(sweep, configs, expected)
    assert "54 more, whose settings follow from what these come to" in text
    assert "trials        60, 4 beside each other" in text and "env steps     60,000" in text


def test_cost_memory_and_disk_follow_from_earlier_runs(configs, tmp_path):
    known = {"env_steps": 2000, "wall_seconds": 20.0, "cpu_hours": 0.5, "gpu_hours": 0.0}
    finished_run(tmp_path / "a", **known, peak_memory_mb=1000.0, bytes_on_disk=2_000_000)
    finished_run(tmp_path / "b", **known, peak_memory_mb=1200.0, bytes_on_disk=2_000_000)
    (tmp_path / "prices.yaml").write_text("currency: EUR\ncpu_hour: 2\n")
    text = describe_plan(planned(configs), configs, forecast(configs, 1.0, tmp_path, 6))
    assert "  cost          about 1.5 CPU-hours, 3.00 EUR" in text, "six trials, half as long as the earlier runs"
    assert "  memory        up to 1,200 MB a trial, 4,800 MB for those side by side" in text
    assert "  disk          about 12.0 MB" in text


def test_without_prices_and_records_nothing_is_made_up(configs, tmp_path):
    plan = planned(configs)
    text = describe_plan(plan, configs, forecast(configs, 1.0, tmp_path, 6))
    assert "  cost          no price is known" in text and "memory" not in text and "disk" not in text
    finished_run(tmp_path / "old", wall_seconds=20.0, env_steps=2000, cpu_hours=0.5)
    assert "about 1.5 CPU-hours; no price is known" in describe_plan(plan, configs, forecast(configs, 1.0, tmp_path, 6))


def test_prices_that_cannot_be_used_are_refused(configs, tmp_path):
    (tmp_path / "prices.yaml").write_text("cpu_hour: 2\n")
    with pytest.raises(ConfigError, match="currency is missing"):
        forecast(configs, 1.0, tmp_path, 6)


def test_fractions_let_several_trials_share_a_processor(configs, tmp_path):
    assert forecast(configs, 0.7, tmp_path, len(configs)).concurrent == 5


def test_a_trial_that_the_machine_can_never_hold_is_refused(tmp_path):
    configs = [load_config("moving_dot", ["env.num_env_runners=3"])]
    with pytest.raises(ConfigError, match=r"needs 5 CPUs \(2 and one for each env runner\), but this machine has 4"):
        forecast(configs, 2.0, tmp_path, len(configs))


@pytest.mark.parametrize(("trial_cpus", "is_late"), [(0.5, False), (1.0, True)])
def test_of_a_shared_budget_that_is_told_and_whether_trials_come_late_to_it(tmp_path, trial_cpus, is_late):
    words = ["scope=sweep", "mode=async", "preferences.labels=70"]
    configs = [load_config("moving_dot", [*words, f"seed={seed}"]) for seed in range(6)]
    text = describe_plan(planned(configs), configs, forecast(configs, trial_cpus, tmp_path, 6))
    assert "  queries       70, whose answers all trials share" in text
    assert ("those that begin later" in text) == is_late
