"""Clips: their ids, their bytes, and what is refused."""

import zlib
from dataclasses import fields, replace

import numpy as np
import pytest
from safetensors.numpy import load, save

from rlhp_ray.clips.clip import Clip, ClipArrays
from rlhp_ray.errors import RewardDataError


def make_clip(**changes) -> Clip:
    rng = np.random.default_rng(0)
    clip = Clip(
        observations=rng.normal(size=(5, 3)).astype(np.float32),
        actions=rng.integers(0, 4, 5),
        teacher_rewards=np.array([1, -1, 0, 0.5, 2], np.float32),
        env_steps=1234,
    )
    return replace(clip, **changes)


def make_stacked_clip() -> Clip:
    frames = np.random.default_rng(1).integers(0, 256, (3 + 5, 6, 7), dtype=np.uint8)
    return make_clip(observations=frames, frame_stack=4)


def changed(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.flat[-1] += 1
    return array


def repacked(clip: Clip, **tensors) -> bytes:
    """The bytes of a clip with some tensors replaced (None removes one)."""
    stored = {**load(zlib.decompress(clip.to_bytes())), **tensors}
    return zlib.compress(save({name: tensor for name, tensor in stored.items() if tensor is not None}))


def test_the_id_is_the_same_in_every_run():
    clip = Clip(np.arange(6, dtype=np.float32).reshape(3, 2), np.arange(3), np.ones(3, np.float32), env_steps=0)
    assert clip.clip_id == "5c17d7ac9598f41e39ec8c94"


def test_the_id_is_that_of_what_is_shown_not_of_memory_layout_or_age():
    clip = make_clip()
    strided = np.repeat(clip.observations, 2, axis=0)[::2]
    assert not strided.flags.c_contiguous
    assert replace(clip, observations=strided, env_steps=99).clip_id == clip.clip_id


@pytest.mark.parametrize("name", ["observations", "actions", "teacher_rewards"])
def test_the_id_changes_with_any_entry(name):
    clip = make_clip()
    assert replace(clip, **{name: changed(getattr(clip, name))}).clip_id != clip.clip_id


def test_what_comes_after_the_clip_is_no_part_of_its_id():
    assert make_clip(next_observation=np.ones(3)).clip_id == make_clip().clip_id


@pytest.mark.parametrize(
    "following", [np.array([1, 2, 3], np.float32), np.array(7), np.float64(7), np.arange(6).reshape(2, 3).T], ids=str
)
def test_what_comes_after_the_clip_survives_its_bytes(following):
    clip = make_clip(next_observation=following)
    for _ in range(2):
        clip = Clip.from_bytes(clip.to_bytes())
        assert (clip.next_observation.dtype, clip.next_observation.shape) == (following.dtype, following.shape)
        np.testing.assert_array_equal(clip.next_observation, following)


def test_clips_without_what_comes_after_have_the_bytes_that_they_always_had():
    stored = load(zlib.decompress(make_clip().to_bytes()))
    assert stored.keys() == {"observations", "actions", "teacher_rewards", "header"}
    assert Clip.from_bytes(make_clip().to_bytes()).next_observation is None


@pytest.mark.parametrize("clip", [make_clip(), make_stacked_clip()], ids=["plain", "stacked"])
def test_bytes_round_trip(clip):
    loaded = Clip.from_bytes(clip.to_bytes())
    for name in ("observations", "actions", "teacher_rewards"):
        before, after = getattr(clip, name), getattr(loaded, name)
        assert after.dtype == before.dtype
        np.testing.assert_array_equal(after, before)
    assert (loaded.env_steps, loaded.frame_stack) == (clip.env_steps, clip.frame_stack)
    assert (loaded.clip_id, len(loaded)) == (clip.clip_id, 5)


def test_bytes_of_a_non_contiguous_clip_round_trip():
    clip = make_clip(observations=np.random.default_rng(0).normal(size=(3, 5)).T)
    np.testing.assert_array_equal(Clip.from_bytes(clip.to_bytes()).observations, clip.observations)


def damaged_bytes() -> dict[str, bytes]:
    packed = make_clip().to_bytes()
    flipped = bytearray(packed)
    flipped[len(packed) // 2] ^= 0xFF
    return {
        "empty": b"",
        "not compressed": b"no clip at all",
        "truncated": packed[:-3],
        "flipped": bytes(flipped),
        "no safetensors inside": zlib.compress(b"no safetensors"),
        "truncated inside": zlib.compress(zlib.decompress(packed)[:-4]),
        "without a header": repacked(make_clip(), header=None),
        "with a short header": repacked(make_clip(), header=np.array([1])),
        "without actions": repacked(make_clip(), actions=None),
        "with something foreign": repacked(make_clip(), foreign=np.zeros(1)),
    }


@pytest.mark.parametrize("packed", damaged_bytes().values(), ids=damaged_bytes())
def test_damaged_bytes_are_refused(packed):
    with pytest.raises(RewardDataError, match="a stored clip cannot be read"):
        Clip.from_bytes(packed)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["observations", "actions", "teacher_rewards", "next_observation"])
def test_numbers_that_are_not_finite_are_found(name, bad):
    clip = make_clip(actions=np.zeros((5, 2), np.float32), next_observation=np.zeros(4))
    clip.check_finite()
    getattr(clip, name).flat[3] = bad
    with pytest.raises(RewardDataError, match=f"env step 1234 holds NaN or infinity in its {name}"):
        clip.check_finite()


def test_bytes_and_integers_are_always_finite():
    make_stacked_clip().check_finite()


def test_clip_arrays_join_clips_in_order_and_hold_no_reward():
    first, second = make_clip(), make_clip(actions=np.arange(5))
    arrays = ClipArrays.from_clips([first, second])
    assert len(arrays) == 2 and arrays.observations.shape == (2, 5, 3)
    np.testing.assert_array_equal(arrays.actions, [first.actions, second.actions])
    names = {"observations", "actions", "frame_stack", "next_observation"}
    assert {field.name for field in fields(ClipArrays)} == names


def test_clip_arrays_of_stacks_hold_single_frames():
    clip = make_stacked_clip()
    arrays = ClipArrays.from_clips([clip, clip])
    assert arrays.observations.shape == (2, 8, 6, 7) and arrays.frame_stack == 4
    part = arrays[1:]
    np.testing.assert_array_equal(part.observations[0], clip.observations)
    assert part.frame_stack == 4 and len(part) == 1


def test_what_every_action_led_to_is_the_next_steps_observation_and_at_last_that_after_the_clip():
    clips = [make_clip(next_observation=np.full(3, number, np.float32)) for number in (7, 8)]
    whole = ClipArrays.from_clips(clips)
    assert whole.next_observations.shape == whole.observations.shape
    np.testing.assert_array_equal(whole.next_observations[:, :-1], whole.observations[:, 1:])
    np.testing.assert_array_equal(whole.next_observations[:, -1], [[7] * 3, [8] * 3])
    np.testing.assert_array_equal(whole[1:].next_observations, whole.next_observations[1:])


def test_a_single_clip_that_lacks_it_leaves_all_without():
    whole, lacking = make_clip(next_observation=np.ones(3)), make_clip()
    assert ClipArrays.from_clips([whole, lacking]).next_observations is None


def test_clips_of_different_lengths_cannot_be_joined():
    short = Clip(np.zeros((2, 3), np.float32), np.zeros(2, int), np.zeros(2, np.float32), 0)
    with pytest.raises(RewardDataError, match=r"lengths \[2, 5\]"):
        ClipArrays.from_clips([make_clip(), short])
