"""`rlhp check`: what it prints where and with which exit code; and what `rlhp train` says before it starts."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from rlhp_ray.checks.machine import Machine
from rlhp_ray.cli.main import main


@pytest.fixture(autouse=True)
def machine(monkeypatch, tmp_path):
    """One that has enough of everything, and an empty archive."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rlhp_ray.checks.check_context.this_machine", lambda output_dir: Machine(8, 10**12, 10**13))


def test_notes_alone_exit_0_and_nothing_is_written(capsys, tmp_path):
    assert main(["check", "moving_dot"]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("NOTES\n") and "FINDINGS" not in captured.out
    assert "\nno findings and 4 notes on rlhp/MovingDot-v0, from 5," in captured.out
    assert "rlhp train moving_dot reward_source=true_reward" in captured.out
    assert list(tmp_path.iterdir()) == []


def test_findings_exit_1(capsys):
    assert main(["check", "moving_dot", "preferences.labels=20", "training.rllib.entropy_coef=0.1"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("FINDINGS\n\n- labels: the first reward is learnt from 5 labels")
    assert "RLlib refuses the settings: training.rllib.entropy_coef: RLlib's PPOConfig has no such setting" in out
    assert "\n2 findings and 4 notes on " in out


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ([], "the following arguments are required: CONFIG"),
        (["nowhere"], "no configuration 'nowhere'"),
        (["pendulum", "preferences.clip_steps=500"], "longer than an episode"),
        (["pendulum", "preferences.schedule=no_such_module:soon"], "no_such_module"),
        (["pendulum", "--seed=3"], "overrides are written without dashes: seed=3"),
    ],
)
def test_what_training_refuses_is_refused_here(capsys, argv, expected):
    assert main(["check", *argv]) == 2
    captured = capsys.readouterr()
    assert expected in captured.err and captured.out == "" and "Traceback" not in captured.err


def test_a_reward_that_cannot_be_loaded_is_an_error(capsys, tmp_path):
    assert main(["check", "moving_dot", f"reward.load={tmp_path}"]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("rlhp: error: ") and captured.out == ""


def test_the_help_has_an_example(capsys):
    assert main(["check", "--help"]) == 0
    assert "example:\n  rlhp check " in capsys.readouterr().out


@pytest.fixture
def training(monkeypatch):
    """Stands in for the training itself, and counts its calls."""
    calls: list[object] = []

    def run_trial(*args, **kwargs):
        calls.append(args)
        return SimpleNamespace(directory=Path("runs/made"), exit_code=0)

    fake = ModuleType("rlhp_ray.experiment.trial")
    fake.run_trial = run_trial  # type: ignore[attr-defined]  # a module takes any name
    monkeypatch.setitem(sys.modules, "rlhp_ray.experiment.trial", fake)
    return calls


def test_training_warns_first_and_starts_all_the_same(training, capsys):
    assert main(["train", "moving_dot", "preferences.labels=20"]) == 0
    captured = capsys.readouterr()
    assert captured.err.count("rlhp: warning: ") == 1
    assert captured.err.startswith("rlhp: warning: the first reward is learnt from 5 labels")
    assert captured.out == "runs/made\n"
    assert len(training) == 1


def test_training_says_nothing_of_notes(training, capsys):
    assert main(["train", "moving_dot"]) == 0
    assert capsys.readouterr().err == ""


def test_a_check_that_fails_does_not_keep_a_run_from_starting(training, capsys, monkeypatch):
    def fail(config, description):
        raise ZeroDivisionError("by\nzero")

    monkeypatch.setattr("rlhp_ray.checks.premortem.run_quick_checks", fail)
    assert main(["train", "moving_dot"]) == 0
    assert capsys.readouterr().err == "rlhp: warning: the check before the run failed (ZeroDivisionError: by zero)\n"
    assert len(training) == 1


def test_what_cannot_be_loaded_is_left_to_the_run_to_say(training, capsys, tmp_path):
    assert main(["train", "moving_dot", f"reward.load={tmp_path}"]) == 0
    assert capsys.readouterr().err == ""
    assert len(training) == 1
