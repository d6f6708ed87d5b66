"""A database is read as it is, and refused where it is damaged, foreign, or of a newer version."""

import sqlite3
import zlib
from contextlib import closing

import pytest

from rlhp_ray.errors import PreferenceStoreError, RewardDataError
from rlhp_ray.preferences.preference_source import DatabaseSource
from rlhp_ray.preferences.preference_store import PreferenceStore
from rlhp_ray.preferences.source_location import open_source


@pytest.fixture
def database(make_database, make_clips, vector_subject, chain):
    clips = make_clips(40)
    return make_database("preferences.sqlite", vector_subject, clips, chain(clips))


def alter(path, *statements):
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement, *parameters in statements:
            connection.execute(statement, parameters)


def read_all(path):
    with DatabaseSource(path) as source:
        return list(source.preferences()), list(source.clips())


def test_it_gives_what_was_stored(database, make_clips, vector_subject, chain):
    clips = make_clips(40)
    with DatabaseSource(database) as source:
        assert source.subject == vector_subject
        assert source.num_clips == 40
        assert [saved.preference for saved in source.preferences()] == chain(clips)
        assert [saved.answered_unix_s for saved in source.preferences()] == [1000.25 + i for i in range(39)]
        assert [clip_id for clip_id, _ in source.clips()] == sorted(clip.clip_id for clip in clips)
        assert all(clip.clip_id == clip_id for clip_id, clip in source.clips())
        assert source.size_bytes() == database.stat().st_size


def test_what_a_killed_run_left_in_the_log_of_the_database_is_read(tmp_path, vector_subject, make_clips, chain):
    path, clips = tmp_path / "preferences.sqlite", make_clips(3)
    store = PreferenceStore(path, vector_subject.to_metadata())
    store.record(chain(clips), clips)
    for suffix in ("", "-wal"):  # as they are when the process dies
        (tmp_path / f"copy.sqlite{suffix}").write_bytes((tmp_path / f"preferences.sqlite{suffix}").read_bytes())
    store.close()
    assert len(read_all(tmp_path / "copy.sqlite")[0]) == 2


def test_a_run_directory_means_its_database(database, tmp_path):
    with open_source(tmp_path) as source:
        assert source.path == database


def test_a_directory_without_preferences_is_refused(tmp_path):
    with pytest.raises(PreferenceStoreError, match=r"holds no preferences: it has neither preferences\.sqlite"):
        open_source(tmp_path)


@pytest.mark.parametrize("content", [b"no database\n" * 400, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_garbage_file_is_refused(tmp_path, content):
    (tmp_path / "garbage").write_bytes(content)
    with pytest.raises(PreferenceStoreError, match="garbage is truncated, damaged or no preference database"):
        DatabaseSource(tmp_path / "garbage")


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "empty").touch()
    with pytest.raises(PreferenceStoreError, match="is empty; expected a preference database"):
        DatabaseSource(tmp_path / "empty")


def test_a_truncated_database_is_refused(database):
    content = database.read_bytes()
    database.write_bytes(content[: len(content) // 2])
    with pytest.raises(PreferenceStoreError, match="is truncated, damaged or no preference database"):
        read_all(database)


def test_a_foreign_database_is_refused(tmp_path):
    alter(tmp_path / "foreign.sqlite", ("CREATE TABLE recipes (name TEXT)",))
    with pytest.raises(PreferenceStoreError, match=r"that rlhp did not write \(it has 1 tables"):
        DatabaseSource(tmp_path / "foreign.sqlite")


def test_a_newer_database_is_refused_and_unchanged(database):
    alter(database, ("PRAGMA user_version = 99",))
    before = database.read_bytes()
    with pytest.raises(PreferenceStoreError, match=r"newer rlhp \(schema 99\); this one reads schema 1"):
        DatabaseSource(database)
    assert database.read_bytes() == before


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (("DROP TABLE preferences",), "no such table: preferences"),
        (("DELETE FROM metadata WHERE key = 'observation_space'",), "does not say what its preferences are about"),
        (("UPDATE metadata SET value = 'open(''x'')' WHERE key = 'action_space'",), "does not say what"),
        (("UPDATE metadata SET value = '{' WHERE key = 'action_space'",), "does not say what"),
        (("UPDATE metadata SET value = 'two' WHERE key = 'clip_steps'",), "does not say what"),
        (("UPDATE metadata SET value = '0' WHERE key = 'clip_steps'",), "has '0' as its clip_steps"),
        (("UPDATE metadata SET value = '[3]' WHERE key = 'action_space'",), "as its action_space"),
        (("UPDATE preferences SET env_steps = 'late' WHERE query_index = 3",), "env steps 'late'"),
        (("UPDATE preferences SET answered_unix_s = 'now' WHERE query_index = 3",), "time 'now'"),
        (("UPDATE preferences SET source = x'00' WHERE query_index = 3",), "source b'\\x00'"),
    ],
    ids=str,
)
def test_contents_that_are_wrong_are_refused(database, statement, expected):
    alter(database, statement)
    with pytest.raises(PreferenceStoreError) as caught:
        read_all(database)
    assert expected in str(caught.value) and str(database) in str(caught.value)


@pytest.mark.parametrize("packed", [b"junk", zlib.compress(b"junk"), "text", zlib.compress(b"\xff" * 100)])
def test_a_clip_that_cannot_be_read_is_named(database, make_clips, packed):
    clip_id = make_clips(40)[7].clip_id
    alter(database, ("UPDATE clips SET packed = ? WHERE clip_id = ?", packed, clip_id))
    with pytest.raises(RewardDataError, match=f"{database}, clip {clip_id}: a stored clip cannot be read"):
        read_all(database)


def test_a_run_that_begins_to_write_while_its_database_is_read_is_noticed(database):
    with DatabaseSource(database) as source:
        alter(database, ("DELETE FROM preferences WHERE query_index = 3",))
        with pytest.raises(PreferenceStoreError, match="was changed while it was read: a run has begun to write"):
            list(source.preferences())


def test_reading_puts_no_file_beside_a_database(database, tmp_path):
    before = database.read_bytes()
    read_all(database)
    assert [path.name for path in tmp_path.iterdir()] == ["preferences.sqlite"]
    assert database.read_bytes() == before
