"""The clips a run is watched by: new ones that no label is about, and the same old ones."""

import numpy as np
import pytest

from rlhp_ray.clips.clip import Clip
from rlhp_ray.clips.clip_pool import ClipPool
from rlhp_ray.clips.fresh_clips import FRESH_CLIPS, REFERENCE_CLIPS, FreshClips


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def clips(count: int, env_steps: int) -> list[Clip]:
    return [
        Clip(np.full((3, 2), float(index)), np.zeros(3, int), np.full(3, float(env_steps)), env_steps)
        for index in range(count)
    ]


def ids(sample: list[Clip]) -> list[str]:
    return [clip.clip_id for clip in sample]


@pytest.fixture
def pool() -> ClipPool:
    """100 clips of an older policy, 90 of the newest."""
    made = ClipPool(1000)
    made.add([*clips(100, env_steps=0), *clips(90, env_steps=500)])
    return made


def test_clips_are_of_the_newest_policy_each_once_and_bounded(pool):
    fresh, reference = FreshClips().sample(pool, rng(), set())
    assert (len(fresh), len(reference)) == (FRESH_CLIPS, REFERENCE_CLIPS)
    for sample in (fresh, reference):
        assert {clip.env_steps for clip in sample} == {500}
        assert len(set(ids(sample))) == len(sample)


def test_what_was_asked_about_is_not_fresh_and_may_be_reference(pool):
    asked = set(pool.clip_ids[100:180])
    fresh, reference = FreshClips().sample(pool, rng(), asked)
    assert len(fresh) == 10 and not asked & set(ids(fresh))
    assert len(reference) == REFERENCE_CLIPS
    none, reference = FreshClips().sample(pool, rng(), set(pool.clip_ids))
    assert none == [] and len(reference) == REFERENCE_CLIPS


def test_the_reference_stays_when_the_pool_has_moved_on(pool):
    watched = FreshClips()
    _, first = watched.sample(pool, rng(), set())
    later = ClipPool(1000)
    later.add(clips(50, env_steps=900))
    fresh, again = watched.sample(later, np.random.default_rng(1), set())
    assert ids(again) == ids(first)
    assert {clip.env_steps for clip in fresh} == {900}


def test_the_same_draws_give_the_same_clips_and_others_do_not(pool):
    first, same, other = (ids(FreshClips().sample(pool, np.random.default_rng(seed), set())[0]) for seed in (0, 0, 1))
    assert first == same != other


def test_an_empty_pool_has_none_and_the_first_clips_to_come_are_the_reference(pool):
    watched = FreshClips()
    assert watched.sample(ClipPool(10), rng(), set()) == ([], [])
    assert watched.dump() == []
    assert len(watched.sample(pool, rng(), set())[1]) == REFERENCE_CLIPS


def test_a_restored_reference_is_the_one_that_was_dumped(pool):
    watched, resumed = FreshClips(), FreshClips()
    _, expected = watched.sample(pool, rng(), set())
    resumed.restore(watched.dump())
    pool.add(clips(10, env_steps=900))
    found = resumed.sample(pool, np.random.default_rng(5), set())[1]
    assert ids(found) == ids(expected)
    np.testing.assert_array_equal(found[0].observations, expected[0].observations)


def test_a_trial_is_watched_by_its_own_clips_however_old_those_of_others_are(pool):
    own = [Clip(np.full((3, 2), 900.0 + index), np.zeros(3, int), np.zeros(3), 20) for index in range(9)]
    pool.add(own, "late")
    fresh, reference = FreshClips().sample(pool, rng(), set(), "late")
    assert set(ids(fresh)) == set(ids(reference)) == set(ids(own))
