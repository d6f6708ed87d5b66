"""What earlier runs tell: whether plain learning works, how long a run takes, what it costs."""

import json

import pytest

from rlhp_ray.checks.earlier_runs import earlier_runs
from rlhp_ray.errors import ConfigError

DONE = {
    "env": "rlhp/MovingDot-v0",
    "status": "done",
    "reward_source": "preferences",
    "env_steps": 50_000,
    "wall_seconds": 600.0,
    "cpu_hours": 0.25,
    "gpu_hours": 0.0,
    "true_return_mean": 80.0,
}


@pytest.fixture
def archive(tmp_path):
    def file(name: str, text: str | None = None, **changes) -> None:
        directory = tmp_path / "runs" / name
        directory.mkdir(parents=True)
        (directory / "summary.json").write_text(text if text is not None else json.dumps(DONE | changes))

    return file


def test_only_finished_runs_of_the_environment_count(archive, tmp_path):
    archive("a")
    archive("b", env="Pendulum-v1")
    archive("c", status="failed")
    archive("d", env_steps=0)
    archive("e", text='{"env": "rlhp/MovingDot-v0", ')
    archive("f", reward_source="true_reward", true_return_mean=None)
    runs = earlier_runs(tmp_path / "runs", "rlhp/MovingDot-v0")
    assert [(run.name, run.on_true_reward, run.true_return_mean) for run in runs] == [
        ("a", False, 80.0),
        ("f", True, None),
    ]
    assert earlier_runs(tmp_path / "nowhere", "rlhp/MovingDot-v0") == ()


def test_without_a_baseline_the_command_for_one_is_given(around, told):
    context = around("preferences.labels=400", "name=mine", "question=Is it so?")
    line = told(context)["no_baseline"]
    assert line.startswith("note: no finished run in ")
    command = "rlhp train moving_dot preferences.labels=400 'question=Is it so?' reward_source=true_reward"
    assert line.endswith(f"run the baseline first:\n{command}")
    assert "no_question" not in told(context) and "no_question" in told(around())


def test_a_baseline_is_a_yardstick_if_it_was_long_enough(archive, around, told):
    archive("short", reward_source="true_reward", env_steps=20_000)
    assert "no finished run" in told(around())["no_baseline"]
    archive("one", reward_source="true_reward", true_return_mean=90.25)
    assert "reached a true return of 90.25 in one run here" in told(around())["no_baseline"]
    archive("two", reward_source="true_reward", true_return_mean=88)
    assert "reached true returns of 88 to 90.25 in 2 runs here" in told(around())["no_baseline"]
    assert "no_baseline" not in told(around("reward_source=true_reward"))


def test_time_and_money_follow_from_earlier_runs(archive, around, told, tmp_path):
    archive("a", reward_source="true_reward", wall_seconds=1.0)
    archive("b")
    line = told(around())["hours_and_money"]
    assert "100,000 env steps will take about 20 minutes, 0.5 CPU-hours, whose cost is not known: no price" in line
    assert "runs/prices.yaml would tell. |" in line, "and nothing of memory, which these runs did not record"
    archive("c", peak_memory_mb=1100.0, bytes_on_disk=3_000_000)
    archive("d", peak_memory_mb=900.0, bytes_on_disk=5_000_000)
    (tmp_path / "runs" / "prices.yaml").write_text("currency: EUR\ncpu_hour: 12\n")
    line = told(around())["hours_and_money"]
    assert "0.5 CPU-hours and 6.00 EUR. Earlier runs held up to 1,100 MB of memory and 5.0 MB on disk." in line


def test_prices_that_cannot_be_used_are_an_error(around, tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "prices.yaml").write_text("currency: EUR\n")
    with pytest.raises(ConfigError, match="cpu_hour is missing"):
        around()


def test_without_earlier_runs_time_follows_from_the_rollout(around, told):
    assert "100,000 env steps will take at least " in told(around())["hours_and_money"]
