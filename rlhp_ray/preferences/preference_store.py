"""Preferences and the clips they refer to, in SQLite: on disk before they are acknowledged."""

import json
import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from rlhp_ray.clips.clip import Clip
from rlhp_ray.errors import PreferenceStoreError
from rlhp_ray.preferences.preference import Answer, Preference
from rlhp_ray.preferences.preference_database import BUSY_TIMEOUT_S, SCHEMA, check_origin, connect_read_only
from rlhp_ray.preferences.preference_subject import ENV_VERSION_KEY, SIGHT_KEYS
from rlhp_ray.preferences.source_weights import RecordedWeights, add_record, recorded_weights

LOADED_KEY = "loaded_queries"  # in the metadata: how many of the first queries were loaded, and not asked by the run


class PreferenceStore:
    """One SQLite file. Every write is one transaction that is synced to disk before the call returns.

    Args:
        path: the database; made when missing.
        metadata: what the preferences are about (environment, spaces); a store of other metadata is refused. The
            version of the package that provides the environment is stored, but not compared: an upgrade of it does
            not shut a run out from its own answers. A store from before `SIGHT_KEYS` takes them from the run that
            goes on with it.

    Raises:
        PreferenceStoreError: the file is not a preference store, is damaged, is about another environment, or was
            written by a newer version. Nothing in it is changed.
    """

    def __init__(self, path: Path, metadata: dict[str, str]) -> None:
        self.path = path
        try:
            stored = self._check_stored(metadata) if path.exists() else None
            self._connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("PRAGMA synchronous = FULL")
                self._connection.execute("PRAGMA foreign_keys = ON")
                if stored is None:
                    self._create(metadata)
                elif missing := [(key, metadata[key]) for key in SIGHT_KEYS if key in metadata.keys() - stored]:
                    self._connection.executemany("INSERT OR IGNORE INTO metadata VALUES (?, ?)", missing)
            except BaseException:
                self._connection.close()
                raise
        except sqlite3.Error as error:
            raise PreferenceStoreError(
                f"{path} cannot be used as a preference database ({error}); expected a file that rlhp wrote. "
                "Nothing in it was changed: restore a copy, or name another directory."
            ) from error

    def _check_stored(self, metadata: dict[str, str]) -> set[str] | None:
        """Keys of the metadata of a fitting store; None where the file is empty.

        Read-only: closing merges no log into it.
        """
        with closing(connect_read_only(self.path)) as connection:
            if not check_origin(self.path, connection):
                return None
            stored = dict(connection.execute("SELECT key, value FROM metadata").fetchall())
        self._check_metadata(stored, metadata)
        return set(stored)

    def _check_metadata(self, stored: dict[str, str], metadata: dict[str, str]) -> None:
        unknown = {key for key in SIGHT_KEYS if key not in stored}
        if _compared(stored) != {key: value for key, value in _compared(metadata).items() if key not in unknown}:
            raise PreferenceStoreError(
                f"{self.path} holds preferences about {json.dumps(stored)}; this run is about "
                f"{json.dumps(metadata)}. They do not fit: name another directory."
            )

    def _create(self, metadata: dict[str, str]) -> None:
        """In one transaction: a process that is killed meanwhile leaves an empty file, which can be used."""
        self._connection.execute("BEGIN IMMEDIATE")
        for statement in SCHEMA:
            self._connection.execute(statement)
        self._connection.executemany("INSERT INTO metadata VALUES (?, ?)", metadata.items())
        self._connection.execute("COMMIT")

    def record(
        self,
        preferences: Sequence[Preference],
        clips: Iterable[Clip],
        answered_unix_s: Sequence[float] | None = None,
    ) -> None:
        """Store answers and the clips they refer to, in one synced transaction; repeated ones are kept once.

        Args:
            preferences: with the clips that they refer to here or stored before.
            clips: in any order.
            answered_unix_s: when each was answered, in seconds since 1970; None for now.
        """
        times = [time.time()] * len(preferences) if answered_unix_s is None else answered_unix_s
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT OR IGNORE INTO clips VALUES (?, ?)", [(clip.clip_id, clip.to_bytes()) for clip in clips]
            )
            connection.executemany(
                "INSERT OR IGNORE INTO preferences VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (p.query_index, p.left_id, p.right_id, p.answer.value, p.source, p.env_steps, answered)
                    for p, answered in zip(preferences, times, strict=True)
                ],
            )
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise PreferenceStoreError(
                f"{len(preferences)} answers could not be written to {self.path} ({error}) and were not acknowledged. "
                "Free disk space or restore the disk, then resume the run or repeat the command."
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

    def find_pair(self, first_id: str, second_id: str, source: str) -> Preference | None:
        """The first stored answer of a source to a pair, whichever way round it was shown and under any number."""
        rows = self._rows(
            "SELECT query_index, left_id, right_id, answer, env_steps FROM preferences WHERE source = ? "
            "AND (left_id, right_id) IN (VALUES (?, ?), (?, ?)) ORDER BY query_index LIMIT 1",
            (source, first_id, second_id, second_id, first_id),
        )
        return next((Preference(row[0], row[1], row[2], Answer(row[3]), source, row[4]) for row in rows), None)

    def renumber(self, preference: Preference, query_index: int) -> Preference:
        """Keep a stored answer as that to another query; on disk when this returns."""
        try:
            self._connection.execute(
                "UPDATE preferences SET query_index = ? WHERE query_index = ? AND left_id = ? AND right_id = ?",
                (query_index, preference.query_index, preference.left_id, preference.right_id),
            )
        except sqlite3.Error as error:
            raise PreferenceStoreError(
                f"{self.path} cannot be written ({error}). Free disk space or restore the disk, then resume the run."
            ) from error
        return replace(preference, query_index=query_index)

    def preferences(self, before_query: int | None = None, first_query: int = 0) -> list[Preference]:
        """Preferences in the order of their queries: from `first_query` on, and those before `before_query`."""
        rows = self._rows(
            "SELECT query_index, left_id, right_id, answer, source, env_steps FROM preferences "
            "WHERE query_index >= ? AND (? IS NULL OR query_index < ?) ORDER BY query_index",
            (first_query, before_query, before_query),
        )
        return [Preference(row[0], row[1], row[2], Answer(row[3]), row[4], row[5]) for row in rows]

    def num_queries(self) -> int:
        """One more than the largest query index stored: how many queries were spent."""
        return self._rows("SELECT coalesce(max(query_index) + 1, 0) FROM preferences")[0][0]

    def mark_as_loaded(self) -> None:
        """Say of all that is stored that it was answered elsewhere, and is what a run starts with."""
        self._connection.execute("INSERT INTO metadata VALUES (?, ?)", (LOADED_KEY, str(self.num_queries())))

    def num_loaded(self) -> int:
        """How many queries the run started with; its own are numbered from there on."""
        rows = self._rows("SELECT value FROM metadata WHERE key = ?", (LOADED_KEY,))
        return int(rows[0][0]) if rows else 0

    def weigh(self, source: str, weight: float) -> None:
        """Record how much the answers of a source count from now on; see `source_weights`."""
        add_record(self._connection, source, weight)

    def weights(self) -> RecordedWeights:
        """How much the answers of each source count, by what was recorded."""
        return recorded_weights(self._connection)

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


def _compared(metadata: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in metadata.items() if key not in (ENV_VERSION_KEY, LOADED_KEY)}
