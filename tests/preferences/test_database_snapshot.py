"""A copy of a database that is written to: one moment of it, whole, as one file."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from rlhp_ray.errors import PreferenceStoreError
from rlhp_ray.preferences.database_snapshot import snapshot_database

SNAPSHOTS = 20


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "preferences.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE answers (pair INTEGER, side TEXT, packed BLOB)")
    return path


def write_pairs(path: Path, ended: threading.Event, written: list[int]) -> None:
    """Two rows in every transaction, so that a copy with one of them is torn."""
    with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as connection:
        while not ended.is_set():
            pair = len(written)
            connection.execute("BEGIN IMMEDIATE")
            for side in ("left", "right"):
                connection.execute("INSERT INTO answers VALUES (?, ?, zeroblob(20000))", (pair, side))
            connection.execute("COMMIT")
            written.append(pair)


def test_copied_while_a_writer_writes_it_holds_all_that_was_committed_and_nothing_torn(
    database: Path, tmp_path: Path
) -> None:
    ended, written = threading.Event(), list[int]()
    writer = threading.Thread(target=write_pairs, args=(database, ended, written))
    writer.start()
    try:
        counts = []
        for number in range(SNAPSHOTS):
            target = tmp_path / f"copy{number}"
            committed = len(written)
            snapshot_database(database, target)
            with closing(sqlite3.connect(f"{target.as_uri()}?mode=ro&immutable=1", uri=True)) as copy:
                assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                sides = copy.execute("SELECT count(*) FROM answers GROUP BY pair ORDER BY pair").fetchall()
            assert set(sides) <= {(2,)}, "half a transaction"
            assert len(sides) >= committed, "an answer that was on disk before is missing"
            counts.append(len(sides))
    finally:
        ended.set()
        writer.join()
    assert counts[-1] > counts[0], "nothing was written meanwhile"
    assert not list(tmp_path.glob("copy*-*")), "the copy is one file"


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "preferences.sqlite").write_bytes(b"answers" * 1000)
    with pytest.raises(PreferenceStoreError, match=r"could not be copied .* expected a database that rlhp wrote"):
        snapshot_database(tmp_path / "preferences.sqlite", tmp_path / "copy")
