"""TensorBoard's points, written in this thread.

tensorboardX's own writer has another one do it, and waits for that for ever where it has met a full disk.
"""

import math
import time
from collections.abc import Mapping
from pathlib import Path

from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary

from rlhp_ray.experiment.archive_files import archive_errors

FLUSH_SECONDS = 5.0


class TensorBoardFile:
    """One event file. Its methods raise ArchiveError where it cannot be written.

    Args:
        directory: of event files.
        purge_step: points of earlier files from this step on do not count; None keeps all.
    """

    def __init__(self, directory: Path, purge_step: int | None) -> None:
        self._directory = directory
        self._flushed = time.monotonic()
        with archive_errors(directory):
            directory.mkdir(parents=True, exist_ok=True)
            self._file = EventsWriter(str(directory / "events"))
            if purge_step is not None:
                start = SessionLog(status=SessionLog.START)
                self._file.write_event(Event(wall_time=time.time(), step=purge_step, session_log=start))

    def add(self, scalars: Mapping[str, float], step: int) -> None:
        """Write points; those that are not finite are left out."""
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items() if math.isfinite(value)]
        with archive_errors(self._directory):
            self._file.write_event(Event(wall_time=time.time(), step=step, summary=Summary(value=values)))
            if time.monotonic() - self._flushed > FLUSH_SECONDS:
                self._file.flush()
                self._flushed = time.monotonic()

    def close(self) -> None:
        """Write out what is held back."""
        with archive_errors(self._directory):
            self._file.close()
