"""Where saved preferences are read from: a database or an export, one clip after another, and never changed."""

import math
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from rlhp_ray.clips.clip import Clip
from rlhp_ray.errors import PreferenceStoreError, RewardDataError
from rlhp_ray.preferences.preference import Answer, Preference
from rlhp_ray.preferences.preference_database import check_origin, connect_read_only
from rlhp_ray.preferences.preference_subject import PreferenceSubject
from rlhp_ray.preferences.source_weights import WITHDRAWN, recorded_weights

_ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class SavedPreference:
    """A preference as it is kept.

    Args:
        preference: the answer.
        answered_unix_s: when it was given, in seconds since 1970.
    """

    preference: Preference
    answered_unix_s: float

    @classmethod
    def from_row(cls, row: tuple, path: Path) -> "SavedPreference":
        """From (query index, left id, right id, answer, source, env steps, time).

        Raises:
            PreferenceStoreError: naming `path`, where a value is none that could have been stored.
        """
        query_index, left_id, right_id, answer, source, env_steps, answered_unix_s = row
        numbers = type(query_index) is int and query_index >= 0 and type(env_steps) is int
        texts = all(isinstance(text, str) for text in (left_id, right_id, source))
        time = isinstance(answered_unix_s, float | int) and math.isfinite(answered_unix_s)
        if not (numbers and texts and time and answer in list(Answer)):
            raise PreferenceStoreError(
                f"{path} holds a preference that cannot be used: got query {query_index!r}, answer {answer!r}, source "
                f"{source!r}, env steps {env_steps!r}, time {answered_unix_s!r}; expected what "
                "docs/preference_files.md says of them. Restore a copy of it."
            )
        return cls(
            Preference(query_index, left_id, right_id, Answer(answer), source, env_steps), float(answered_unix_s)
        )


class PreferenceSource(Protocol):
    """Saved preferences and their clips. Every iteration reads anew; none holds more than a shard of clips."""

    path: Path
    subject: PreferenceSubject
    num_clips: int
    weights: Mapping[str, float]
    """How much the answers of each source count, by what was recorded; those of the withdrawn ones are not given."""

    def __enter__(self) -> Self:
        """The source itself, which is closed on leaving."""

    def __exit__(self, *exception: object) -> None:
        """Close it."""

    def preferences(self) -> Iterator[SavedPreference]:
        """In the order of their queries."""

    def clips(self) -> Iterator[tuple[str, Clip]]:
        """Each clip with the id under which it is kept."""

    def size_bytes(self) -> int:
        """Size on disk."""


class DatabaseSource:
    """A preference database, of a run that has ended or is going on: what it held when it was opened.

    Args:
        path: the SQLite file.

    Raises:
        PreferenceStoreError: it is damaged, foreign, empty, or of a newer version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # Where no log is, nobody writes, and SQLite need not put one there: a read-only connection could not remove it.
        self._immutable = not path.with_name(path.name + "-wal").exists()
        self._opened_as = self._file_state()
        self._connection = self._open()
        try:
            with self._errors_explained():
                self._connection.execute("BEGIN")  # one state of it, whatever a run writes meanwhile
                metadata = dict(self._connection.execute("SELECT key, value FROM metadata").fetchall())
                self.weights: Mapping[str, float] = recorded_weights(self._connection).weights
                self.num_clips: int = self._connection.execute("SELECT count(*) FROM clips").fetchone()[0]
            self.subject = PreferenceSubject.from_metadata(metadata, path)
        except BaseException:
            self._connection.close()
            raise

    def _open(self) -> sqlite3.Connection:
        with self._errors_explained():
            connection = connect_read_only(self.path, immutable=self._immutable)
            try:
                if not check_origin(self.path, connection):
                    raise PreferenceStoreError(f"{self.path} is empty; expected a preference database that rlhp wrote.")
            except BaseException:
                connection.close()
                raise
        return connection

    def _file_state(self) -> tuple[int, int]:
        stat = self.path.stat()
        return stat.st_mtime_ns, stat.st_size

    def _require_unchanged(self) -> None:
        if self._immutable and self._file_state() != self._opened_as:
            raise PreferenceStoreError(
                f"{self.path} was changed while it was read: a run has begun to write to it. Repeat the command."
            )

    def __enter__(self) -> "DatabaseSource":
        return self

    def __exit__(self, *exception: object) -> None:
        self._connection.close()

    @contextmanager
    def _errors_explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise PreferenceStoreError(
                f"{self.path} is truncated, damaged or no preference database ({error}); expected one that rlhp wrote. "
                "Nothing in it was changed: restore a copy of it."
            ) from error

    def preferences(self) -> Iterator[SavedPreference]:
        """In the order of their queries, without those of withdrawn sources."""
        withdrawn = {source for source, weight in self.weights.items() if weight == WITHDRAWN}
        query = (
            "SELECT query_index, left_id, right_id, answer, source, env_steps, answered_unix_s FROM preferences "
            "ORDER BY query_index, left_id, right_id"
        )
        with self._errors_explained():
            cursor = self._connection.execute(query)
            while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                saved = (SavedPreference.from_row(row, self.path) for row in rows)
                yield from (each for each in saved if each.preference.source not in withdrawn)
        self._require_unchanged()

    def clips(self) -> Iterator[tuple[str, Clip]]:
        """Each clip with its id, one at a time, in the order of their ids."""
        with self._errors_explained():
            for clip_id, packed in self._connection.execute("SELECT clip_id, packed FROM clips ORDER BY clip_id"):
                try:
                    clip = Clip.from_bytes(packed)
                except (RewardDataError, TypeError) as error:
                    raise RewardDataError(f"{self.path}, clip {clip_id}: {error}. Restore a copy of it.") from error
                yield clip_id, clip
        self._require_unchanged()

    def size_bytes(self) -> int:
        """Size on disk, with what SQLite has not merged into the file yet."""
        files = (self.path, self.path.with_name(self.path.name + "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())
