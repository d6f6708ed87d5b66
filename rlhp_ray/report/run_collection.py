"""The runs of a report: found below the given directories, and read again only where they changed."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rlhp_ray.errors import ArchiveError
from rlhp_ray.experiment.session_lock import SessionState, session_state
from rlhp_ray.preferences.database_location import preferences_directory
from rlhp_ray.preferences.queue_database import QUEUE_FILE
from rlhp_ray.report.report_run import ReportRun, read_report_run
from rlhp_ray.runs.run_index import open_run, read_index
from rlhp_ray.runs.run_record import RunRecord, is_run

Stamp = tuple[tuple[int, int] | str, ...]
"""What changes whenever a run does: its status, and time and size of the files that are read of it."""


@dataclass(frozen=True)
class Collected:
    """What was found.

    Args:
        records: of every run, damaged ones among them.
        runs: those that are whole.
        damaged: name of a run, and what is wrong with it.
        is_running: whether a process on this machine works on any of it.
        stamps: of each run, by its directory.
    """

    records: list[RunRecord]
    runs: list[ReportRun]
    damaged: list[tuple[str, str]]
    is_running: bool
    stamps: dict[Path, Stamp]


@dataclass
class RunCollection:
    """The runs below some directories, each that of a run, of a sweep, or one that holds such."""

    paths: Sequence[Path]
    _read: dict[Path, tuple[Stamp, ReportRun | str]] = field(default_factory=dict)

    def collect(self) -> Collected:
        """Look again. Raises ArchiveError where there is no run at all."""
        records = {record.archive.directory: record for path in self.paths for record in _records(path)}
        if not records:
            raise ArchiveError(
                f"nothing to report: {', '.join(map(str, self.paths))} holds no run; expected directories of runs or "
                "sweeps. See which there are: rlhp runs"
            )
        stamps = {directory: _stamp(record) for directory, record in records.items()}
        runs, damaged = [], []
        for directory, record in records.items():
            found = self._run(record, stamps[directory])
            if isinstance(found, str):
                damaged.append((record.name, found))
            else:
                runs.append(found)
        working = any(session_state(path) is SessionState.HELD for path in self.paths)
        running = working or any(record.status == "running" for record in records.values())
        return Collected(list(records.values()), runs, damaged, running, stamps)

    def _run(self, record: RunRecord, stamp: Stamp) -> ReportRun | str:
        known = self._read.get(record.archive.directory)
        if known is not None and known[0] == stamp:
            return known[1]
        found: ReportRun | str
        try:
            found = read_report_run(record)
        except ArchiveError as error:
            found = str(error)
        self._read[record.archive.directory] = stamp, found
        return found


def _records(path: Path) -> list[RunRecord]:
    path = Path(os.path.abspath(path))
    if not path.is_dir():
        raise ArchiveError(f"{path} is a file; expected the directory of a run or a sweep")
    return [open_run(path)] if is_run(path) else sorted(read_index(path), key=lambda record: record.name)


def _stamp(record: RunRecord) -> Stamp:
    archive = record.archive
    files = (
        archive.config_file, archive.summary_file, archive.metrics_file, archive.diagnostics_file, archive.videos_dir,
        archive.notes_file, archive.checkpoints_dir, preferences_directory(archive.directory) / QUEUE_FILE,
    )  # fmt: skip
    return (record.status, *(_file_stamp(file) for file in files))


def _file_stamp(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
