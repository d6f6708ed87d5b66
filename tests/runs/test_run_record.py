"""What is told of one run: from its summary, from what there is without one, and of a damaged one."""

import os
from datetime import UTC, datetime

import pytest

from rlhp_ray import metric_keys as keys
from rlhp_ray.experiment.session_lock import LOCK_FILE, SessionState, session_lock
from rlhp_ray.runs.run_record import is_run, is_running, read_run


def test_a_finished_run(make_run) -> None:
    record = read_run(make_run("first", config={"question": "Is it so?\n", "expect": "Yes."}), sweep="sw")
    assert (record.name, record.status, record.problem) == ("sw/first", "done", None)
    assert record.facts["true_return_mean"] == -211.7
    assert (record.question, record.expect) == ("Is it so?", "Yes.")
    assert record.started == datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_a_run_without_a_summary_tells_how_far_it_has_come(make_run) -> None:
    directory = make_run("first", summary=False, seed=7)
    columns = [keys.ENV_STEPS, keys.LABELS, keys.EVALUATION_RETURN, keys.CPU_SECONDS]
    rows = ["1000,20,,3", "2000,40,-300.5,36", "3000,6"]  # the last line is under way
    (directory / "metrics.csv").write_text("\n".join([",".join(columns), *rows]))
    facts = read_run(directory).facts
    assert (facts["env"], facts["algorithm"], facts["seed"], facts["mode"]) == ("Pendulum-v1", "PPO", 7, "sync")
    assert (facts["env_steps"], facts["labels"], facts["true_return_mean"]) == (2000, 40, -300.5)
    assert facts["cpu_hours"] == pytest.approx(0.01)


def test_a_long_metrics_file_is_read_from_its_end(make_run) -> None:
    directory = make_run("first", summary=False)
    rows = [f"{number},{number // 10}" for number in range(5000)]
    (directory / "metrics.csv").write_text("\n".join([f"{keys.ENV_STEPS},{keys.LABELS}", *rows, ""]))
    assert read_run(directory).facts["labels"] == 499


def test_running_killed_and_unfinished_are_told_apart(make_run) -> None:
    directory = make_run("first", summary=False)
    assert read_run(directory).status == "unfinished"
    assert not is_running(directory)
    with session_lock(directory):
        assert read_run(directory).status == "running"
        assert is_running(directory)
    (directory / LOCK_FILE).write_text("process 1\n")  # as a killed session leaves it
    assert read_run(directory).status == "killed"


def test_a_resumed_run_is_running_although_it_has_a_summary(make_run) -> None:
    directory = make_run("first", status="interrupted")
    assert read_run(directory).status == "interrupted"
    with session_lock(directory):
        assert read_run(directory).status == "running"
    (directory / LOCK_FILE).write_text("process 1\n")
    assert read_run(directory).status == "killed"


def test_an_unfinished_run_of_a_running_sweep_is_running(make_run, runs_dir) -> None:
    sweep = runs_dir / "sw"
    done, left = make_run("a", folder=sweep), make_run("b", folder=sweep, summary=False)
    (sweep / "sweep.yaml").write_text("")
    with session_lock(sweep):
        assert is_running(done) and is_running(left)
    assert not is_running(left)
    assert read_run(left, "sw", SessionState.HELD).status == "running"
    assert read_run(left, "sw", SessionState.KILLED).status == "killed"
    assert read_run(left, "sw").status == "unfinished"
    assert read_run(done, "sw", SessionState.HELD).status == "done"


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("summary.json", b'{"env": "Pend', "summary.json cannot be read"),
        ("summary.json", b"[1, 2]", "no object with a status"),
        ("summary.json", b'{"env": "Pendulum-v1"}', "no object with a status"),
        ("summary.json", b"\xff\xfe", "summary.json cannot be read"),
        ("config.yaml", b"", "cut short"),
        ("config.yaml", b"name: null\nseed: 3\n", "cut short"),
        ("config.yaml", b"\xff\xfe\x00", "config.yaml cannot be read"),
        ("config.yaml", None, "config.yaml is missing"),
    ],
)
def test_a_damaged_run_is_told_as_damaged_with_the_reason(make_run, file, content, problem) -> None:
    directory = make_run("first")
    if content is None:
        (directory / file).unlink()
    else:
        (directory / file).write_bytes(content)
    assert is_run(directory)
    record = read_run(directory)
    assert record.status == "damaged"
    assert problem in record.problem


def test_damaged_yaml_of_a_run_without_a_summary(make_run) -> None:
    directory = make_run("first", summary=False)
    (directory / "config.yaml").write_text("env: [unclosed\n")
    record = read_run(directory)
    assert record.status == "damaged" and "config.yaml is no YAML" in record.problem


def test_a_file_that_is_a_directory_is_no_crash(make_run) -> None:
    directory = make_run("first")
    os.unlink(directory / "summary.json")
    (directory / "summary.json").mkdir()
    os.unlink(directory / "command.txt")
    record = read_run(directory)
    assert (record.status, record.started) == ("damaged", None)


def test_what_is_no_run(tmp_path) -> None:
    (tmp_path / "settings.yaml").write_text("seed: 3\n")  # of gathered preferences, or a fitted reward
    (tmp_path / "versions.txt").write_text("")
    assert not is_run(tmp_path)
    for name in ("config.yaml", "summary.json", "metrics.csv"):  # anybody may have such files
        (tmp_path / name).write_text("{}")
    assert not is_run(tmp_path)
    (tmp_path / "command.txt").write_text("")
    assert is_run(tmp_path)
