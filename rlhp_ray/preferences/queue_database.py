"""The SQLite file of queries for people: its tables, and the check that a file is one."""

import sqlite3
from contextlib import closing
from pathlib import Path

from rlhp_ray.errors import LabellingError
from rlhp_ray.preferences.check_queries import CHECK_SCHEMA
from rlhp_ray.preferences.preference_database import connect_read_only

QUEUE_FILE = "labelling.sqlite"  # its name in a run directory
APPLICATION_ID = int.from_bytes(b"RLHQ")
SCHEMA_VERSION = 1
BUSY_TIMEOUT_S = 10

SCHEMA = (
    "CREATE TABLE clips (clip_id TEXT PRIMARY KEY, packed BLOB NOT NULL) WITHOUT ROWID",
    """CREATE TABLE queries (
    query_id INTEGER PRIMARY KEY AUTOINCREMENT,
    left_id TEXT NOT NULL REFERENCES clips (clip_id),
    right_id TEXT NOT NULL REFERENCES clips (clip_id),
    env_steps INTEGER NOT NULL,
    offered_unix_s REAL NOT NULL,
    withdrawn_unix_s REAL,
    leased_to TEXT,
    leased_until_unix_s REAL NOT NULL DEFAULT 0,
    UNIQUE (left_id, right_id)
)""",
    """CREATE TABLE answers (
    answer_id INTEGER PRIMARY KEY AUTOINCREMENT,
    submission TEXT NOT NULL UNIQUE,
    query_id INTEGER NOT NULL REFERENCES queries (query_id),
    labeller TEXT NOT NULL,
    answer TEXT NOT NULL CHECK (answer IN ('left', 'right', 'equal', 'skip')),
    response_seconds REAL NOT NULL,
    answered_unix_s REAL NOT NULL
)""",
    """CREATE TABLE undos (
    submission TEXT PRIMARY KEY,
    answer_id INTEGER NOT NULL UNIQUE REFERENCES answers (answer_id),
    undone_unix_s REAL NOT NULL
) WITHOUT ROWID""",
    "CREATE TABLE taken (answer_id INTEGER PRIMARY KEY REFERENCES answers (answer_id)) WITHOUT ROWID",
    "CREATE INDEX answers_of_query ON answers (query_id)",
    "CREATE INDEX answers_of_labeller ON answers (labeller, answer_id)",
    """CREATE VIEW standing AS
    SELECT * FROM answers WHERE answer_id NOT IN (SELECT answer_id FROM undos)""",
    "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)


EPISODES = """CREATE TABLE IF NOT EXISTS episodes (
    episode_id INTEGER PRIMARY KEY AUTOINCREMENT,
    run_env_steps INTEGER NOT NULL,
    env_steps INTEGER NOT NULL,
    true_return REAL NOT NULL,
    packed BLOB NOT NULL
)"""  # of which the newest alone is kept


def open_queue_database(path: Path) -> sqlite3.Connection:
    """A connection whose transactions are on disk when they end; makes the file where there is none.

    Raises:
        LabellingError: the file is damaged, foreign, or of a newer version. Nothing in it is changed.
    """
    try:
        exists = path.exists() and _check_origin(path)
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        if not exists:
            _create(connection)
        for statement in (*CHECK_SCHEMA, EPISODES):  # which files of before lack
            connection.execute(statement)
        return connection
    except sqlite3.Error as error:
        raise LabellingError(
            f"{path} cannot be used as a queue of queries ({error}); expected a file that rlhp wrote. Nothing in it "
            "was changed: restore a copy, or name another directory."
        ) from error


def _check_origin(path: Path) -> bool:
    with closing(connect_read_only(path)) as connection:
        application_id = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application_id == version == tables == 0:
        return False
    if application_id != APPLICATION_ID or version > SCHEMA_VERSION:
        raise LabellingError(
            f"{path} is a SQLite file with the application id {application_id} and version {version}; expected a queue "
            f"of queries, {APPLICATION_ID} and {SCHEMA_VERSION}. Nothing in it was changed: name another directory, or "
            "upgrade rlhp_ray."
        )
    return True


def _create(connection: sqlite3.Connection) -> None:
    """In one transaction, so that of two processes that come at once one makes the tables and the other finds them."""
    connection.execute("BEGIN IMMEDIATE")
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
        for statement in SCHEMA:
            connection.execute(statement)
    connection.execute("COMMIT")
