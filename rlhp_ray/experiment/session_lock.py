"""Whether somebody works on a run now: a lock that the system takes back when the process ends, however it ends.

`RUN/.lock` stays behind. It is locked while a session lasts, and holds its process id and host; a session that comes to
its own end empties it. So a file with text that nobody holds is what a killed session leaves. On an NFS (Linux clients)
the lock holds between hosts, too.
"""

import contextlib
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import TextIO

from rlhp_ray.errors import ArchiveError
from rlhp_ray.experiment.archive_files import archive_errors

LOCK_FILE = ".lock"
_ATTEMPTS = 5  # somebody who lists runs holds the lock too, for some microseconds
_PAUSE_SECONDS = 0.02


class SessionState(Enum):
    """What the lock of a directory tells."""

    NONE = "nobody works on it, and nobody was interrupted without a word"
    HELD = "a process works on it"
    KILLED = "the process that worked on it ended without closing it"


@contextlib.contextmanager
def session_lock(directory: Path) -> Iterator[None]:
    """Hold the lock of a run's directory. Raises ArchiveError where another process holds it."""
    path = directory / LOCK_FILE
    with archive_errors(path):
        file = path.open("a+")  # kept open as long as the lock is held
    with file:
        if not _acquire(file):
            raise _is_running(directory)
        with archive_errors(path):
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
            file.flush()
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                file.truncate(0)


def refuse_running(directory: Path) -> None:
    """Raise ArchiveError where another process holds the lock of a run's or sweep's directory."""
    if session_state(directory) is SessionState.HELD:
        raise _is_running(directory)


def session_state(directory: Path) -> SessionState:
    """Whether a process works on the directory, or was killed while it did."""
    try:
        descriptor = os.open(directory / LOCK_FILE, os.O_RDONLY)
    except OSError:
        return SessionState.NONE
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return SessionState.KILLED if os.fstat(descriptor).st_size else SessionState.NONE
    except BlockingIOError:
        return SessionState.HELD
    except OSError:  # a file system without locks tells nothing
        return SessionState.NONE
    finally:
        os.close(descriptor)


def _acquire(file: TextIO) -> bool:
    for _ in range(_ATTEMPTS):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE_SECONDS)
        except OSError:  # a file system without locks: better an unprotected run than none
            return True
        else:
            return True
    return False


def _is_running(directory: Path) -> ArchiveError:
    holder = _holder(directory / LOCK_FILE)
    return ArchiveError(
        f"{directory} is being run by {holder}; expected one process at a time. Wait for it, or stop it."
    )


def _holder(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text().strip() or "another process"
    return "another process"
