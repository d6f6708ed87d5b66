"""What goes on, and what has finished, told from the files of a run; its training is replaced."""

from pathlib import Path

import pytest

from rlhp_ray.config.loading import dump_config, load_config
from rlhp_ray.errors import ArchiveError, ConfigError
from rlhp_ray.experiment import trial
from rlhp_ray.experiment.resume import resume_run
from rlhp_ray.experiment.run_archive import RunArchive
from rlhp_ray.experiment.session_lock import session_lock
from rlhp_ray.experiment.summary import RunStatus

LONGER = ["training.env_steps=100000"]


class Killed(BaseException):
    """Nothing catches it, and nothing is written after it."""


@pytest.fixture
def finished(tmp_path: Path) -> RunArchive:
    """A run of 50,000 env steps that is done."""
    text = dump_config(load_config("pendulum", ["training.env_steps=50000"]))
    archive = RunArchive.create(tmp_path, "run", "run", text, "rlhp train pendulum", None, None)
    archive.write_summary({"status": "done", "env_steps": 50_000})
    return archive


def resume(archive: RunArchive, overrides: list[str]) -> int:
    return resume_run(archive.directory, overrides, dashboard=False, command="rlhp resume").exit_code


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The env steps that each session is asked for; all of them are killed."""
    asked = []

    def train(archive, config, *others):
        asked.append(config.training.env_steps)
        raise Killed

    monkeypatch.setattr(trial, "_train", train)
    return asked


def test_a_finished_run_has_nothing_to_resume(finished, sessions, capsys):
    assert resume(finished, []) == 0
    assert "nothing to resume" in capsys.readouterr().err and sessions == []


@pytest.mark.parametrize("again", [[], LONGER], ids=["plainly", "with the same budget"])
def test_one_that_was_killed_while_it_was_extended_goes_on(finished, sessions, again):
    for overrides in (LONGER, again):
        with pytest.raises(Killed):
            resume(finished, overrides)
    assert sessions == [100_000, 100_000]


def test_ctrl_c_before_training_leaves_an_interrupted_run(finished, monkeypatch):
    def interrupted(*others):
        raise KeyboardInterrupt

    monkeypatch.setattr(trial, "_check_inputs", interrupted)
    assert resume(finished, LONGER) == 130
    assert finished.read_summary()["status"] == RunStatus.INTERRUPTED


def test_a_run_of_a_sweep_that_is_running_is_left_to_it(finished, sessions):
    with session_lock(finished.directory.parent), pytest.raises(ArchiveError, match="is being run by process"):
        resume(finished, LONGER)
    assert sessions == []


@pytest.mark.parametrize("text", ["env: [", "env:\n  id: Pendulum-v1\n  rooms: 3\n", "- a list\n"])
def test_a_damaged_configuration_is_one_clear_error(finished, sessions, text):
    finished.config_file.write_text(text)
    with pytest.raises(ConfigError, match=r"config\.yaml"):
        resume(finished, [])
    assert sessions == []
