"""The store of a run that starts with saved preferences: filled once, whole or not at all."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from rlhp_ray.errors import PreferenceStoreError, RewardDataError
from rlhp_ray.preferences.preference import Answer
from rlhp_ray.preferences.preference_copying import open_run_store
from rlhp_ray.preferences.preference_export import write_export
from rlhp_ray.preferences.preference_source import DatabaseSource


@pytest.fixture
def saved(make_database, vector_subject, make_clips, chain):
    """Queries 7 to 11 on clips 0 to 5: left, right, equal, skip, left."""
    clips = make_clips(6)
    return make_database("saved.sqlite", vector_subject, clips, chain(clips, first=7))


@pytest.fixture
def opened(tmp_path, vector_subject):
    """What the store of a run holds when it is opened with `load`."""

    def open_store(load, subject=vector_subject, needs_next_observations=False):
        store = open_run_store(tmp_path / "run.sqlite", subject.to_metadata(), load, needs_next_observations)
        held = [(p.query_index, p.answer.value) for p in store.preferences()], store.num_loaded()
        store.close()
        return held

    return open_store


LOADED = ([(0, "left"), (1, "right"), (2, "equal"), (3, "skip"), (4, "left")], 5)


def test_loaded_preferences_take_the_first_numbers(opened, saved):
    before = saved.read_bytes()
    assert opened(saved) == LOADED
    assert saved.read_bytes() == before


def test_a_run_and_an_export_are_sources_too(opened, saved, tmp_path):
    with DatabaseSource(saved) as source:
        write_export(source, tmp_path / "exported")
    (tmp_path / "run").mkdir()
    shutil.copy(saved, tmp_path / "run" / "preferences.sqlite")
    for source in (tmp_path / "exported", tmp_path / "run"):
        assert opened(source) == LOADED
        (tmp_path / "run.sqlite").unlink()


def test_clips_without_next_observations_are_refused_where_the_reward_sees_those(
    opened, saved, make_database, vector_subject, make_clips, chain, tmp_path
):
    assert opened(saved, needs_next_observations=True) == LOADED
    (tmp_path / "run.sqlite").unlink()
    clips = make_clips(6)
    clips[2] = replace(clips[2], next_observation=None)
    older = make_database("older.sqlite", vector_subject, clips, chain(clips, first=7))
    with pytest.raises(RewardDataError, match=rf"older.sqlite, clip {clips[2].clip_id}: it lacks the observation that"):
        opened(older, needs_next_observations=True)
    assert not (tmp_path / "run.sqlite").exists()
    assert opened(older) == LOADED


def test_they_are_loaded_once_and_the_source_is_not_needed_again(opened, saved):
    opened(saved)
    saved.unlink()
    assert opened(saved) == LOADED


def test_a_store_without_them_has_none_loaded(opened):
    assert opened(None) == ([], 0)


def test_duplicates_are_loaded_once(opened, make_database, vector_subject, make_clips, chain):
    clips = make_clips(3)
    twice = [*chain(clips), *chain(clips, first=9)]
    assert opened(make_database("twice.sqlite", vector_subject, clips, twice)) == ([(0, "left"), (1, "right")], 2)


def test_the_runs_store_is_a_source_like_any_other(opened, saved, tmp_path):
    opened(saved)
    with DatabaseSource(tmp_path / "run.sqlite") as source:
        assert write_export(source, tmp_path / "exported").num_preferences == 5


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"env_id": "Other-v0"}, "another environment than this configuration: got Other-v0, expected rlhp/Vector-v0"),
        ({"clip_steps": 3}, "another clip length in steps than this configuration: got 3, expected 2"),
        ({"frame_skip": 3}, "another frame skip than this configuration: got 3, expected null"),
        ({"hides_score": False}, r"score \(hides_score\) than this configuration: got false, expected true"),
        ({"env_version": "rlhp_ray 9"}, "another environment version than this configuration: got rlhp_ray 9"),
        ({"observation_space": {"type": "Discrete", "n": 3, "start": 0}}, "another observation space than this"),
        ({"action_space": {"type": "Discrete", "n": 5, "start": 0}}, "another action space than this configuration"),
    ],
)
def test_preferences_about_something_else_are_refused(
    opened, tmp_path, make_database, vector_subject, make_clips, chain, change, expected
):
    clips = make_clips(3)
    other = make_database("other.sqlite", replace(vector_subject, **change), clips, chain(clips))
    with pytest.raises(PreferenceStoreError, match=expected):
        opened(other)
    assert [path.name for path in tmp_path.iterdir()] == ["other.sqlite"]


@pytest.mark.parametrize("answers", [(), (Answer.SKIP,)])
def test_a_source_without_a_label_is_refused(
    opened, tmp_path, make_database, vector_subject, make_clips, chain, answers
):
    clips = make_clips(3)
    empty = make_database("empty.sqlite", vector_subject, clips, chain(clips, answers=answers) if answers else [])
    with pytest.raises(PreferenceStoreError, match=r"empty.sqlite holds [02] preferences and not one label; expected"):
        opened(empty)
    assert [path.name for path in tmp_path.iterdir()] == ["empty.sqlite"]


def test_truncated_and_foreign_files_are_refused(opened, saved, tmp_path):
    whole = saved.read_bytes()
    for content in (whole[: len(whole) // 2], b"soup\n" * 1000, b""):
        saved.write_bytes(content)
        with pytest.raises(PreferenceStoreError, match=r"saved\.sqlite is (truncated|empty)"):
            opened(saved)
        assert [path.name for path in tmp_path.iterdir()] == ["saved.sqlite"]
    with pytest.raises(PreferenceStoreError, match="holds no preferences"):
        opened(tmp_path)


def test_a_clip_that_is_not_finite_is_refused(opened, tmp_path, make_database, vector_subject, make_clips, chain):
    clips = make_clips(3)
    clips[1].observations[0] = np.nan
    with pytest.raises(RewardDataError, match=f"clip {clips[1].clip_id}: .*NaN or infinity in its observations"):
        opened(make_database("nan.sqlite", vector_subject, clips, chain(clips)))
    assert [path.name for path in tmp_path.iterdir()] == ["nan.sqlite"]
