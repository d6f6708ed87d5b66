"""Preferences and the clips they refer to, in SQLite: on disk before they are acknowledged."""

import json
import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from rlhp_ray.clips.clip import Clip
from rlhp_ray.errors import PreferenceStoreError
from rlhp_ray.preferences.preference import Answer, Preference

APPLICATION_ID = int.from_bytes(b"RLHP")  # in the header of the file: tells it from those of other programs
SCHEMA_VERSION = 1
BUSY_TIMEOUT_S = 10

_SCHEMA = (
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


class PreferenceStore:
    """One SQLite file. Every write is one transaction that is synced to disk before the call returns.

    Args:
        path: the database; made when missing.
        metadata: what the preferences are about (environment, spaces); a store of other metadata is refused.

    Raises:
        PreferenceStoreError: the file is not a preference store, is damaged, is about another environment, or was
            written by a newer version. Nothing in it is changed.
    """

    def __init__(self, path: Path, metadata: dict[str, str]) -> None:
        self.path = path
        try:
            stored = path.exists() and self._check_stored(metadata)
            self._connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("PRAGMA synchronous = FULL")
                self._connection.execute("PRAGMA foreign_keys = ON")
                if not stored:
                    self._create(metadata)
            except BaseException:
                self._connection.close()
                raise
        except sqlite3.Error as error:
            raise PreferenceStoreError(
                f"{path} cannot be used as a preference database ({error}); expected a file that rlhp wrote. "
                "Nothing in it was changed: restore a copy, or name another directory."
            ) from error

    def _check_stored(self, metadata: dict[str, str]) -> bool:
        """Whether a fitting store is in the file; False where it is empty. Read-only: closing merges no log into it."""
        uri = f"{self.path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, timeout=BUSY_TIMEOUT_S, uri=True)) as connection:
            application_id = connection.execute("PRAGMA application_id").fetchone()[0]
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if application_id == version == tables == 0:
                return False
            self._check_version(application_id, version, tables)
            self._check_metadata(dict(connection.execute("SELECT key, value FROM metadata").fetchall()), metadata)
        return True

    def _check_version(self, application_id: int, version: int, tables: int) -> None:
        if application_id != APPLICATION_ID:
            raise PreferenceStoreError(
                f"{self.path} is a SQLite file that rlhp did not write (it has {tables} tables and the application id "
                f"{application_id}); expected a preference database, whose id is {APPLICATION_ID}. Nothing in it was "
                "changed: name another directory."
            )
        if version > SCHEMA_VERSION:
            raise PreferenceStoreError(
                f"{self.path} was written by a newer rlhp (schema {version}); this one reads schema "
                f"{SCHEMA_VERSION}. Nothing in it was changed: upgrade rlhp_ray."
            )

    def _check_metadata(self, stored: dict[str, str], metadata: dict[str, str]) -> None:
        if stored != metadata:
            raise PreferenceStoreError(
                f"{self.path} holds preferences about {json.dumps(stored)}; this run is about "
                f"{json.dumps(metadata)}. They do not fit: name another directory."
            )

    def _create(self, metadata: dict[str, str]) -> None:
        """In one transaction: a process that is killed meanwhile leaves an empty file, which can be used."""
        self._connection.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA:
            self._connection.execute(statement)
        self._connection.executemany("INSERT INTO metadata VALUES (?, ?)", metadata.items())
        self._connection.execute("COMMIT")

    def record(self, preferences: Sequence[Preference], clips: Iterable[Clip]) -> None:
        """Store answers and the clips they refer to, in one synced transaction; repeated ones are kept once."""
        now = time.time()
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT OR IGNORE INTO clips VALUES (?, ?)", [(clip.clip_id, clip.to_bytes()) for clip in clips]
            )
            connection.executemany(
                "INSERT OR IGNORE INTO preferences VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (p.query_index, p.left_id, p.right_id, p.answer.value, p.source, p.env_steps, now)
                    for p in preferences
                ],
            )
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise PreferenceStoreError(
                f"{len(preferences)} answers could not be written to {self.path} ({error}) and were not acknowledged. "
                "Free disk space or restore the disk, then resume the run."
            ) from error

    def _rows(self, query: str, parameters: Sequence[str | int | None] = ()) -> list[tuple]:
        try:
            return self._connection.execute(query, parameters).fetchall()
        except sqlite3.Error as error:
            raise PreferenceStoreError(
                f"{self.path} cannot be read ({error}); expected the answers that rlhp wrote. Restore a copy of it."
            ) from error

    def find(self, query_index: int, left_id: str, right_id: str) -> Preference | None:
        """The stored answer to exactly this query, if it was answered before."""
        rows = self._rows(
            "SELECT answer, source, env_steps FROM preferences WHERE query_index = ? AND left_id = ? AND right_id = ?",
            (query_index, left_id, right_id),
        )
        return next((Preference(query_index, left_id, right_id, Answer(row[0]), row[1], row[2]) for row in rows), None)

    def preferences(self, before_query: int | None = None) -> list[Preference]:
        """All preferences in the order of their queries; with `before_query`, those of smaller index."""
        rows = self._rows(
            "SELECT query_index, left_id, right_id, answer, source, env_steps FROM preferences "
            "WHERE ? IS NULL OR query_index < ? ORDER BY query_index",
            (before_query, before_query),
        )
        return [Preference(row[0], row[1], row[2], Answer(row[3]), row[4], row[5]) for row in rows]

    def num_queries(self) -> int:
        """One more than the largest query index stored: how many queries were spent."""
        return self._rows("SELECT coalesce(max(query_index) + 1, 0) FROM preferences")[0][0]

    def clips(self, clip_ids: Iterable[str]) -> dict[str, Clip]:
        """Stored clips by id."""
        found = {}
        for clip_id in set(clip_ids):
            rows = self._rows("SELECT packed FROM clips WHERE clip_id = ?", (clip_id,))
            if not rows:
                raise PreferenceStoreError(f"{self.path} lacks clip {clip_id}, to which a preference refers")
            found[clip_id] = Clip.from_bytes(rows[0][0])
        return found

    def close(self) -> None:
        """Close the database."""
        self._connection.close()
