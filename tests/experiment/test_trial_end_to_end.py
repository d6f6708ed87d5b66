"""Whole runs through the command line, as users start them: real Ray, real RLlib, real SQLite, real kills."""

import csv
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

SHORT = [
    "moving_dot",
    "name=run",
    "training.env_steps=16000",
    "training.checkpoint_interval_env_steps=4000",
    "training.rllib.train_batch_size_per_learner=2000",
    "preferences.labels=60",
    "evaluation.episodes=50",
]
TIMES = ("seconds", "time_", "per_second", "memory", "_mb", "unhealthy")  # health may depend on times
KILL_AFTER_ITERATION = 4
MAX_RUN_SECONDS = 240


def rlhp(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "rlhp_ray.cli", *arguments]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(rlhp(*arguments), capture_output=True, text=True, timeout=MAX_RUN_SECONDS)


def train(folder: Path, *overrides: str) -> Path:
    done = run("train", *SHORT, f"output_dir={folder}", *overrides)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{folder / 'run'}\n", "standard output holds the directory and nothing else"
    return folder / "run"


def start(folder: Path, *overrides: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        rlhp("train", *SHORT, f"output_dir={folder}", *overrides),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_iteration(directory: Path, iteration: int) -> None:
    deadline = time.monotonic() + MAX_RUN_SECONDS
    while time.monotonic() < deadline:
        rows = metrics(directory)
        if rows and float(rows[-1]["iteration"] or 0) >= iteration:
            return
        time.sleep(0.05)
    pytest.fail(f"{directory} never came to iteration {iteration}")


def metrics(directory: Path) -> list[dict[str, str]]:
    path = directory / "metrics.csv"
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [row for row in csv.DictReader(file) if None not in row.values()]


def deterministic_metrics(directory: Path) -> list[dict[str, str]]:
    return [
        {key: value for key, value in row.items() if not any(part in key for part in TIMES)}
        for row in metrics(directory)
    ]


def labels(directory: Path) -> list[tuple]:
    with sqlite3.connect(directory / "preferences.sqlite") as connection:
        return connection.execute(
            "SELECT query_index, left_id, right_id, answer, env_steps FROM preferences ORDER BY query_index"
        ).fetchall()


def weights(directory: Path) -> dict[str, str]:
    inference = directory / "checkpoints" / "last" / "inference"
    return {name: hashlib.sha256((inference / name).read_bytes()).hexdigest() for name in os.listdir(inference)}


def summary(directory: Path) -> dict:
    return json.loads((directory / "summary.json").read_text())


def deterministic_summary(directory: Path) -> dict:
    costs = ("hours", "cost", "memory", "bytes", "health", "failures")  # and what depends on times, or on kills
    return {
        key: value for key, value in summary(directory).items() if not any(part in key for part in (*costs, "second"))
    }


def assert_same_result(first: Path, second: Path) -> None:
    assert labels(first) == labels(second)
    assert weights(first) == weights(second)
    assert deterministic_summary(first) == deterministic_summary(second)
    assert deterministic_metrics(first) == deterministic_metrics(second)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("undisturbed"))


def test_a_run_spends_its_budgets_exactly(undisturbed: Path) -> None:
    result = summary(undisturbed)
    assert (result["status"], result["env_steps"], result["queries"]) == ("done", 16000, 60)
    assert len(labels(undisturbed)) == 60
    assert result["eval_episodes"] == 50
    assert result["cpu_hours"] > 0 and result["gpu_hours"] == 0
    parts = sum(result[f"peak_memory_{part}_mb"] for part in ("trial", "env_runners", "buffer", "learner"))
    assert 300 < result["peak_memory_mb"] <= parts
    assert result["peak_memory_env_runners_mb"] == 0, "they collect in the trial's own process"
    assert result["bytes_on_disk"] > 100_000 and result["bytes_written"] >= 0
    assert (result["cost"], result["currency"]) == (None, None), "no price is known"
    files = ("learning_curve.png", "diagnostics.json", "diagnostics.png", "videos/trained-agent.mp4", "console.log")
    for name in (*files, "tensorboard", "code/commit.txt"):
        assert (undisturbed / name).exists(), name


