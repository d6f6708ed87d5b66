"""Answers that are withdrawn or weighted after they were given: a record, of which readers know."""

import sqlite3
from contextlib import closing

import pytest

from rlhp_ray.errors import PreferenceStoreError
from rlhp_ray.preferences.preference import Answer, Preference
from rlhp_ray.preferences.preference_copying import merge_preferences, open_run_store
from rlhp_ray.preferences.preference_export import write_export
from rlhp_ray.preferences.preference_reading import read_labels
from rlhp_ray.preferences.preference_statistics import gather_statistics, statistics_table
from rlhp_ray.preferences.preference_store import PreferenceStore
from rlhp_ray.preferences.source_location import open_source
from rlhp_ray.preferences.source_weights import RecordedWeights, weigh_source


@pytest.fixture
def database(tmp_path, make_clips, vector_subject):
    """Two answers of ada, one of bob."""
    clips = make_clips(6)
    ids = [clip.clip_id for clip in clips]
    path = tmp_path / "preferences.sqlite"
    with closing(PreferenceStore(path, vector_subject.to_metadata())) as store:
        store.record(
            [
                Preference(i, ids[2 * i], ids[2 * i + 1], Answer.LEFT, who, 0)
                for i, who in enumerate(["ada", "bob", "ada"])
            ],
            clips,
        )
    return path


def sources(path) -> list[str]:
    with open_source(path) as source:
        return [saved.preference.source for saved in source.preferences()]


def test_a_withdrawal_is_a_record_and_is_taken_back_by_another(database, vector_subject):
    assert weigh_source(database, "ada", 0) == 2
    assert sources(database) == ["bob"]
    with closing(PreferenceStore(database, vector_subject.to_metadata())) as store:
        assert store.weights() == RecordedWeights(1, {"ada": 0.0})
        assert len(store.preferences()) == 3  # whoever resumes numbers on from all of them
        assert weigh_source(database, "ada", 1) == 2  # while a run has it open
        assert store.weights() == RecordedWeights(2, {"ada": 1.0})
    assert sources(database) == ["ada", "bob", "ada"]
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT source, weight FROM weight_changes").fetchall() == [("ada", 0), ("ada", 1)]


def test_whatever_is_made_of_it_lacks_what_is_withdrawn_and_keeps_weights(database, tmp_path, vector_subject):
    weigh_source(database, "ada", 0)
    weigh_source(database, "bob", 2.5)
    labels, clips = read_labels(database, vector_subject, None)
    assert ([label.source for label in labels], len(clips)) == (["bob"], 2)
    with open_source(database) as source:
        write_export(source, tmp_path / "exported")
        table = statistics_table(gather_statistics(source))
    assert sources(tmp_path / "exported") == ["bob"]
    assert "  weights            ada withdrawn, bob 2.5\n" in table and "  queries            1\n" in table
    merge_preferences(tmp_path / "merged.sqlite", [database])
    with closing(open_run_store(tmp_path / "run.sqlite", vector_subject.to_metadata(), database)) as store:
        assert (store.num_loaded(), store.weights().weights) == (1, {"bob": 2.5})
    assert sources(tmp_path / "merged.sqlite") == ["bob"]


def test_with_nothing_left_that_is_said(database, vector_subject):
    for who in ("ada", "bob"):
        weigh_source(database, who, 0)
    with pytest.raises(PreferenceStoreError, match="holds 0 preferences and not one label"):
        read_labels(database, vector_subject, None)


def test_a_name_that_nobody_has_is_refused_with_those_that_are_there(database, tmp_path):
    before = database.read_bytes()
    with pytest.raises(PreferenceStoreError, match="no answer of 'eve'; expected one of ada, bob"):
        weigh_source(database, "eve", 0)
    assert database.read_bytes() == before
    (tmp_path / "other.sqlite").write_bytes(b"no database" * 500)
    with pytest.raises(PreferenceStoreError, match="nothing was changed"):
        weigh_source(tmp_path / "other.sqlite", "ada", 0)
