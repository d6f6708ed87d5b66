"""Runs deleted: what would be freed is said first, and what is no run, or is running, is refused."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from rlhp_ray.errors import ArchiveError
from rlhp_ray.experiment.disk_use import bytes_below
from rlhp_ray.preferences.database_location import preferences_directory
from rlhp_ray.runs.run_index import open_run
from rlhp_ray.runs.run_record import RunRecord, is_running
from rlhp_ray.runs.value_text import bytes_text, count_text


def runs_to_delete(directories: Sequence[Path]) -> list[RunRecord]:
    """The runs in these directories, each once.

    Raises:
        ArchiveError: one of them is no run, a link to one, or is running; then none is to be deleted.
    """
    records: dict[Path, RunRecord] = {}
    for directory in directories:
        path = Path(os.path.abspath(directory))
        if path.is_symlink():
            raise ArchiveError(f"{path} is a link, expected the directory of a run; delete {path.resolve()} instead.")
        record = open_run(path)
        if is_running(path):
            raise ArchiveError(f"{path} is running, or its sweep is; expected a run that has stopped. Stop it first.")
        records[path] = record
    return list(records.values())


def freed_table(records: Sequence[RunRecord]) -> tuple[str, int]:
    """A line a run with what it takes and holds, and the bytes of all together."""
    sizes = [bytes_below(record.archive.directory) for record in records]
    lines = [
        f"  {bytes_text(size):>10}  {record.archive.directory}  ({record.status}, {_labels_text(record)})"
        for record, size in zip(records, sizes, strict=True)
    ]
    return "\n".join(lines), sum(sizes)


def _labels_text(record: RunRecord) -> str:
    """The labels that go with a run, or where those that it shares stay."""
    directory = record.archive.directory
    text = f"{count_text(record.facts.get('labels'))} labels"
    kept_in = preferences_directory(directory)
    return text if kept_in == directory else f"{text}, which stay in {kept_in}"


def delete_run(record: RunRecord) -> None:
    """Removes the directory. Raises ArchiveError where the run has been started meanwhile, or not all could go."""
    directory = record.archive.directory
    if is_running(directory):
        raise ArchiveError(f"{directory} has been started meanwhile; it is left alone.")
    try:
        shutil.rmtree(directory)
    except OSError as error:
        raise ArchiveError(
            f"{directory} could not be deleted whole: {error.filename}: {error.strerror or error}. "
            "Check its permissions, and delete it again."
        ) from error