def test_a_healthy_run_is_watched_and_raises_no_alarm(undisturbed: Path) -> None:
    rows = metrics(undisturbed)
    assert {float(row["observation_gap"]) for row in rows} == {0.0}, "policy and predictor are shown the same"
    assert all(0 < float(row["observation_gap_fitting"]) < 4 for row in rows)
    assert {row["alarms"] for row in rows} == {"0"}
    conditions = {key for key in rows[0] if key.startswith("unhealthy_")} - {"unhealthy_speed_decays"}
    assert len(conditions) > 8 and {row[key] for row in rows for key in conditions} == {"0"}
    assert set(summary(undisturbed)["health_ever"]) <= {"speed decays"}, "which the machine decides, not the run"
    for key in ("fresh_pair_accuracy", "calibration_error", "predicted_gain", "member_3_reward_p95"):
        assert len({float(row[key]) for row in rows}) > 2, key
    snapshot = json.loads((undisturbed / "diagnostics.json").read_text())
    assert snapshot["reward_version"] == int(rows[-1]["reward_version"]) and snapshot["env_steps"] == 16000


def test_same_seed_gives_the_same_labels_weights_and_returns(undisturbed: Path, tmp_path: Path) -> None:
    assert_same_result(undisturbed, train(tmp_path))


def test_another_seed_gives_another_result(undisturbed: Path, tmp_path: Path) -> None:
    assert labels(undisturbed) != labels(train(tmp_path, "seed=1"))


