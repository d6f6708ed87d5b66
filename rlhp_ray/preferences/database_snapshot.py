"""A consistent copy of a SQLite file that is being written to, by SQLite's online backup."""

import sqlite3
from contextlib import closing
from pathlib import Path

from rlhp_ray.errors import PreferenceStoreError
from rlhp_ray.preferences.preference_database import connect_read_only


def snapshot_database(database: Path, target: Path) -> None:
    """Copy every committed transaction, those that are still in the log beside the file, too.

    Writers go on meanwhile: in a database with a log a reader sees one moment. The copy has no log, and so is one file.

    Args:
        database: that this process or others may write to; it is not changed.
        target: a file that does not exist yet.

    Raises:
        PreferenceStoreError: the database is damaged, or the copy cannot be written.
    """
    try:
        with closing(connect_read_only(database)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise PreferenceStoreError(
            f"{database} could not be copied ({error}); expected a database that rlhp wrote, and room for another one "
            f"at {target.parent}. Free some, or set TMPDIR to another disk."
        ) from error
