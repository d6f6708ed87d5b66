"""All runs of a directory: those in it, and those of the sweeps in it."""

import os
from collections.abc import Iterator
from pathlib import Path

from rlhp_ray.errors import ArchiveError, ConfigError
from rlhp_ray.experiment.session_lock import SessionState, session_state
from rlhp_ray.runs.run_record import SWEEP_FILE, RunRecord, is_run, read_run


def read_index(directory: Path) -> list[RunRecord]:
    """Every run of a directory, the newest first; damaged ones among them, and nothing that is no run.

    Raises:
        ConfigError: the directory does not exist, or is a run itself.
        ArchiveError: it cannot be read.
    """
    if not directory.is_dir():
        what = "is a file" if directory.exists() else "does not exist"
        raise ConfigError(
            f"{directory} {what}; expected a directory that holds runs (output_dir, by default runs); "
            "name yours: rlhp runs DIR"
        )
    if is_run(directory):
        raise ConfigError(
            f"{directory} is a run; expected a directory that holds runs; try: rlhp runs show {directory}"
        )
    sweep = directory.resolve().name if (directory / SWEEP_FILE).is_file() else None
    records = list(_runs_in(directory, sweep))
    return sorted(records, key=lambda record: (_age_key(record), record.name))


def open_run(directory: Path) -> RunRecord:
    """The run in a directory, also a damaged one. Raises ArchiveError where it is no run."""
    directory = Path(os.path.abspath(directory))
    if (directory / SWEEP_FILE).is_file():
        raise ArchiveError(f"{directory} is a sweep, expected a run. See which runs it has: rlhp runs {directory}")
    if not is_run(directory):
        raise ArchiveError(
            f"{directory} is not a run: it lacks config.yaml, or command.txt beside it. See which runs there are: "
            f"rlhp runs {directory.parent}"
        )
    if (directory.parent / SWEEP_FILE).is_file():
        return read_run(directory, directory.parent.name, session_state(directory.parent))
    return read_run(directory)


def _runs_in(directory: Path, sweep: str | None) -> Iterator[RunRecord]:
    state = SessionState.NONE if sweep is None else session_state(directory)
    for folder in _folders(directory):
        if is_run(folder):
            yield read_run(folder, sweep, state)
        elif sweep is None and (folder / SWEEP_FILE).is_file():
            yield from _runs_in(folder, folder.name)


def _folders(directory: Path) -> list[Path]:
    try:
        with os.scandir(directory) as entries:
            return [directory / entry.name for entry in entries if entry.name[0] != "." and entry.is_dir()]
    except OSError as error:
        raise ArchiveError(f"{directory} cannot be read: {error.strerror or error}. Check its permissions.") from error


def _age_key(record: RunRecord) -> float:
    return -record.started.timestamp() if record.started else 0.0
