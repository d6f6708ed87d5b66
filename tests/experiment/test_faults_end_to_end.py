"""Whole runs whose processes are killed one by one: what the command line makes of it, and what the summary counts."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from test_trial_end_to_end import (
    MAX_RUN_SECONDS,
    assert_same_result,
    labels,
    metrics,
    run,
    start,
    summary,
    train,
    wait_for_iteration,
)


def kill_process(driver: subprocess.Popen, role: str) -> None:
    """The Ray process of this role, as Ray titles it, e.g. `RewardLearner`."""
    deadline = time.monotonic() + MAX_RUN_SECONDS
    while time.monotonic() < deadline and driver.poll() is None:
        for process in psutil.Process(driver.pid).children(recursive=True):
            try:
                if process.cmdline()[0].startswith(f"ray::{role}"):
                    os.kill(process.pid, signal.SIGKILL)
                    return
            except (psutil.Error, IndexError, ProcessLookupError):  # it ended meanwhile
                continue
        time.sleep(0.02)
    pytest.fail(f"no process ray::{role} was found")


def test_a_killed_reward_learner_changes_nothing_in_sync_mode(tmp_path: Path) -> None:
    undisturbed = train(tmp_path / "undisturbed")
    process = start(tmp_path / "killed")
    for iteration in (2, 5):
        wait_for_iteration(tmp_path / "killed" / "run", iteration)
        kill_process(process, "RewardLearner")
    assert process.wait(MAX_RUN_SECONDS) == 0, process.communicate()[1]
    assert_same_result(undisturbed, tmp_path / "killed" / "run")
    found = summary(tmp_path / "killed" / "run")["failures"]
    assert (found["reward_learner"]["count"], found["reward_learner"]["recovered"]) == (2, 2)
    assert summary(undisturbed)["failures"] == {}


def test_an_async_run_survives_the_loss_of_each_of_its_processes(tmp_path: Path) -> None:
    process = start(tmp_path, "mode=async", "env.num_env_runners=1", "training.env_steps=24000")
    for iteration, role in ((2, "RewardLearner"), (4, "PreferenceBuffer"), (6, "RolloutRunner")):
        wait_for_iteration(tmp_path / "run", iteration)
        kill_process(process, role)
    stderr = process.communicate(timeout=MAX_RUN_SECONDS)[1]
    assert process.returncode == 0, stderr
    assert [row[0] for row in labels(tmp_path / "run")] == list(range(60)), "no label lost, none doubled"
    result = summary(tmp_path / "run")
    assert (result["status"], result["queries"], result["labels"]) == ("done", 60, 60)
    assert result["env_steps"] >= 24000
    kinds = ("reward_learner", "preference_buffer", "env_runner")
    assert {kind: (result["failures"][kind]["count"], result["failures"][kind]["recovered"]) for kind in kinds} == {
        kind: (1, 1) for kind in kinds
    }
    for kind in kinds:
        assert f"The {kind.replace('_', ' ')} died; " in stderr
    versions = [float(row["reward_version"]) for row in metrics(tmp_path / "run")]
    assert versions == sorted(versions) and versions[-1] > 3, "no version comes twice or goes back"


def fill(disk: Path) -> Path:
    """Take all the room there is."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 65536)
    return filler


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, in memory."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=260m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("a small file system can only be mounted by root, and not in every container")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.learning
def test_a_full_disk_is_one_clear_error_and_the_run_goes_on_where_there_is_room_again(small_disk: Path) -> None:
    process = start(small_disk)
    wait_for_iteration(small_disk / "run", 3)
    filler = fill(small_disk)
    stderr = process.communicate(timeout=MAX_RUN_SECONDS)[1]
    assert process.returncode == 1, stderr
    assert "rlhp: error: " in stderr and "free space" in stderr and "Traceback" not in stderr
    filler.unlink()
    acknowledged = labels(small_disk / "run")
    assert 0 < len(acknowledged) < 60
    done = run("resume", str(small_disk / "run"))
    assert done.returncode == 0, done.stderr
    assert labels(small_disk / "run")[: len(acknowledged)] == acknowledged
    assert [row[0] for row in labels(small_disk / "run")] == list(range(60))
    assert (summary(small_disk / "run")["status"], summary(small_disk / "run")["env_steps"]) == ("done", 16000)
