"""Whether a process works on a run: told by a lock that no death of a process leaves behind."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from rlhp_ray.errors import ArchiveError
from rlhp_ray.experiment.session_lock import LOCK_FILE, SessionState, session_lock, session_state

_HOLD = """
import sys, time
from pathlib import Path
from rlhp_ray.experiment.session_lock import session_lock
with session_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_it_is_held_while_the_session_lasts_and_empty_after_it(tmp_path: Path) -> None:
    assert session_state(tmp_path) is SessionState.NONE
    with session_lock(tmp_path):
        assert session_state(tmp_path) is SessionState.HELD
        assert (tmp_path / LOCK_FILE).read_text() == f"process {os.getpid()} on {socket.gethostname()}\n"
    assert session_state(tmp_path) is SessionState.NONE
    with session_lock(tmp_path):
        assert session_state(tmp_path) is SessionState.HELD


def test_an_error_that_is_told_is_no_kill(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), session_lock(tmp_path):
        raise KeyboardInterrupt
    assert session_state(tmp_path) is SessionState.NONE


def test_a_second_session_is_refused_and_told_whose_the_first_is(tmp_path: Path) -> None:
    with session_lock(tmp_path):
        holder = f"process {os.getpid()} on {socket.gethostname()}"
        with pytest.raises(ArchiveError, match=f"being run by {holder}; expected one process"):
            session_lock(tmp_path).__enter__()
        assert session_state(tmp_path) is SessionState.HELD


def test_a_killed_process_is_told_from_a_running_one(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", _HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    assert session_state(tmp_path) is SessionState.HELD
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert session_state(tmp_path) is SessionState.KILLED
    with session_lock(tmp_path):
        pass
    assert session_state(tmp_path) is SessionState.NONE


def test_a_run_that_is_running_is_not_resumed_and_nothing_of_it_is_changed(tmp_path: Path) -> None:
    from rlhp_ray.experiment.resume import resume_run

    (tmp_path / "config.yaml").write_text("env:\n  id: Pendulum-v1\n")
    with session_lock(tmp_path), pytest.raises(ArchiveError, match="is being run by process"):
        resume_run(tmp_path, ["training.env_steps=200000"], dashboard=False, command="rlhp resume")
    assert (tmp_path / "config.yaml").read_text() == "env:\n  id: Pendulum-v1\n"
    assert not (tmp_path / "command.txt").exists()


def test_the_lock_is_held_while_a_run_is_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rlhp_ray.config.loading import load_config
    from rlhp_ray.envs.registry import describe_env
    from rlhp_ray.experiment import trial
    from rlhp_ray.experiment.run_archive import RunArchive

    states = []

    def train(archive: RunArchive, *others: object) -> tuple[trial.RunStatus, None]:
        states.append(session_state(archive.directory))
        return trial.RunStatus.FAILED, None

    monkeypatch.setattr(trial, "_train", train)
    config, archive = load_config("pendulum"), RunArchive(tmp_path)
    trial.run_session(archive, config, describe_env(config.env.id), dashboard=False, restore=None)
    assert states == [SessionState.HELD]
    assert archive.summary_file.exists() and session_state(tmp_path) is SessionState.NONE


def test_a_directory_that_cannot_be_written_is_an_archive_error(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="Cannot write the run archive"):
        session_lock(tmp_path / "gone").__enter__()
