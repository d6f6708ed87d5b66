"""A sweep through the command line: real Tune, real runs, a driver that is killed, trials that fail."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.learning  # sweeps whole and killed: five minutes

TINY = [
    "moving_dot",
    "name=sweep",
    "training.env_steps=4000",
    "training.checkpoint_interval_env_steps=1000",
    "training.rllib.train_batch_size_per_learner=500",
    "preferences.labels=20",
    "evaluation.episodes=20",
]
SEEDS = ("--seeds", "0-2")
SETTINGS = "training.rllib.lr={grid: [0.001, 0.01]}"
TIMES = ("env_steps_per_second", "train_seconds", "cpu_hours", "peak_memory_mb", "bytes_on_disk", "bytes_written")
MAX_SECONDS = 400


def rlhp(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "rlhp_ray.cli", *arguments]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(rlhp(*arguments), capture_output=True, text=True, timeout=MAX_SECONDS)


def results(sweep: Path) -> list[dict[str, str]]:
    """Rows of results.csv without times."""
    with (sweep / "results.csv").open(newline="") as file:
        return [{key: value for key, value in row.items() if key not in TIMES} for row in csv.DictReader(file)]


def learnt(sweep: Path) -> list[dict[str, str]]:
    """The same without what the trials survived."""
    return [{key: value for key, value in row.items() if key != "failures"} for row in results(sweep)]


def kill_after_the_first_summary(command: list[str], sweep: Path) -> dict[str, int]:
    """SIGKILL for the driver of a sweep as soon as a trial of it is over; when each summary was written by then."""
    driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + MAX_SECONDS
    while not list(sweep.glob("*/summary.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    os.killpg(driver.pid, signal.SIGKILL)  # what is left of its Ray, which would end by itself after a while
    return {path.parent.name: path.stat().st_mtime_ns for path in sweep.glob("*/summary.json")}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    done = run("sweep", *TINY, *SEEDS, SETTINGS, f"output_dir={folder}")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{folder / 'sweep'}\n", "standard output holds the directory and nothing else"
    assert f"  report        {folder / 'sweep' / 'report.html'}\n" in done.stderr
    return folder / "sweep"


def test_every_trial_is_a_whole_run_of_its_own(undisturbed: Path) -> None:
    rows = results(undisturbed)
    assert [(row["trial"], row["training.rllib.lr"], row["status"]) for row in rows] == [
        (f"s{index}-seed{seed}", lr, "done") for seed in range(3) for index, lr in enumerate(("0.001", "0.01"))
    ]
    for row in rows:
        trial = undisturbed / row["trial"]
        summary = json.loads((trial / "summary.json").read_text())
        assert (summary["seed"], summary["queries"]) == (int(row["seed"]), 20)
        assert summary["env_steps"] >= 4000
        assert f"lr: {row['training.rllib.lr']}" in (trial / "config.yaml").read_text()
        for file in ("metrics.csv", "learning_curve.png", "videos/trained-agent.mp4", "checkpoints/last/inference"):
            assert (trial / file).exists()
    page = (undisturbed / "report.html").read_text()
    assert "6 runs: 6 done" in page and "A: lr=0.001" in page and "B: lr=0.01" in page
    returns = {row["true_return_mean"] for row in rows}
    assert len(returns) > 1, "all trials are the same run"


def test_killed_and_resumed_it_ends_as_an_undisturbed_one(undisturbed: Path, tmp_path: Path) -> None:
    sweep = tmp_path / "sweep"
    finished = kill_after_the_first_summary(rlhp("sweep", *TINY, *SEEDS, SETTINGS, f"output_dir={tmp_path}"), sweep)
    assert 1 <= len(finished) < 6, "it was to be killed in the middle"
    done = run("resume", str(sweep))
    assert done.returncode == 0, done.stderr
    assert learnt(sweep) == learnt(undisturbed)
    for name, written in finished.items():
        assert (sweep / name / "summary.json").stat().st_mtime_ns == written, f"{name} was run again"


def test_ctrl_c_stops_what_is_at_work_with_a_checkpoint_and_trains_no_other(tmp_path: Path) -> None:
    longer = ["--trial-cpus", "2", *SEEDS, "training.env_steps=4000000", f"output_dir={tmp_path}"]
    driver = subprocess.Popen(rlhp("sweep", *TINY, *longer), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    first, deadline = tmp_path / "sweep" / "seed0" / "metrics.csv", time.monotonic() + MAX_SECONDS
    while not (first.exists() and first.read_text().count("\n") > 3) and time.monotonic() < deadline:
        time.sleep(0.05)
    driver.send_signal(signal.SIGINT)
    driver.communicate(timeout=MAX_SECONDS)
    assert driver.returncode == 130
    assert json.loads((first.parent / "summary.json").read_text())["status"] == "interrupted"
    assert (first.parent / "checkpoints" / "last" / "inference").exists()
    others = [tmp_path / "sweep" / f"seed{seed}" / "metrics.csv" for seed in (1, 2)]
    assert not any(other.exists() and other.read_text().count("\n") > 1 for other in others)


def test_a_search_that_was_killed_proposes_what_it_would_have(tmp_path: Path) -> None:
    axis = "training.rllib.lr={loguniform: [0.0001, 0.01]}"
    command = ["sweep", *TINY, "--search", "optuna", "--samples", "3", "--trial-cpus", "2", axis]
    assert run(*command, f"output_dir={tmp_path / 'whole'}").returncode == 0
    killed = tmp_path / "killed" / "sweep"
    finished = kill_after_the_first_summary(rlhp(*command, f"output_dir={tmp_path / 'killed'}"), killed)
    assert 1 <= len(finished) < 3, "it was to be killed in the middle"
    done = run("resume", str(killed))
    assert done.returncode == 0 and "best mean" in done.stderr, done.stderr
    rows = learnt(killed)
    assert rows == learnt(tmp_path / "whole" / "sweep")
    assert len({row["training.rllib.lr"] for row in rows}) == 3


def test_a_finished_sweep_is_not_run_again(undisturbed: Path) -> None:
    done = run("resume", str(undisturbed))
    assert (done.returncode, done.stdout) == (0, f"{undisturbed}\n")
    assert not list(undisturbed.glob("*/tune/session-2"))


def test_a_trial_that_fails_is_retried_and_reported_and_sinks_no_other(tmp_path: Path) -> None:
    """One setting has a teacher that fails as soon as it is asked."""
    module = tmp_path / "moody_teacher.py"
    module.write_text("def judge(left, right, rng):\n    raise RuntimeError('no answer today')\n")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    axis = "teacher.callable={grid: [null, 'moody_teacher:judge']}"
    command = rlhp("sweep", *TINY, axis, f"output_dir={tmp_path}")
    done = subprocess.run(command, capture_output=True, text=True, timeout=MAX_SECONDS, env=environment)
    sweep = tmp_path / "sweep"
    assert (done.returncode, done.stdout) == (1, f"{sweep}\n"), done.stderr
    whole, broken = results(sweep)
    assert (whole["status"], broken["status"], broken["failures"]) == ("done", "failed", "3")
    assert "no answer today" in (sweep / broken["trial"] / "error.txt").read_text()
    assert "1 of 2 trials are not done" in done.stderr


def test_a_sweep_that_another_process_runs_is_left_alone(undisturbed: Path, tmp_path: Path) -> None:
    sweep = tmp_path / "sweep"
    shutil.copytree(undisturbed, sweep, symlinks=True)
    hold = (
        "from pathlib import Path; from rlhp_ray.experiment.session_lock import session_lock\n"
        f"with session_lock(Path({str(sweep)!r})):\n    print('held', flush=True); input()"
    )
    command = [sys.executable, "-c", hold]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        done = run("resume", str(sweep))
        holder.kill()
    assert (done.returncode, done.stdout) == (1, "")
    assert "is being run by process" in done.stderr
