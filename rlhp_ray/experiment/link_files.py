"""Links to checkpoints in a run or sweep that came back from a bucket, which knows none: files stand for them there."""

import os
import secrets
from pathlib import Path

from rlhp_ray.experiment.archive_files import archive_errors
from rlhp_ray.experiment.run_archive import RunArchive

LINK_NAMES = ("last", "best")  # in the checkpoints folder of a run
_MOST_LINK_BYTES = 1000


def restore_links(directory: Path) -> None:
    """Make links of the files that stand for them.

    Args:
        directory: of a run or a sweep; anything else is left alone.

    Raises:
        ArchiveError: it cannot be written.
    """
    if not directory.is_dir():
        return
    for run in (directory, *(path for path in directory.iterdir() if path.is_dir())):
        for name in LINK_NAMES:
            path = RunArchive(run).checkpoints_dir / name
            if path.is_file() and not path.is_symlink() and path.stat().st_size <= _MOST_LINK_BYTES:
                with archive_errors(run):
                    _make_link(path)


def _make_link(path: Path) -> None:
    """In one step, so that a process that is killed meanwhile leaves the one or the other."""
    link = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    link.symlink_to(path.read_text(encoding="utf-8"))
    os.replace(link, path)
