"""The pool keeps the newest clips, in a bounded number."""

import numpy as np
import pytest

from rlhp_ray.clips.clip import Clip
from rlhp_ray.clips.clip_pool import ClipPool
from rlhp_ray.errors import RewardDataError


def make_clips(*numbers: int) -> list[Clip]:
    return [Clip(np.full((2, 1), n, np.float32), np.zeros(2, int), np.zeros(2, np.float32), n) for n in numbers]


def numbers_in(pool: ClipPool) -> list[int]:
    return [int(clip.observations[0, 0]) for clip in pool.get(pool.clip_ids)]


def test_the_oldest_are_dropped_and_counted():
    pool = ClipPool(3)
    pool.add(make_clips(0, 1))
    assert (numbers_in(pool), pool.dropped) == ([0, 1], 0)
    pool.add(make_clips(2, 3, 4))
    assert (numbers_in(pool), len(pool), pool.dropped) == ([2, 3, 4], 3, 2)


def test_a_clip_that_is_there_already_takes_no_place():
    pool = ClipPool(2)
    pool.add(make_clips(0, 1, 1, 0))
    assert (len(pool), pool.dropped) == (2, 0)


def test_clips_are_found_by_id_in_the_order_asked():
    pool, clips = ClipPool(5), make_clips(0, 1, 2)
    pool.add(clips)
    found = pool.get([clips[2].clip_id, clips[0].clip_id])
    assert [clip.clip_id for clip in found] == [clips[2].clip_id, clips[0].clip_id]


def test_nan_is_refused():
    with pytest.raises(RewardDataError, match="NaN"):
        ClipPool(5).add([Clip(np.full((2, 1), np.nan), np.zeros(2, int), np.zeros(2), 0)])


def test_a_sample_is_without_repetition_and_follows_the_generator():
    pool = ClipPool(20)
    pool.add(make_clips(*range(20)))

    def sampled(seed: int, num_clips: int) -> list[str]:
        return [clip.clip_id for clip in pool.sample(np.random.default_rng(seed), num_clips)]

    assert len(set(sampled(0, 8))) == 8
    assert sampled(0, 8) == sampled(0, 8) != sampled(1, 8)
    assert sampled(0, 99) == pool.clip_ids
    assert ClipPool(3).sample(np.random.default_rng(0), 4) == []


def test_a_dump_restores_contents_and_order():
    pool, restored = ClipPool(3), ClipPool(3)
    pool.add(make_clips(0, 1, 2, 3))
    restored.add(make_clips(9))
    restored.restore(pool.dump())
    assert restored.clip_ids == pool.clip_ids
    assert restored.dump() == pool.dump()
    assert restored.num_bytes == sum(len(packed) for packed in pool.dump()) > 0
    restored.add(make_clips(4))
    assert numbers_in(restored) == [2, 3, 4]


def test_a_dump_of_a_larger_pool_is_cut_to_the_newest():
    pool, smaller = ClipPool(5), ClipPool(2)
    pool.add(make_clips(0, 1, 2, 3, 4))
    smaller.restore(pool.dump())
    assert (numbers_in(smaller), smaller.dropped) == ([3, 4], 3)


def test_ages_follow_the_clips_and_survive_a_dump():
    pool, restored = ClipPool(3), ClipPool(3)
    pool.add(make_clips(10, 20, 30, 40))
    assert pool.ages.tolist() == [20, 30, 40]
    restored.add(make_clips(9))
    restored.restore(pool.dump())
    assert restored.ages.tolist() == [20, 30, 40]
    assert ClipPool(3).ages.shape == (0,)


def test_of_several_trials_each_dumps_and_restores_its_own_clips():
    pool = ClipPool(5)
    pool.add(make_clips(0, 1), "a")
    pool.add(make_clips(2), "b")
    dumped = pool.dump("a")
    pool.add(make_clips(3), "a")
    assert pool.recorded_by("a") == [clip.clip_id for clip in make_clips(0, 1, 3)]
    assert pool.newest_by("a") == [clip.clip_id for clip in make_clips(3)]
    pool.restore(dumped, "a")
    assert numbers_in(pool) == [2, 0, 1]
    pool.add(make_clips(4, 5, 6), "b")
    assert (numbers_in(pool), pool.dropped) == ([0, 1, 4, 5, 6], 1)
    assert pool.newest_by("c") == []