def test_killed_and_resumed_equals_undisturbed(undisturbed: Path, tmp_path: Path) -> None:
    process = start(tmp_path)
    wait_for_iteration(tmp_path / "run", KILL_AFTER_ITERATION)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    acknowledged = labels(tmp_path / "run")
    assert 0 < len(acknowledged) < 60
    done = run("resume", str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    assert labels(tmp_path / "run")[: len(acknowledged)] == acknowledged
    assert_same_result(undisturbed, tmp_path / "run")
    assert summary(undisturbed)["failures"] == {}
    found = summary(tmp_path / "run")["failures"]["driver"]
    assert (found["count"], found["recovered"]) == (1, 1) and found["seconds_lost"] >= 0


def test_async_killed_and_resumed_counts_every_step_and_label_once(tmp_path: Path) -> None:
    process = start(tmp_path, "mode=async")
    wait_for_iteration(tmp_path / "run", KILL_AFTER_ITERATION)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    acknowledged = labels(tmp_path / "run")
    done = run("resume", str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    assert labels(tmp_path / "run")[: len(acknowledged)] == acknowledged
    assert [row[0] for row in labels(tmp_path / "run")] == list(range(60))
    result = summary(tmp_path / "run")
    assert (result["status"], result["env_steps"], result["queries"]) == ("done", 16000, 60)
    assert result["waiting_seconds"] == 0, "the policy never waits in async mode"
    steps = [int(row["env_steps"]) for row in metrics(tmp_path / "run")]
    assert steps == sorted(set(steps)), "every iteration has one row"


def test_interrupt_checkpoints_and_resume_finishes(tmp_path: Path) -> None:
    process = start(tmp_path)
    wait_for_iteration(tmp_path / "run", 2)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=MAX_RUN_SECONDS)
    assert process.returncode == 130, stderr
    assert stdout == f"{tmp_path / 'run'}\n"
    assert summary(tmp_path / "run")["status"] == "interrupted"
    assert (tmp_path / "run" / "checkpoints" / "last" / "inference" / "policy.json").exists()
    done = run("resume", str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    assert (summary(tmp_path / "run")["env_steps"], summary(tmp_path / "run")["queries"]) == (16000, 60)


def test_resume_of_a_finished_run_says_so(undisturbed: Path) -> None:
    before = (undisturbed / "summary.json").read_bytes()
    done = run("resume", str(undisturbed))
    assert (done.returncode, done.stdout) == (0, f"{undisturbed}\n")
    assert "has finished" in done.stderr
    assert (undisturbed / "summary.json").read_bytes() == before


def test_replay_writes_a_video_without_training_state(undisturbed: Path, tmp_path: Path) -> None:
    video = tmp_path / "replay.mp4"
    done = run("replay", str(undisturbed), "--episodes", "1", "--output", str(video))
    assert done.returncode == 0, done.stderr
    assert video.stat().st_size > 1000
    assert "true return" in done.stdout


def test_replay_of_a_truncated_checkpoint_is_one_clear_error(undisturbed: Path, tmp_path: Path) -> None:
    inference = tmp_path / "inference"
    inference.mkdir()
    for source in (undisturbed / "checkpoints" / "last" / "inference").iterdir():
        content = source.read_bytes()
        (inference / source.name).write_bytes(content[: len(content) // 2])
    done = run("replay", str(inference))
    assert done.returncode == 1
    assert "truncated or damaged" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_of_a_newer_schema_is_left_alone(undisturbed: Path, tmp_path: Path) -> None:
    process = start(tmp_path)
    wait_for_iteration(tmp_path / "run", 2)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=MAX_RUN_SECONDS)
    database = tmp_path / "run" / "preferences.sqlite"
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = labels(tmp_path / "run")
    done = run("resume", str(tmp_path / "run"))
    assert done.returncode == 1
    assert "written by a newer rlhp (schema 99)" in done.stderr
    assert "Traceback" not in done.stderr
    assert labels(tmp_path / "run") == before


NAN_ENVIRONMENT = """
import gymnasium
from gymnasium.envs.classic_control import PendulumEnv

class Broken(PendulumEnv):
    taken = 0

    def step(self, action):
        Broken.taken += 1
        observation, reward, terminated, truncated, info = super().step(action)
        return observation, float("nan") if Broken.taken > 3000 else reward, terminated, truncated, info

gymnasium.register("Broken-v0", entry_point="broken_module:Broken", max_episode_steps=200)
"""


@pytest.mark.parametrize("num_env_runners", [0, 1])
def test_a_reward_that_becomes_nan_ends_the_run_with_one_clear_error_and_a_dump(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_env_runners: int
) -> None:
    (tmp_path / "broken_module.py").write_text(NAN_ENVIRONMENT)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    settings = ["env.id=broken_module:Broken-v0", f"env.num_env_runners={num_env_runners}", "name=run"]
    done = run("train", "pendulum", *settings, f"output_dir={tmp_path}")
    assert done.returncode == 1
    assert "rlhp: error: the environment returned the rewards" in done.stderr
    assert "Traceback" not in done.stderr
    result = summary(tmp_path / "run")
    assert (result["status"], result["failures"]["not_finite"]["count"]) == ("failed", 1)
    dump = tmp_path / "run" / "not_finite"
    assert "RewardDataError" in (dump / "traceback.txt").read_text()
    assert (dump / "inference" / "policy.json").exists() and (dump / "preference_training" / "counts.json").exists()
    assert not (tmp_path / "run" / "checkpoints" / "last").exists(), "no checkpoint is made of it"


def test_a_reward_of_another_environment_is_refused(undisturbed: Path, tmp_path: Path) -> None:
    done = run("train", "pendulum", f"reward.load={undisturbed}", f"output_dir={tmp_path}", "name=run")
    assert done.returncode == 1
    assert "learnt in rlhp/MovingDot-v0) has observation_space" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_learnt_reward_trains_without_any_label(undisturbed: Path, tmp_path: Path) -> None:
    assert summary(train(tmp_path, f"reward.load={undisturbed}", "preferences.labels=0"))["queries"] == 0


def test_an_irrational_teacher_teaches_and_says_what_it_needs(tmp_path: Path) -> None:
    """Pendulum's returns are negative: its relative threshold is off, and every answer says who gave it."""
    short = ["training.env_steps=4000", "training.rllib.train_batch_size_per_learner=2000", "evaluation.episodes=2"]
    teacher = ["teacher.preset=myopic", "teacher.mistake=0.3", "teacher.equal=0.1", "teacher.skip_below=-150"]
    done = run("train", "pendulum", "name=run", f"output_dir={tmp_path}", "preferences.labels=40", *short, *teacher)
    assert done.returncode == 0, done.stderr
    warning = "rlhp: warning: teacher.equal=0.1 is a share of the mean return of recent clips, which is -"
    assert done.stderr.count(warning) == (tmp_path / "run" / "console.log").read_text().count(warning) == 1
    with sqlite3.connect(tmp_path / "run" / "preferences.sqlite") as connection:
        sources = set(connection.execute("SELECT source FROM preferences").fetchall())
    assert sources == {("myopic mistake=0.3 equal=0.1 skip_below=-150",)}
    skipped = sum(row[3] == "skip" for row in labels(tmp_path / "run"))
    assert (summary(tmp_path / "run")["queries"], summary(tmp_path / "run")["labels"]) == (40, 40 - skipped)
    assert 0 < skipped < 40


def test_a_teacher_that_cannot_be_imported_is_told_at_the_start(tmp_path: Path) -> None:
    done = run("train", *SHORT, f"output_dir={tmp_path}", "teacher.reward_function=of_nobodys:backflip")
    assert done.returncode == 1
    assert "rlhp: error: teacher.reward_function=of_nobodys:backflip: the module of_nobodys cannot be" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run" / "preferences.sqlite").exists()
    assert metrics(tmp_path / "run") == []


def test_a_teacher_that_fails_is_told_with_its_query(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "doubtful_tricks.py").write_text("def judge(left, right, rng):\n    return 'both'\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    done = run("train", *SHORT, f"output_dir={tmp_path}", "teacher.callable=doubtful_tricks:judge")
    assert done.returncode == 1
    told = "rlhp: error: query 0: teacher.callable=doubtful_tricks:judge answered 'both'; expected one of left, right,"
    assert told in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def gathered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty preferences about clips of an untrained policy."""
    folder = tmp_path_factory.mktemp("gathered")
    done = run("preferences", "gather", "moving_dot", "name=saved", f"output_dir={folder}", "preferences.labels=40")
    assert done.returncode == 0, done.stderr
    return folder / "saved"


def test_a_run_from_saved_preferences_killed_and_resumed_equals_undisturbed(gathered: Path, tmp_path: Path) -> None:
    saved = shutil.copytree(gathered, tmp_path / "saved")
    undisturbed = train(tmp_path / "undisturbed", f"preferences.load={saved}")
    result = summary(undisturbed)
    assert (result["queries"], result["labels_loaded"], len(labels(undisturbed))) == (60, 40, 100)
    first = next(row for row in metrics(undisturbed) if row["queries"])
    assert (first["labels_loaded"], first["queries"]) == ("40", "15"), (
        "a quarter of the budget at first, spent on new pairs"
    )
    process = start(tmp_path / "killed", f"preferences.load={saved}")
    wait_for_iteration(tmp_path / "killed" / "run", KILL_AFTER_ITERATION)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    shutil.rmtree(saved)
    done = run("resume", str(tmp_path / "killed" / "run"))
    assert done.returncode == 0, done.stderr
    assert_same_result(undisturbed, tmp_path / "killed" / "run")


def test_saved_preferences_alone_are_fitted(gathered: Path, tmp_path: Path) -> None:
    made = train(tmp_path, f"preferences.load={gathered}", "preferences.labels=0", "training.env_steps=6000")
    result = summary(made)
    assert (result["queries"], result["labels"], result["labels_loaded"]) == (0, 0, 40)
    assert float(metrics(made)[-1]["reward_training_loss"]) < 0.69, "less than the log 2 of knowing nothing"


def test_a_learnt_reward_and_a_policy_go_on_without_a_label(undisturbed: Path, tmp_path: Path) -> None:
    loads = [f"{section}.load={undisturbed}" for section in ("reward", "policy")]
    every = "training.checkpoint_interval_env_steps=2000"
    made = train(tmp_path, *loads, "preferences.labels=0", "training.env_steps=4000", every)
    assert labels(made) == []
    assert weights(made)["reward.safetensors"] == weights(undisturbed)["reward.safetensors"], "nothing was refitted"
    assert weights(made)["policy.safetensors"] != weights(undisturbed)["policy.safetensors"]
    first = metrics(made)[0]
    assert float(first["env_steps"]) == 0, "no clips are collected for queries that nobody asks"
    assert float(first["evaluation_true_return_mean"]) == summary(undisturbed)["true_return_mean"]


def test_preferences_and_policies_that_do_not_fit_are_one_clear_error(gathered: Path, tmp_path: Path) -> None:
    for load, expected in (
        (f"preferences.load={gathered}", "has another environment than this configuration: got rlhp/MovingDot-v0"),
        (f"policy.load={gathered}", "is not a checkpoint: policy.json is missing"),
    ):
        done = run("train", "pendulum", f"output_dir={tmp_path}", load)
        assert done.returncode == 1
        assert expected in done.stderr and "Traceback" not in done.stderr
