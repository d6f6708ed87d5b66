"""The store keeps what it acknowledged, and refuses, unchanged, what is not its own."""

import gc
import itertools
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rlhp_ray.errors import PreferenceStoreError
from rlhp_ray.preferences.preference import Answer, Preference
from rlhp_ray.preferences.preference_database import SCHEMA_VERSION
from rlhp_ray.preferences.preference_store import PreferenceStore

METADATA = {"env_id": "rlhp/MovingDot-v0", "clip_steps": "2"}


def chained(clips, answers=(Answer.LEFT, Answer.RIGHT, Answer.EQUAL, Answer.SKIP), first=0) -> list[Preference]:
    """Query i compares clip i with clip i + 1."""
    return [
        Preference(first + i, left.clip_id, right.clip_id, answers[i % len(answers)], "oracle", 10 * i)
        for i, (left, right) in enumerate(itertools.pairwise(clips))
    ]


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "preferences.sqlite"


@pytest.fixture
def opened(path):
    stores = []

    def open_store(metadata=METADATA) -> PreferenceStore:
        stores.append(PreferenceStore(path, metadata))
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()


def alter(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def count_rows(path: Path, table: str) -> int:
    connection = sqlite3.connect(path)
    (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    connection.close()
    return count


def refused(path: Path, metadata=METADATA) -> str:
    """The message with which the store is refused; checks that the file is the same, byte for byte, afterwards."""
    before = path.read_bytes()
    with pytest.raises(PreferenceStoreError) as caught:
        PreferenceStore(path, metadata)
    message = str(caught.value)
    del caught
    gc.collect()  # closes the connection that its traceback held
    assert path.read_bytes() == before
    return message


def test_answers_and_their_clips_come_back_as_they_were(opened, make_clips):
    clips = make_clips(6)
    preferences = chained(clips)
    opened().record(preferences, clips)
    store = opened()
    assert store.preferences() == preferences
    stored = store.clips([clip.clip_id for clip in clips])
    assert stored.keys() == {clip.clip_id for clip in clips}
    for clip in clips:
        np.testing.assert_array_equal(stored[clip.clip_id].observations, clip.observations)
        np.testing.assert_array_equal(stored[clip.clip_id].teacher_rewards, clip.teacher_rewards)


SEEN = {"frame_skip": "8", "hides_score": "False"}


def test_a_store_from_before_it_was_told_how_the_environment_was_seen_takes_that_from_its_run(opened, path, make_clips):
    clips = make_clips(3)
    opened().record(chained(clips), clips)
    assert opened(METADATA | SEEN).preferences() == chained(clips)
    assert '"frame_skip": "8"' in refused(path, METADATA | SEEN | {"frame_skip": "None"})


@pytest.mark.parametrize("change", [{"frame_skip": "None"}, {"hides_score": "True"}, {"clip_steps": "3"}], ids=str)
def test_a_store_that_was_seen_in_another_way_is_refused(opened, path, change):
    opened(METADATA | SEEN).close()
    message = refused(path, METADATA | SEEN | change)
    assert "do not fit: name another directory" in message and f'"{next(iter(change))}"' in message


def test_an_answer_is_in_the_file_as_soon_as_it_is_acknowledged(opened, path, make_clips):
    clips = make_clips(3)
    opened().record(chained(clips), clips)
    assert (count_rows(path, "preferences"), count_rows(path, "clips")) == (2, 3)


def test_every_transaction_is_synced(opened):
    connection = opened()._connection
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL: survives a loss of power
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


RECORD_UNTIL_KILLED = """
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
import numpy as np
from rlhp_ray.clips.clip import Clip
from rlhp_ray.preferences.preference import Answer, Preference
from rlhp_ray.preferences.preference_store import PreferenceStore

store = PreferenceStore(Path(sys.argv[1]), {"env_id": "rlhp/MovingDot-v0", "clip_steps": "2"})
for index in range(100_000):
    clips = [Clip(np.full((2, 3), index + side), np.zeros(2), np.zeros(2), 0) for side in (0, 0.5)]
    answer = list(Answer)[index % 4]
    store.record([Preference(index, clips[0].clip_id, clips[1].clip_id, answer, "people", index)], clips)
    print(index, flush=True)
"""


def test_what_was_acknowledged_survives_a_killed_process(opened, path):
    with subprocess.Popen([sys.executable, "-c", RECORD_UNTIL_KILLED, str(path)], stdout=subprocess.PIPE) as process:
        for _ in range(20):
            process.stdout.readline()
        process.kill()
        acknowledged = 20 + len(process.stdout.read().split(b"\n")[:-1])
    assert process.returncode == -9
    store = opened()
    preferences = store.preferences()
    assert len(preferences) in (acknowledged, acknowledged + 1)  # killed between the commit and the print
    assert [p.query_index for p in preferences] == list(range(len(preferences)))
    assert [p.answer for p in preferences[:8]] == 2 * list(Answer)
    last = preferences[-1]
    right = store.clips([last.left_id, last.right_id])[last.right_id]
    np.testing.assert_array_equal(right.observations, np.full((2, 3), last.query_index + 0.5))


def test_repeated_answers_and_clips_are_kept_once_and_the_first_answer_stands(opened, path, make_clips):
    clips, store = make_clips(3), opened()
    first = chained(clips)
    store.record(first, clips)
    store.record(chained(clips, answers=(Answer.SKIP,)), clips)
    assert store.preferences() == first
    assert (count_rows(path, "preferences"), count_rows(path, "clips")) == (2, 3)


def test_an_answer_without_its_clips_is_refused_whole(opened, path, make_clips):
    clips, store = make_clips(4), opened()
    with pytest.raises(PreferenceStoreError, match="3 answers could not be written"):
        store.record(chained(clips), clips[:3])
    assert store.preferences() == []
    assert (count_rows(path, "preferences"), count_rows(path, "clips")) == (0, 0)
    store.record(chained(clips), clips)
    assert count_rows(path, "preferences") == 3


def test_preferences_are_ordered_by_query_and_can_be_cut(opened, make_clips):
    clips, store = make_clips(12), opened()
    preferences = chained(clips)
    store.record(preferences[::-1], clips)
    assert store.preferences() == preferences
    assert store.preferences(before_query=4) == preferences[:4]
    assert store.preferences(before_query=0) == []


def test_queries_are_counted_by_their_number(opened, make_clips):
    clips, store = make_clips(3), opened()
    assert store.num_queries() == 0
    store.record(chained(clips, first=5), clips)
    assert store.num_queries() == 7


def test_find_takes_number_and_both_sides(opened, make_clips):
    clips, store = make_clips(3), opened()
    preferences = chained(clips)
    store.record(preferences, clips)
    wanted = preferences[1]
    assert store.find(wanted.query_index, wanted.left_id, wanted.right_id) == wanted
    assert store.find(wanted.query_index, wanted.right_id, wanted.left_id) is None
    assert store.find(wanted.query_index + 1, wanted.left_id, wanted.right_id) is None


def test_a_pair_is_found_either_way_round_by_its_source(opened, make_clips):
    clips, store = make_clips(4), opened()
    preferences = chained(clips)
    store.record(preferences, clips)
    wanted = preferences[1]
    assert store.find_pair(wanted.left_id, wanted.right_id, "oracle") == wanted
    assert store.find_pair(wanted.right_id, wanted.left_id, "oracle") == wanted
    assert store.find_pair(wanted.left_id, wanted.right_id, "anna") is None
    assert store.find_pair(clips[0].clip_id, clips[3].clip_id, "oracle") is None


def test_of_two_answers_of_a_source_to_a_pair_the_first_is_found(opened, make_clips):
    clips, store = make_clips(2), opened()
    (first,) = chained(clips)
    turned = replace(first, query_index=7, left_id=first.right_id, right_id=first.left_id)
    store.record([turned, first], clips)
    assert store.find_pair(turned.left_id, turned.right_id, "oracle") == first


def test_a_renumbered_answer_keeps_the_rest_and_is_in_the_file_at_once(opened, path, make_clips):
    clips, store = make_clips(3), opened()
    preferences = chained(clips)
    store.record(preferences, clips, [5.0, 6.0])
    moved = store.renumber(preferences[0], 9)
    assert moved == replace(preferences[0], query_index=9)
    assert opened().preferences() == [preferences[1], moved]
    with closing(sqlite3.connect(path)) as connection:
        times = connection.execute("SELECT query_index, answered_unix_s FROM preferences ORDER BY 1").fetchall()
    assert times == [(1, 6.0), (9, 5.0)]


def test_a_disk_that_fails_while_an_answer_is_renumbered_is_a_typed_error(opened, make_clips):
    clips, store = make_clips(2), opened()
    (preference,) = chained(clips)
    store.record([preference], clips)
    store._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(PreferenceStoreError, match=r"cannot be written .* then resume the run"):
        store.renumber(preference, 9)
    assert store.preferences() == [preference]


def test_a_clip_that_is_missing_is_named(opened, make_clips):
    with pytest.raises(PreferenceStoreError, match=f"lacks clip {make_clips(1)[0].clip_id}"):
        opened().clips([make_clips(1)[0].clip_id])


def test_a_newer_schema_is_refused_and_unchanged(opened, path):
    opened().close()
    alter(path, "PRAGMA user_version = 99")
    assert f"newer rlhp (schema 99); this one reads schema {SCHEMA_VERSION}" in refused(path)


KILLED_WHILE_OPEN = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA user_version = 99")
os.kill(os.getpid(), 9)
"""


def test_a_newer_store_whose_last_writer_was_killed_is_refused_and_unchanged(opened, path):
    opened().close()
    subprocess.run([sys.executable, "-c", KILLED_WHILE_OPEN, str(path)], check=False)
    log = path.with_name(path.name + "-wal")
    written = log.read_bytes()
    assert written
    assert "newer rlhp" in refused(path)
    assert log.read_bytes() == written


def test_a_foreign_database_is_refused_and_unchanged(path):
    alter(path, "CREATE TABLE recipes (name TEXT)", "INSERT INTO recipes VALUES ('soup')")
    assert "a SQLite file that rlhp did not write (it has 1 tables and the application id 0)" in refused(path)


@pytest.mark.parametrize("number", [SCHEMA_VERSION, 99])
def test_a_foreign_database_with_a_schema_number_of_its_own_is_refused_and_unchanged(path, number):
    alter(path, "CREATE TABLE recipes (name TEXT)", f"PRAGMA user_version = {number}")
    assert "a SQLite file that rlhp did not write" in refused(path)


def test_a_foreign_database_without_tables_yet_is_refused_and_unchanged(path):
    alter(path, "PRAGMA application_id = 7")
    assert "it has 0 tables and the application id 7" in refused(path)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are listed in /proc")
def test_a_refused_store_is_closed_at_once(opened, path):
    opened().close()
    with pytest.raises(PreferenceStoreError) as caught:
        PreferenceStore(path, {})
    assert str(path) not in {os.path.realpath(descriptor) for descriptor in Path("/proc/self/fd").iterdir()}
    del caught  # until here its traceback held the store


@pytest.mark.parametrize("content", [b"no database\n" * 400, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_garbage_file_is_refused_and_unchanged(path, content):
    path.write_bytes(content)
    assert "cannot be used as a preference database" in refused(path)


def test_a_truncated_store_is_refused_and_unchanged(opened, path, make_clips):
    clips, store = make_clips(40, steps=200), opened()
    store.record(chained(clips), clips)
    store.close()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "cannot be used as a preference database" in refused(path)


@pytest.mark.parametrize("table", ["preferences", "clips"])
def test_damage_that_shows_on_reading_is_a_typed_error(opened, path, make_clips, table):
    clips, store = make_clips(3), opened()
    store.record(chained(clips), clips)
    query = "SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_master WHERE name = ?"
    page, page_size = store._connection.execute(query, (table,)).fetchone()
    store.close()
    content = bytearray(path.read_bytes())
    content[(page - 1) * page_size : page * page_size] = b"\xff" * page_size
    path.write_bytes(content)
    with pytest.raises(PreferenceStoreError):
        damaged = opened()
        damaged.preferences()
        damaged.clips([clips[0].clip_id])


@pytest.mark.parametrize("other", [{}, {**METADATA, "env_id": "Pendulum-v1"}, {**METADATA, "more": "x"}])
def test_a_store_about_something_else_is_refused_and_unchanged(opened, path, other, make_clips):
    clips, store = make_clips(3), opened()
    store.record(chained(clips), clips)
    store.close()
    message = refused(path, other)
    assert "MovingDot" in message and "name another directory" in message


def test_another_version_of_the_package_of_the_environment_is_no_reason_to_refuse(opened, path, make_clips):
    opened({**METADATA, "env_version": "gymnasium 1.2.2"}).close()
    opened({**METADATA, "env_version": "gymnasium 1.3.0"}).close()
    opened(METADATA).close()
    assert count_rows(path, "metadata") == 3


def test_a_process_killed_while_it_makes_the_store_leaves_one_that_can_be_used(tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    class Connection(sqlite3.Connection):
        statements_left = 0

        def _count(self):
            if Connection.statements_left == 0:
                self.close()  # as the kernel would: without a commit
                raise Killed
            Connection.statements_left -= 1

        def execute(self, *arguments):
            self._count()
            return super().execute(*arguments)

        def executescript(self, *arguments):
            self._count()
            return super().executescript(*arguments)

    connect = sqlite3.connect
    for statements in itertools.count():
        path = tmp_path / f"{statements}.sqlite"
        Connection.statements_left = statements
        try:
            with monkeypatch.context() as patch:
                patch.setattr(sqlite3, "connect", lambda *args, **kwargs: connect(*args, **kwargs, factory=Connection))
                PreferenceStore(path, METADATA).close()
        except Killed:
            PreferenceStore(path, METADATA).close()
        else:
            break  # not killed any more: every earlier moment was tried
    assert statements > 3


def test_a_path_that_cannot_be_opened_is_a_typed_error(tmp_path):
    with pytest.raises(PreferenceStoreError, match="unable to open database file"):
        PreferenceStore(tmp_path / "missing" / "preferences.sqlite", METADATA)


def test_a_full_disk_is_a_typed_error_and_nothing_is_half_written(opened, path, make_clips):
    store = opened()
    few = make_clips(3, steps=200)
    store.record(chained(few), few)
    (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
    store._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    many = make_clips(100, steps=200, seed=1)
    later = chained(many, first=2)
    with pytest.raises(PreferenceStoreError, match=r"99 answers could not be written .*full.* not acknowledged"):
        store.record(later, many)
    assert store.preferences() == chained(few)
    assert (count_rows(path, "preferences"), count_rows(path, "clips")) == (2, 3)

    store._connection.execute("PRAGMA max_page_count = 1000000")
    store.record(later, many)
    assert store.preferences() == chained(few) + later
