"""Several sources become one database, with duplicates stored once; what does not fit is refused."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from rlhp_ray.errors import ConfigError, PreferenceStoreError, RewardDataError
from rlhp_ray.preferences.preference import Answer, Preference
from rlhp_ray.preferences.preference_copying import import_preferences, merge_preferences
from rlhp_ray.preferences.preference_export import write_export
from rlhp_ray.preferences.preference_source import DatabaseSource
from rlhp_ray.preferences.preference_store import PreferenceStore


@pytest.fixture
def one(make_database, vector_subject, make_clips, chain):
    """Queries 0 to 4 on clips 0 to 5."""
    clips = make_clips(10)[:6]
    return make_database("one.sqlite", vector_subject, clips, chain(clips))


@pytest.fixture
def two(make_database, vector_subject, make_clips, chain):
    """Queries 7 to 13 on clips 2 to 9, of which `one` knows three pairs."""
    clips = make_clips(10)[2:]
    answers = (Answer.EQUAL, Answer.LEFT, Answer.LEFT, Answer.RIGHT)
    return make_database("two.sqlite", vector_subject, clips, chain(clips, first=7, answers=answers))


def stored(path, subject):
    with closing(PreferenceStore(path, subject.to_metadata())) as store:
        return store.preferences()


def refusal(tmp_path, paths, error=PreferenceStoreError):
    """The message with which a merge is refused; nothing is left of it, and the sources are as they were."""
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    with pytest.raises(error) as caught:
        merge_preferences(tmp_path / "merged.sqlite", paths)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before
    return str(caught.value)


def test_duplicates_are_stored_once_and_queries_are_numbered_anew(one, two, tmp_path, vector_subject, make_clips):
    before = one.read_bytes(), two.read_bytes()
    report = merge_preferences(tmp_path / "merged.sqlite", [one, two])
    # (2, 3) equal and (4, 5) left are in both; (3, 4) is skip in the first, left in the second.
    assert (report.preferences, report.duplicates, report.clips) == (10, 2, 10)
    merged = stored(tmp_path / "merged.sqlite", vector_subject)
    number = {clip.clip_id: index for index, clip in enumerate(make_clips(10))}
    assert [(p.query_index, number[p.left_id], number[p.right_id], p.answer.value) for p in merged] == [
        (0, 0, 1, "left"),
        (1, 1, 2, "right"),
        (2, 2, 3, "equal"),
        (3, 3, 4, "skip"),
        (4, 4, 5, "left"),
        (5, 3, 4, "left"),
        (6, 5, 6, "right"),
        (7, 6, 7, "equal"),
        (8, 7, 8, "left"),
        (9, 8, 9, "left"),
    ]
    assert (one.read_bytes(), two.read_bytes()) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["merged.sqlite", "one.sqlite", "two.sqlite"]


def test_merging_a_source_with_itself_changes_nothing(one, tmp_path, rows_of):
    report = merge_preferences(tmp_path / "merged.sqlite", [one, one])
    assert (report.preferences, report.duplicates) == (5, 5)
    assert rows_of(tmp_path / "merged.sqlite") == rows_of(one)


def test_an_export_and_its_database_merge_like_two_databases(one, two, tmp_path, rows_of):
    with DatabaseSource(two) as source:
        write_export(source, tmp_path / "exported")
    merge_preferences(tmp_path / "databases.sqlite", [one, two])
    merge_preferences(tmp_path / "mixed.sqlite", [one, tmp_path / "exported"])
    assert rows_of(tmp_path / "mixed.sqlite") == rows_of(tmp_path / "databases.sqlite")


def test_the_same_said_of_a_pair_shown_the_other_way_round_is_a_duplicate(
    make_database, vector_subject, make_clips, tmp_path
):
    left, right = make_clips(2)
    base = Preference(0, left.clip_id, right.clip_id, Answer.LEFT, "oracle", 0)
    turned = replace(base, left_id=right.clip_id, right_id=left.clip_id)
    others = [
        replace(base, query_index=1, source="anna"),
        replace(turned, query_index=2, answer=Answer.RIGHT),
        replace(base, query_index=3, env_steps=70),
        replace(turned, query_index=4, answer=Answer.LEFT),
    ]
    first = make_database("first.sqlite", vector_subject, [left, right], [base])
    second = make_database("second.sqlite", vector_subject, [left, right], others)
    report = merge_preferences(tmp_path / "merged.sqlite", [first, second])
    assert (report.preferences, report.duplicates) == (3, 2)
    merged = stored(tmp_path / "merged.sqlite", vector_subject)
    assert [(p.source, p.left_id, p.answer) for p in merged] == [
        ("oracle", left.clip_id, Answer.LEFT),
        ("anna", left.clip_id, Answer.LEFT),
        ("oracle", right.clip_id, Answer.LEFT),  # another answer to the same pair
    ]


OTHER_BOX = {"type": "Box", "shape": [4], "dtype": "float32", "low": "-inf", "high": "inf"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"env_id": "Pendulum-v1"}, "another environment than"),
        ({"clip_steps": 3}, "another clip length in steps than"),
        ({"observation_space": OTHER_BOX}, "another observation space than"),
        ({"action_space": {"type": "Discrete", "n": 5, "start": 0}}, "another action space than"),
        ({"env_version": "rlhp_ray 0.2.0"}, "another environment version than"),
    ],
    ids=str,
)
def test_a_source_about_something_else_is_refused(one, make_database, vector_subject, tmp_path, change, expected):
    other = make_database("other.sqlite", replace(vector_subject, **change), [], [])
    message = refusal(tmp_path, [one, other])
    name, value = next(iter(change.items()))
    assert expected in message
    assert f"got {value}, expected {getattr(vector_subject, name)}" in message
    assert str(one) in message and str(other) in message


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"frame_skip": 8}, "another frame skip than {one}: got 8, expected null. What was seen differently"),
        ({"hides_score": False}, "another handling of the score (hides_score) than {one}: got false, expected true."),
    ],
    ids=str,
)
def test_a_source_that_was_seen_in_another_way_is_refused(
    one, make_database, vector_subject, tmp_path, change, expected
):
    other = make_database("other.sqlite", replace(vector_subject, **change), [], [])
    message = refusal(tmp_path, [one, other])
    assert f"{other} has {expected.format(one=one)}" in message


def test_how_it_was_seen_is_carried_through_and_can_be_corrected_in_an_export(
    one, two, vector_subject, tmp_path, rows_of
):
    """What the message of the refusal says, for databases that were stored before it was recorded."""
    with closing(sqlite3.connect(two)) as connection, connection:
        connection.execute("DELETE FROM metadata WHERE key IN ('frame_skip', 'hides_score')")
    with DatabaseSource(two) as source:
        assert (source.subject.frame_skip, source.subject.hides_score) == (None, True)
        write_export(source, tmp_path / "exported")
    assert merge_preferences(tmp_path / "alike.sqlite", [one, two]).preferences == 10
    header = tmp_path / "exported" / "header.json"
    fields = json.loads(header.read_text())
    assert (fields["frame_skip"], fields["hides_score"]) == (None, True)
    header.write_text(json.dumps({**fields, "frame_skip": 8, "hides_score": False}))
    import_preferences(tmp_path / "exported", tmp_path / "imported.sqlite")
    with DatabaseSource(tmp_path / "imported.sqlite") as source:
        assert source.subject == replace(vector_subject, frame_skip=8, hides_score=False)
    merge_preferences(tmp_path / "merged.sqlite", [tmp_path / "imported.sqlite", tmp_path / "exported"])
    assert rows_of(tmp_path / "merged.sqlite")["metadata"] == rows_of(tmp_path / "imported.sqlite")["metadata"]


def test_a_version_that_is_not_known_fits_and_the_known_one_is_kept(one, make_database, vector_subject, tmp_path):
    unknown = make_database("unknown.sqlite", replace(vector_subject, env_version=None), [], [])
    newer = make_database("newer.sqlite", replace(vector_subject, env_version="rlhp_ray 0.2.0"), [], [])
    merge_preferences(tmp_path / "merged.sqlite", [unknown, one])
    with DatabaseSource(tmp_path / "merged.sqlite") as source:
        assert source.subject == vector_subject
    message = refusal(tmp_path, [unknown, one, newer])
    assert f"{newer} has another environment version than {one}: got rlhp_ray 0.2.0" in message


def test_a_version_can_be_declared_to_fit_in_an_export(one, make_database, vector_subject, tmp_path):
    """What the message of the refusal says."""
    newer = make_database("newer.sqlite", replace(vector_subject, env_version="rlhp_ray 0.2.0"), [], [])
    with DatabaseSource(newer) as source:
        write_export(source, tmp_path / "exported")
    header = tmp_path / "exported" / "header.json"
    header.write_text(json.dumps({**json.loads(header.read_text()), "env_version": None}))
    assert merge_preferences(tmp_path / "merged.sqlite", [one, tmp_path / "exported"]).preferences == 5


def test_clips_of_another_kind_of_numbers_are_refused(one, make_database, vector_subject, make_clips, chain, tmp_path):
    clips = [replace(clip, observations=clip.observations.astype(np.float64)) for clip in make_clips(2, seed=5)]
    other = make_database("other.sqlite", vector_subject, clips, chain(clips))
    message = refusal(tmp_path, [one, other], RewardDataError)
    assert "float64" in message and "float32" in message and f"as in the first clip of {one}" in message


def test_clips_with_and_without_next_observations_are_put_together(
    one, make_database, vector_subject, make_clips, chain, tmp_path
):
    clips = [replace(clip, next_observation=None) for clip in make_clips(2, seed=5)]
    older = make_database("older.sqlite", vector_subject, clips, chain(clips))
    merge_preferences(tmp_path / "merged.sqlite", [one, older])
    with DatabaseSource(tmp_path / "merged.sqlite") as source, DatabaseSource(one) as first:
        known = {clip_id: clip.next_observation is not None for clip_id, clip in source.clips()}
        assert known == dict.fromkeys(dict(first.clips()), True) | dict.fromkeys([c.clip_id for c in clips], False)


def test_clips_of_another_length_are_refused_and_named(one, make_database, vector_subject, make_clips, chain, tmp_path):
    clips = make_clips(2, steps=3)
    other = make_database("other.sqlite", vector_subject, clips, chain(clips))
    message = refusal(tmp_path, [one, other], RewardDataError)
    assert f"{other}, clip {min(clip.clip_id for clip in clips)}: it has 3 steps; expected 2" in message


def test_a_clip_that_is_not_finite_is_named_with_its_source(
    one, make_database, vector_subject, make_clips, chain, tmp_path
):
    clips = make_clips(2, seed=5)
    clips[1].teacher_rewards[0] = np.inf
    other = make_database("other.sqlite", vector_subject, clips, chain(clips))
    message = refusal(tmp_path, [one, other], RewardDataError)
    assert f"{other}, clip {clips[1].clip_id}" in message and "in its teacher_rewards" in message


def test_a_damaged_source_is_refused(one, two, tmp_path):
    two.write_bytes(two.read_bytes()[:5000])
    assert "two.sqlite is truncated, damaged" in refusal(tmp_path, [one, two])


def test_nothing_is_overwritten(one, two, tmp_path):
    before = one.read_bytes()
    with pytest.raises(ConfigError, match="exists and nothing is overwritten"):
        merge_preferences(one, [one, two])
    with DatabaseSource(two) as source:
        write_export(source, tmp_path / "exported")
    with pytest.raises(ConfigError, match="exists and nothing is overwritten"):
        import_preferences(tmp_path / "exported", one)
    assert one.read_bytes() == before
