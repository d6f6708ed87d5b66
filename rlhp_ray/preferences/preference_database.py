"""The SQLite file of preferences: its tables, its version, and the check that a file is one."""

import sqlite3
from pathlib import Path

from rlhp_ray.errors import PreferenceStoreError

STORE_FILE = "preferences.sqlite"  # its name in a run directory
APPLICATION_ID = int.from_bytes(b"RLHP")  # in the header of the file: tells it from those of other programs
SCHEMA_VERSION = 1
BUSY_TIMEOUT_S = 10

SCHEMA = (
    """CREATE TABLE clips (
    clip_id TEXT PRIMARY KEY,
    packed BLOB NOT NULL
) WITHOUT ROWID""",
    """CREATE TABLE preferences (
    query_index INTEGER NOT NULL,
    left_id TEXT NOT NULL REFERENCES clips (clip_id),
    right_id TEXT NOT NULL REFERENCES clips (clip_id),
    answer TEXT NOT NULL CHECK (answer IN ('left', 'right', 'equal', 'skip')),
    source TEXT NOT NULL,
    env_steps INTEGER NOT NULL,
    answered_unix_s REAL NOT NULL,
    PRIMARY KEY (query_index, left_id, right_id)
) WITHOUT ROWID""",
    "CREATE TABLE metadata (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)


def connect_read_only(path: Path, *, immutable: bool = False) -> sqlite3.Connection:
    """A connection that cannot change the file: closing it merges no log into it.

    Args:
        path: of the database.
        immutable: nobody writes to it meanwhile, so that no file is put beside it either.
    """
    uri = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if immutable else ''}"
    return sqlite3.connect(uri, timeout=BUSY_TIMEOUT_S, isolation_level=None, uri=True)


def check_origin(path: Path, connection: sqlite3.Connection) -> bool:
    """Whether a store is in the file; False where it is empty.

    Raises:
        PreferenceStoreError: another program wrote it, or a newer version of this one.
    """
    application_id = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application_id == version == tables == 0:
        return False
    if application_id != APPLICATION_ID:
        raise PreferenceStoreError(
            f"{path} is a SQLite file that rlhp did not write (it has {tables} tables and the application id "
            f"{application_id}); expected a preference database, whose id is {APPLICATION_ID}. Nothing in it was "
            "changed: name another one."
        )
    if version > SCHEMA_VERSION:
        raise PreferenceStoreError(
            f"{path} was written by a newer rlhp (schema {version}); this one reads schema "
            f"{SCHEMA_VERSION}. Nothing in it was changed: upgrade rlhp_ray."
        )
    return True
