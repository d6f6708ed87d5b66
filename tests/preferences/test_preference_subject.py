"""What preferences are about survives the database, and is that which runs have stored so far."""

from dataclasses import replace
from pathlib import Path

import pytest

from rlhp_ray.preferences.preference_subject import PreferenceSubject


@pytest.mark.parametrize("version", ["gymnasium 1.2.2", None])
def test_round_trip(pixel_subject, version):
    subject = replace(pixel_subject, env_version=version)
    assert PreferenceSubject.from_metadata(subject.to_metadata(), Path("x")) == subject


def test_the_texts_are_those_of_earlier_databases(vector_subject):
    subject = replace(vector_subject, env_version=None)
    assert subject.to_metadata() == {
        "env_id": "rlhp/Vector-v0",
        "clip_steps": "2",
        "observation_space": "{'type': 'Box', 'shape': [3], 'dtype': 'float32', 'low': '-inf', 'high': 'inf'}",
        "action_space": "{'type': 'Discrete', 'n': 4, 'start': 0}",
    }


def test_shapes_of_a_clip(vector_subject, pixel_subject):
    assert vector_subject.frame_shapes(None) == {"observations": (2, 3), "actions": (2,), "teacher_rewards": (2,)}
    assert pixel_subject.frame_shapes(4) == {"observations": (8, 8, 6), "actions": (5, 2), "teacher_rewards": (5,)}
    assert pixel_subject.frame_shapes(None)["observations"] == (5, 8, 6, 4)
