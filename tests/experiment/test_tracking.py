"""What MLflow and Weights & Biases are told of runs, by the real libraries, and what happens where they fail."""

import importlib.util
import subprocess
import sys
from types import SimpleNamespace

import mlflow
import pytest
from mlflow.tracking import MlflowClient

from rlhp_ray import metric_keys as keys
from rlhp_ray.config.loading import load_config
from rlhp_ray.config.validation import validate_run
from rlhp_ray.errors import ConfigError, TrackingError
from rlhp_ray.experiment import mlflow_tracker
from rlhp_ray.experiment.tracking import GuardedTracker, TrackedRun, finite_metrics, start_trackers


class Trial(SimpleNamespace):
    def __str__(self) -> str:
        return "trial"

    def __hash__(self) -> int:
        return id(self)


@pytest.fixture
def address(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    yield f"sqlite:///{tmp_path}/mlflow.db"
    mlflow.set_tracking_uri(None)


@pytest.fixture
def store(address):
    return MlflowClient(address)


@pytest.fixture
def runs(tmp_path):
    config = load_config("pendulum", ["seed=3", "tracking=[mlflow]", "training.rllib.lr=0.002"])
    return {"trial": TrackedRun(tmp_path / "runs" / "mine", config)}


def result(env_steps: int, **metrics) -> dict:
    return {keys.METRICS: {keys.ENV_STEPS: env_steps, **metrics}, "training_iteration": env_steps // 1000}


def session(runs, *results, failed: bool = False) -> None:
    [tracker], trial = start_trackers(runs), Trial()
    tracker.on_trial_start(0, [trial], trial)
    for each in results:
        tracker.on_trial_result(0, [trial], trial, each)
    (tracker.on_trial_error if failed else tracker.on_trial_complete)(0, [trial], trial)


def records(store) -> list:
    experiment = store.get_experiment_by_name("rlhp_ray")
    return store.search_runs([experiment.experiment_id])


def test_a_run_of_two_sessions_is_one_record_with_settings_and_points_over_env_steps(store, runs):
    session(
        runs, result(1000, true_return_mean=-9.5, note="text"), result(2000, true_return_mean=float("nan")), failed=True
    )
    assert [record.info.status for record in records(store)] == ["FAILED"]
    session(runs, result(3000, true_return_mean=-7.0))
    [record] = records(store)
    assert (record.info.run_name, record.info.status) == ("mine", "FINISHED")
    assert record.data.tags["rlhp_ray.group"] == "runs"
    assert record.data.params["seed"] == "3" and record.data.params["env.id"] == "Pendulum-v1"
    assert "'lr': 0.002" in record.data.params["training.rllib"]
    points = store.get_metric_history(record.info.run_id, "true_return_mean")
    assert [(point.step, point.value) for point in points] == [(1000, -9.5), (3000, -7.0)]


def test_numbers_that_have_a_value_are_metrics():
    metrics = finite_metrics(result(5, a=1, b=float("inf"), c="text", d=0.5))
    assert metrics == {keys.ENV_STEPS: 5.0, "a": 1.0, "d": 0.5}


def test_runs_that_do_not_ask_for_it_are_not_recorded(store, runs):
    config = load_config("pendulum", [])
    assert start_trackers({"trial": TrackedRun(runs["trial"].directory, config)}) == []
    [tracker] = start_trackers({"other": runs["trial"], "trial": TrackedRun(runs["trial"].directory, config)})
    trial = Trial()
    tracker.on_trial_start(0, [trial], trial)
    assert records(store) == []


def test_one_that_fails_meanwhile_is_left_out_with_one_warning(store, runs, monkeypatch, capsys):
    def gone(*args):
        raise ConnectionError("the server\nhas gone")

    tracker, trial = GuardedTracker("mlflow", mlflow_tracker.Tracker, runs), Trial()
    tracker.on_trial_start(0, [trial], trial)
    monkeypatch.setattr(mlflow_tracker, "finite_metrics", gone)
    tracker.on_trial_result(0, [trial], trial, result(1000))
    tracker.on_trial_result(0, [trial], trial, result(2000))
    tracker.on_trial_complete(0, [trial], trial)
    assert capsys.readouterr().err == (
        "rlhp: warning: mlflow failed (ConnectionError: the server) and is told no more; the archive is whole\n"
    )


def test_one_that_cannot_be_started_is_an_error_before_training(address, runs, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:hunter2@127.0.0.1:9")
    with pytest.raises(TrackingError, match=r"mlflow could not be started \(.*127.0.0.1.*leave mlflow out") as told:
        start_trackers(runs)
    assert "hunter2" not in str(told.value)


def test_one_that_wants_a_key_says_so(tmp_path, runs, monkeypatch):
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    config = load_config("pendulum", ["tracking=[wandb]"])
    with pytest.raises(TrackingError, match=r"wandb could not be started .*WANDB_API_KEY"):
        start_trackers({"trial": TrackedRun(tmp_path, config)})


def test_one_that_is_not_installed_is_refused_with_the_configuration(tmp_path, monkeypatch):
    config = load_config("pendulum", ["tracking=[mlflow,wandb]", f"output_dir={tmp_path}"])
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "wandb" else found(name, *rest)
    )
    with pytest.raises(
        ConfigError, match=r"tracking: got wandb, which is not installed.*'rlhp_ray\[wandb\]'"
    ) as refused:
        validate_run(config)
    assert "mlflow" not in str(refused.value)


def test_an_unknown_one_is_refused():
    with pytest.raises(ConfigError, match=r"tracking.*excel.*mlflow"):
        load_config("pendulum", ["tracking=[excel]"])


def test_a_run_is_recorded_by_both(store, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    overrides = ["training.env_steps=4800", "preferences.labels=20", "evaluation.episodes=1"]
    command = [sys.executable, "-m", "rlhp_ray.cli", "train", "pendulum", "name=mine", "tracking=[mlflow,wandb]"]
    command += [f"output_dir={tmp_path}", *overrides]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "rlhp: warning: mlflow" not in done.stderr and "rlhp: warning: wandb" not in done.stderr
    [record] = records(store)
    assert (record.info.run_name, record.info.status) == ("mine", "FINISHED")
    assert record.data.metrics[keys.ENV_STEPS] == 4800 and record.data.metrics[keys.LABELS] == 20
    [written] = {file.resolve() for file in (tmp_path / "mine" / "wandb").rglob("run-*.wandb")}
    content = written.read_bytes()
    assert b"Pendulum-v1" in content and keys.REWARD_VALIDATION_ACCURACY.encode() in content
