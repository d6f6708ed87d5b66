"""One process at a time runs a sweep: a lock that the system takes back when that process ends, however it ends."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from rlhp_ray.errors import ArchiveError
from rlhp_ray.experiment.archive_files import archive_errors

LOCK_FILE = ".lock"


@contextlib.contextmanager
def sweep_lock(directory: Path) -> Iterator[None]:
    """Hold the lock of a sweep's directory. Raises ArchiveError where another process on this machine holds it."""
    path = directory / LOCK_FILE
    with archive_errors(path):
        file = path.open("w")  # kept open as long as the lock is held
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ArchiveError(
                f"{directory} is being run by another process; expected one at a time. Wait for it, or stop it first."
            ) from error
        yield
