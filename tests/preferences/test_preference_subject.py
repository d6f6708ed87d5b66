"""What preferences are about survives the database, and is that which runs have stored so far."""

from dataclasses import replace
from pathlib import Path

import pytest

from rlhp_ray.errors import PreferenceStoreError
from rlhp_ray.preferences.preference_subject import PreferenceSubject


@pytest.mark.parametrize("sight", [{}, {"frame_skip": 8, "hides_score": False}])
@pytest.mark.parametrize("version", ["gymnasium 1.2.2", None])
def test_round_trip(pixel_subject, version, sight):
    subject = replace(pixel_subject, env_version=version, **sight)
    assert PreferenceSubject.from_metadata(subject.to_metadata(), Path("x")) == subject


def test_the_texts_are_those_of_earlier_databases_and_tell_how_it_was_seen(vector_subject):
    subject = replace(vector_subject, env_version=None)
    texts = subject.to_metadata()
    assert (texts.pop("frame_skip"), texts.pop("hides_score")) == ("None", "True")
    assert PreferenceSubject.from_metadata(texts, Path("x")) == subject
    assert texts == {
        "env_id": "rlhp/Vector-v0",
        "clip_steps": "2",
        "observation_space": "{'type': 'Box', 'shape': [3], 'dtype': 'float32', 'low': '-inf', 'high': 'inf'}",
        "action_space": "{'type': 'Discrete', 'n': 4, 'start': 0}",
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"frame_skip": "0"}, "'0' as its frame_skip"),
        ({"frame_skip": "True"}, "'True' as its frame_skip"),
        ({"frame_skip": "four"}, "does not say what its preferences are about"),
        ({"hides_score": "1"}, "'1' as its hides_score"),
        ({"hides_score": "None"}, "'None' as its hides_score"),
    ],
    ids=str,
)
def test_a_sight_that_makes_no_sense_is_refused(vector_subject, changes, expected):
    with pytest.raises(PreferenceStoreError, match=f"stored.sqlite (has )?{expected}"):
        PreferenceSubject.from_metadata(vector_subject.to_metadata() | changes, Path("stored.sqlite"))


def test_shapes_of_a_clip(vector_subject, pixel_subject):
    assert vector_subject.frame_shapes(None) == {"observations": (2, 3), "actions": (2,), "teacher_rewards": (2,)}
    assert pixel_subject.frame_shapes(4) == {"observations": (8, 8, 6), "actions": (5, 2), "teacher_rewards": (5,)}
    assert pixel_subject.frame_shapes(None)["observations"] == (5, 8, 6, 4)
