"""How much the answers of a source count, as decided after they were given: records, of which the newest holds."""

import sqlite3
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rlhp_ray.errors import PreferenceStoreError
from rlhp_ray.preferences.preference import Preference
from rlhp_ray.preferences.preference_database import BUSY_TIMEOUT_S, check_origin, connect_read_only

WITHDRAWN = 0.0

_TABLE = """CREATE TABLE IF NOT EXISTS weight_changes (
    change_id INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    weight REAL NOT NULL CHECK (weight >= 0),
    changed_unix_s REAL NOT NULL
)"""


@dataclass(frozen=True)
class RecordedWeights:
    """What holds now.

    Args:
        changes: number of records; it grows with each.
        weights: by source; 0 where its answers are withdrawn; sources without a record count 1.
    """

    changes: int
    weights: Mapping[str, float]


def recorded_weights(connection: sqlite3.Connection) -> RecordedWeights:
    """Of a preference database; nothing where no weight was ever recorded."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'weight_changes'").fetchone():
        return RecordedWeights(0, {})
    rows = connection.execute("SELECT source, weight FROM weight_changes ORDER BY change_id").fetchall()
    return RecordedWeights(len(rows), dict(rows))


def add_record(connection: sqlite3.Connection, source: str, weight: float) -> None:
    """One more record, in a transaction of its own."""
    connection.execute(_TABLE)
    connection.execute(
        "INSERT INTO weight_changes (source, weight, changed_unix_s) VALUES (?, ?, ?)", (source, weight, time.time())
    )


def weigh_source(path: Path, source: str, weight: float) -> int:
    """Record how much all answers of a source count, given or to come; on disk when this returns.

    Nothing is deleted, and a run that goes on sees it. Another record changes it again.

    Args:
        path: of a preference database.
        source: who answered.
        weight: by which the loss of their labels is multiplied; 0 withdraws them.

    Returns:
        How many answers of theirs are stored.

    Raises:
        PreferenceStoreError: the file is no preference database, holds no answer of this source, or cannot be written.
    """
    try:
        with closing(connect_read_only(path)) as connection:
            is_ours = check_origin(path, connection)
        if not is_ours:
            raise PreferenceStoreError(f"{path} is empty; expected a preference database that rlhp wrote.")
        with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            counts = dict(connection.execute("SELECT source, count(*) FROM preferences GROUP BY source").fetchall())
            if source not in counts:
                raise PreferenceStoreError(
                    f"{path} holds no answer of {source!r}; expected one of {', '.join(sorted(counts)) or 'nobody'}. "
                    "Answers are stored here once the run has taken them up."
                )
            add_record(connection, source, weight)
    except sqlite3.Error as error:
        raise PreferenceStoreError(
            f"{path} cannot be written as a preference database ({error}); nothing was changed. Free disk space or "
            "restore a copy of it, then repeat the command."
        ) from error
    return counts[source]


def counted(preferences: Iterable[Preference], weights: Mapping[str, float]) -> list[Preference]:
    """Those whose source is not withdrawn."""
    return [each for each in preferences if weights.get(each.source, 1.0) > WITHDRAWN]
