"""The machine of a run or sweep is lost with its disk: another one goes on from the copy at the storage address."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.learning  # runs whole, killed and resumed: some minutes

RUN = (
    "moving_dot",
    "name=run",
    "training.rllib.train_batch_size_per_learner=2000",
    "preferences.labels=60",
    "evaluation.episodes=20",
)
SYNC = (*RUN, "training.env_steps=40000", "training.checkpoint_interval_env_steps=4000")
BY_TIME = (
    *RUN,
    "mode=async",
    "training.env_steps=60000",
    "training.checkpoint_interval_env_steps=60000",
    "training.checkpoint_interval_minutes=0.02",
)
SWEEP = (
    "moving_dot",
    "name=sweep",
    "--seeds",
    "0-1",
    "--trial-cpus",
    "1",
    "training.env_steps=30000",
    "training.checkpoint_interval_env_steps=2000",
    "training.rllib.train_batch_size_per_learner=1000",
    "preferences.labels=40",
    "evaluation.episodes=20",
)
OF_MACHINE = ("seconds", "per_second", "hours", "memory", "bytes", "failures", "unhealthy", "cost", "currency")
MAX_SECONDS = 400


def rlhp(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "rlhp_ray.cli", *arguments]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(rlhp(*arguments), capture_output=True, text=True, timeout=MAX_SECONDS)


def lose_machine(command: list[str], holds: Callable[[], bool], disk: Path) -> None:
    """SIGKILL for a driver and all its processes as soon as something holds; then its disk goes."""
    driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
    deadline = time.monotonic() + MAX_SECONDS
    while not holds() and driver.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    was_running = driver.poll() is None
    with contextlib.suppress(ProcessLookupError):
        os.killpg(driver.pid, signal.SIGKILL)
    stderr = driver.communicate()[1].decode()
    assert was_running and holds(), stderr
    shutil.rmtree(disk)


def answers(database: Path) -> list[tuple]:
    with contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT query_index, left_id, right_id, answer FROM preferences").fetchall()


def summary(directory: Path) -> dict:
    return json.loads((directory / "summary.json").read_text())


def learnt(directory: Path) -> dict:
    return {key: value for key, value in summary(directory).items() if not any(part in key for part in OF_MACHINE)}


def test_a_run_goes_on_elsewhere_from_a_checkpoint_by_time_with_every_copied_label(tmp_path: Path) -> None:
    disk, bucket, other = tmp_path / "disk", tmp_path / "bucket", tmp_path / "other"
    command = rlhp("train", *BY_TIME, f"output_dir={disk}", "--copy-to", f"file://{bucket}")
    lose_machine(command, (bucket / "run" / "checkpoints" / "last").exists, disk)
    copied = answers(bucket / "run" / "preferences.sqlite")
    done = run("resume", f"file://{bucket}/run", "--into", str(other))
    assert (done.returncode, done.stdout) == (0, f"{other / 'run'}\n"), done.stderr
    assert "resuming from" in done.stderr and f"copied to file://{bucket}/run" in done.stderr
    result = summary(other / "run")
    assert (result["status"], result["env_steps"], result["queries"]) == ("done", 60000, 60)
    assert result["failures"]["driver"]["count"] == 1
    assert copied and set(copied) <= set(answers(other / "run" / "preferences.sqlite")), "a copied label is lost"
    assert summary(bucket / "run") == result, "it went on to be copied there"
    again = run("resume", f"file://{bucket}/run", "--into", str(other))
    assert (again.returncode, again.stdout) == (1, "") and "exists and nothing is overwritten" in again.stderr


def test_in_sync_mode_it_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    disk, bucket, other = tmp_path / "disk", tmp_path / "bucket", tmp_path / "other"
    undisturbed = run("train", *SYNC, f"output_dir={tmp_path / 'whole'}")
    assert undisturbed.returncode == 0, undisturbed.stderr
    command = rlhp("train", *SYNC, f"output_dir={disk}", "--copy-to", f"file://{bucket}")
    lose_machine(command, (bucket / "run" / "checkpoints" / "last").exists, disk)
    shutil.copytree(bucket / "run", other / "run")  # by hand, as with `aws s3 cp --recursive`
    done = run("resume", str(other / "run"))
    assert done.returncode == 0, done.stderr
    assert "resuming from" in done.stderr
    assert learnt(other / "run") == learnt(tmp_path / "whole" / "run")


def test_a_sweep_goes_on_elsewhere(tmp_path: Path) -> None:
    disk, bucket, other = tmp_path / "disk", tmp_path / "bucket", tmp_path / "other"
    command = rlhp("sweep", *SWEEP, f"output_dir={disk}", "--copy-to", f"file://{bucket}")
    lose_machine(command, lambda: bool(list(bucket.glob("sweep/*/checkpoints/last"))), disk)
    done = run("resume", f"file://{bucket}/sweep", "--into", str(other))
    assert (done.returncode, done.stdout) == (0, f"{other / 'sweep'}\n"), done.stderr
    results = [summary(other / "sweep" / f"seed{seed}") for seed in (0, 1)]
    assert [(result["status"], result["queries"]) for result in results] == [("done", 40)] * 2
    assert all(result["env_steps"] >= 30000 for result in results)
    assert any("driver" in result["failures"] for result in results), "it began anew"
    assert (bucket / "sweep" / "report.html").exists()
