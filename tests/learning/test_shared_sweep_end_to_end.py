"""Sweeps whose trials share their answers, through the command line: real runs, processes that are killed."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from rlhp_ray.preferences.preference import Answer
from rlhp_ray.preferences.query_queue import QueryQueue

pytestmark = pytest.mark.learning  # sweeps whole and killed: eight minutes

TINY = [
    "moving_dot",
    "name=sweep",
    "scope=sweep",
    "mode=async",
    "training.checkpoint_interval_env_steps=1000",
    "training.rllib.train_batch_size_per_learner=500",
    "preferences.labels=20",
    "evaluation.episodes=5",
]
BESIDE = ("--seeds", "0-1", "--trial-cpus", "1")
IN_TURN = ("--seeds", "0-1", "--trial-cpus", "2")
MAX_SECONDS = 500


def rlhp(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "rlhp_ray.cli", *arguments]


@contextlib.contextmanager
def started(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A sweep in a process group of its own, none of which is left behind."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until(is_so: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + MAX_SECONDS
    while not is_so():
        assert process.poll() is None and time.monotonic() < deadline, process.communicate(timeout=10)[1]
        time.sleep(0.05)


def iteration(run: Path) -> int:
    """Training iterations that the metrics of a run tell of."""
    try:
        return len((run / "metrics.csv").read_text().splitlines()) - 1
    except FileNotFoundError:
        return 0


def queries(sweep: Path) -> list[int]:
    with closing(sqlite3.connect(sweep / "preferences.sqlite")) as connection:
        return [row[0] for row in connection.execute("SELECT query_index FROM preferences ORDER BY query_index")]


def summary(run: Path) -> dict:
    return json.loads((run / "summary.json").read_text())


def budgets(sweep: Path) -> list[tuple[str, int, int]]:
    """Status, queries and labels, as each trial tells them."""
    found = [summary(sweep / f"seed{seed}") for seed in (0, 1)]
    return [(each["status"], each["queries"], each["labels"]) for each in found]


def kill_buffer(process: subprocess.Popen[str]) -> None:
    for each in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error, IndexError):
            if each.cmdline()[0].startswith("ray::PreferenceBuffer"):
                each.kill()
                return
    pytest.fail("no buffer was found")


def test_one_budget_is_spent_once_though_the_buffer_is_killed_and_every_trial_has_all_labels(tmp_path: Path) -> None:
    sweep = tmp_path / "sweep"
    command = rlhp("sweep", *TINY, *BESIDE, "training.env_steps=8000", f"output_dir={tmp_path}")
    with started(command) as process:
        wait_until(lambda: min(iteration(sweep / f"seed{seed}") for seed in (0, 1)) >= 3, process)
        kill_buffer(process)
        stderr = process.communicate(timeout=MAX_SECONDS)[1]
    assert process.returncode == 0, stderr
    assert queries(sweep) == list(range(20)), "no label is lost, none doubled"
    assert budgets(sweep) == [("done", 20, 20)] * 2
    assert not list(sweep.glob("*/preferences.sqlite"))
    losses = [summary(sweep / f"seed{seed}")["failures"]["preference_buffer"] for seed in (0, 1)]
    assert all(loss["count"] == loss["recovered"] == 1 for loss in losses), "each trial joined the new one, once"


def test_a_killed_sweep_goes_on_with_its_answers_and_a_late_trial_learns_from_them(tmp_path: Path) -> None:
    """The trials run one after the other: when the second begins, the budget is spent."""
    sweep = tmp_path / "sweep"
    with started(rlhp("sweep", *TINY, *IN_TURN, "training.env_steps=4000", f"output_dir={tmp_path}")) as process:
        wait_until((sweep / "seed0" / "summary.json").exists, process)
        os.kill(process.pid, signal.SIGKILL)
    assert queries(sweep) == list(range(20))
    alone = subprocess.run(rlhp("resume", str(sweep / "seed0")), capture_output=True, text=True, timeout=MAX_SECONDS)
    assert (alone.returncode, f"Resume that: rlhp resume {sweep}\n" in alone.stderr) == (1, True)
    done = subprocess.run(rlhp("resume", str(sweep)), capture_output=True, text=True, timeout=MAX_SECONDS)
    assert done.returncode == 0, done.stderr
    assert queries(sweep) == list(range(20))
    assert budgets(sweep) == [("done", 20, 20)] * 2
    assert summary(sweep / "seed1")["reward_validation_accuracy"] is not None, "it was fitted to the answers"


def test_a_trial_that_fails_leaves_the_answers_to_the_others(tmp_path: Path) -> None:
    axis = "training.rllib.lr={grid: [0.001, 1.0e+30]}"
    command = rlhp("sweep", *TINY, "--trial-cpus", "1", axis, "training.env_steps=4000", f"output_dir={tmp_path}")
    done = subprocess.run(command, capture_output=True, text=True, timeout=MAX_SECONDS)
    sweep = tmp_path / "sweep"
    assert done.returncode == 1, done.stderr
    whole, broken = summary(sweep / "s0-seed0"), summary(sweep / "s1-seed0")
    assert (whole["status"], whole["labels"], broken["status"]) == ("done", 20, "failed")
    assert queries(sweep) == list(range(20))


def answer_all(queue: QueryQueue) -> None:
    for query in queue.lease("ada", 100):
        queue.answer(f"ada-{query.query_id}", query.query_id, "ada", Answer.LEFT, 1.0)


def test_people_label_once_for_all_trials_on_one_page(tmp_path: Path) -> None:
    sweep = tmp_path / "sweep"
    people = ["teacher.preset=people", "training.env_steps=4000", f"output_dir={tmp_path}"]
    with started(rlhp("sweep", *TINY, *BESIDE, *people)) as process:
        wait_until((sweep / "labelling.sqlite").exists, process)
        with closing(QueryQueue(sweep / "labelling.sqlite")) as queue:
            deadline = time.monotonic() + MAX_SECONDS
            while process.poll() is None and time.monotonic() < deadline:
                answer_all(queue)
                time.sleep(0.2)
            facts, counts = queue.facts(), queue.counts()
        stderr = process.communicate(timeout=10)[1]
    assert process.returncode == 0, stderr
    assert "rlhp: label at http://127.0.0.1:" in stderr
    assert (facts["budget"], facts["total_env_steps"], facts["ended"]) == (20, 4000, True)
    stored = queries(sweep)
    assert stored == list(range(len(stored))) and len(stored) <= counts.answered <= 20
    for status, asked, labels in budgets(sweep):
        assert status == "done" and 10 <= asked == labels <= len(stored)
