"""The command line in this process: what it passes on, what it prints where, and what it makes of failures."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

import rlhp_ray
from rlhp_ray.cli.main import main
from rlhp_ray.errors import CheckpointError


@pytest.fixture
def backend(monkeypatch):
    """Stands in for the modules that do the work, and records what they are called with."""
    calls: list[tuple] = []
    outcome = SimpleNamespace(directory=Path("runs/made"), exit_code=0, error=None)

    def record(*args, **kwargs):
        calls.append((args, kwargs))
        print("chatter of Ray")
        if outcome.error is not None:
            raise outcome.error
        return outcome

    def install(module: str, function: str) -> None:
        fake = ModuleType(module)
        setattr(fake, function, record)
        monkeypatch.setitem(sys.modules, module, fake)

    install("rlhp_ray.experiment.trial", "run_trial")
    install("rlhp_ray.experiment.resume", "resume_run")
    install("rlhp_ray.replay.player", "replay")
    return SimpleNamespace(calls=calls, outcome=outcome)


def test_training_passes_the_configuration_on_and_prints_nothing_but_the_directory(backend, capsys):
    assert main(["train", "pendulum", "--dashboard", "seed=3", "name=a-b"]) == 0
    (config, description), options = backend.calls[0]
    assert (config.seed, config.name, description.env_id) == (3, "a-b", "Pendulum-v1")
    command = "rlhp train pendulum --dashboard seed=3 name=a-b"
    assert options == {"config_name": "pendulum", "dashboard": True, "command": command, "copies": None}
    captured = capsys.readouterr()
    assert captured.out == "runs/made\n"
    assert "chatter of Ray" in captured.err


def test_the_command_is_recorded_so_that_a_shell_reads_it_back(backend):
    main(["train", "pendulum", "question=Is it so?"])
    assert backend.calls[0][1]["command"] == "rlhp train pendulum 'question=Is it so?'"


def test_an_interrupted_run_keeps_its_exit_code_and_still_names_its_directory(backend, capsys):
    backend.outcome.exit_code = 130
    assert main(["train", "pendulum"]) == 130
    assert capsys.readouterr().out == "runs/made\n"


def test_resuming_passes_the_overrides_on(backend, tmp_path, capsys):
    assert main(["resume", str(tmp_path), "training.env_steps=9"]) == 0
    (run, overrides), options = backend.calls[0]
    assert (run, overrides, options["dashboard"]) == (tmp_path, ["training.env_steps=9"], False)
    assert capsys.readouterr().out == "runs/made\n"


def test_replaying_passes_its_options_on_and_leaves_printing_to_the_player(backend, tmp_path, capsys):
    video = tmp_path / "new.mp4"
    options = ["--episodes", "2", "--live", "--output", str(video)]
    for actions, samples in (([], None), (["--actions", "greedy"], False), (["--actions", "sampled"], True)):
        assert main(["replay", str(tmp_path), *options, *actions]) == 0
        expected = {"episodes": 2, "live": True, "output": video, "samples_actions": samples}
        assert backend.calls.pop() == ((tmp_path,), expected)
        assert capsys.readouterr().out == "chatter of Ray\n"


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ([], "got no command, expected one of: train, sweep, check, resume, replay"),
        (["trian"], "invalid choice: 'trian'"),
        (["train"], "the following arguments are required: CONFIG"),
        (["train", "pendulum", "--seed=3"], "overrides are written without dashes: seed=3"),
        (["train", "pendulum", "--dashbord"], "unrecognized arguments: --dashbord"),
        (["train", "pendulum", "oops"], "override 'oops': got no '='"),
        (["train", "nowhere"], "no configuration 'nowhere'"),
        (["train", "pendulum", "preferences.lables=3"], "did you mean preferences.labels?"),
        (["train", "pendulum", "env.id=Pendulun-v1"], "Pendulun-v1"),
        (["train", "pendulum", "preferences.clip_steps=500"], "longer than an episode"),
        (["resume", "nowhere"], "no such path: got 'nowhere', expected the directory of a run"),
        (["resume", ".", "oops"], "override 'oops': got no '='"),
        (["replay", "nowhere"], "expected the directory of a run or a checkpoint"),
        (["replay", ".", "--episodes", "0"], "got '0', expected an integer >= 1"),
        (["replay", ".", "--output", "a.mov"], "expected a file name that ends in .mp4"),
        (["replay", ".", "--output", "no/where.mp4"], "expected a file in a directory that exists"),
        (["replay", ".", "more"], "unrecognized arguments: more"),
    ],
)
def test_wrong_usage_exits_2_before_anything_is_started(backend, capsys, argv, expected):
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert expected in captured.err
    assert "rlhp" in captured.err and "Traceback" not in captured.err
    assert captured.out == ""
    assert backend.calls == []


def test_a_video_that_exists_is_not_overwritten(backend, tmp_path, capsys):
    (tmp_path / "old.mp4").write_text("dear")
    assert main(["replay", str(tmp_path), "--output", str(tmp_path / "old.mp4")]) == 2
    assert "exists and nothing is overwritten" in capsys.readouterr().err
    assert (tmp_path / "old.mp4").read_text() == "dear"


def test_a_run_is_looked_for_in_runs(backend, tmp_path, monkeypatch, capsys):
    (tmp_path / "runs" / "first").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert main(["resume", "first"]) == 2
    assert "did you mean runs/first?" in capsys.readouterr().err


def test_a_known_failure_is_told_plainly_with_its_own_exit_code(backend, tmp_path, capsys):
    backend.outcome.error = CheckpointError("the checkpoint is truncated")
    assert main(["resume", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert "rlhp: error: the checkpoint is truncated" in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_an_unexpected_failure_is_one_line_and_a_way_to_the_traceback(backend, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("RLHP_TRACEBACK", raising=False)
    backend.outcome.error = ZeroDivisionError("by\nzero")
    assert main(["resume", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert "rlhp: error: unexpected ZeroDivisionError: by zero (RLHP_TRACEBACK=1 shows the traceback)" in told
    assert "Traceback" not in told
    monkeypatch.setenv("RLHP_TRACEBACK", "1")
    assert main(["resume", str(tmp_path)]) == 1
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_an_interrupt_before_the_run_is_going_exits_130(backend, tmp_path, capsys):
    backend.outcome.error = KeyboardInterrupt()
    assert main(["resume", str(tmp_path)]) == 130
    assert "rlhp: interrupted" in capsys.readouterr().err


def test_a_broken_pipe_of_someone_else_is_not_hidden(backend, tmp_path, capsys):
    backend.outcome.error = BrokenPipeError("a socket of Ray")
    assert main(["resume", str(tmp_path)]) == 1
    assert "unexpected BrokenPipeError: a socket of Ray" in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv", [["--help"], ["train", "--help"], ["resume", "--help"], ["replay", "--help"], ["check", "--help"]]
)
def test_every_help_has_an_example(capsys, argv):
    assert main(argv) == 0
    assert "example:\n  rlhp " in capsys.readouterr().out


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"rlhp {rlhp_ray.__version__}\n"
