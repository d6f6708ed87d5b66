"""Labels are read with the clips that they need, and no more."""

from dataclasses import replace

import pytest

from rlhp_ray.errors import PreferenceStoreError
from rlhp_ray.preferences.preference_reading import read_labels


@pytest.fixture
def saved(make_database, vector_subject, make_clips, chain):
    """Queries 7 to 11 on clips 0 to 5: left, right, equal, skip, left."""
    clips = make_clips(6)
    return make_database("saved.sqlite", vector_subject, clips, chain(clips, first=7))


@pytest.mark.parametrize(
    ("newest", "indices", "clips"), [(9, [0, 1, 2, 4], range(6)), (2, [2, 4], range(2, 6)), (1, [4], [4, 5])]
)
def test_the_newest_labels_come_with_their_clips(saved, vector_subject, make_clips, newest, indices, clips):
    labels, found = read_labels(saved, vector_subject, newest)
    assert [label.query_index for label in labels] == indices
    made = make_clips(6)
    assert found.keys() == {made[number].clip_id for number in clips}
    assert all(found[clip_id].clip_id == clip_id for clip_id in found)


def test_labels_about_something_else_are_refused(saved, vector_subject):
    with pytest.raises(PreferenceStoreError, match="got rlhp/Vector-v0, expected Mine-v0"):
        read_labels(saved, replace(vector_subject, env_id="Mine-v0"), 9)
