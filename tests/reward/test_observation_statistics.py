"""What networks are shown, against NumPy; and how far what two are shown lies apart."""

import math
from functools import reduce

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlhp_ray.clips.clip import ClipArrays
from rlhp_ray.reward.ensemble import RewardEnsemble
from rlhp_ray.reward.observation_statistics import (
    EVERY_CALL,
    MAX_ROWS_PER_CALL,
    InputObserver,
    Moments,
    observation_gap,
)


def moments(mean, std, count: int = 100) -> Moments:
    return Moments(count, np.array(mean, float), count * np.square(np.array(std, float)))


@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("sizes", [(5, 3), (1, 1, 1), (1, 400, 2, 90)])
def test_moments_of_parts_are_those_of_the_whole(sizes, offset):
    """An offset a million times the spread would leave nothing of the variance in a plain sum of squares."""
    rng = np.random.default_rng(0)
    parts = [rng.normal(offset + index, 1 + index, (size, 4)) for index, size in enumerate(sizes)]
    merged, whole = reduce(Moments.merged, map(Moments.of, parts)), np.concatenate(parts)
    assert merged.count == len(whole)
    np.testing.assert_allclose(merged.mean, whole.mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(merged.std, whole.std(axis=0), rtol=1e-10)


def test_single_precision_is_no_loss():
    rows = np.random.default_rng(0).normal(1e4, 1, (10_000, 1)).astype(np.float32)
    assert Moments.of(rows).std[0] == pytest.approx(rows.astype(np.float64).std(), rel=1e-10)


def test_what_saw_nothing_adds_nothing():
    seen = moments([1.0], [2.0])
    assert Moments.together(seen, None) is seen is Moments.together(None, seen)
    assert Moments.together(None, None) is None
    assert Moments.together(seen, seen).count == 200


def test_equal_observations_have_no_gap():
    seen = moments([0.3, -4.0], [1.0, 0.0])
    assert observation_gap(seen, seen).distance == 0


def test_limits_are_half_a_deviation_and_a_factor_of_two_in_variance():
    for other in (moments([0.0, 1.0], [1.0, 2.0]), moments([0.0, 0.0], [1.0, 2 * math.sqrt(2)])):
        gap = observation_gap(moments([0.0, 0.0], [1.0, 2.0]), other)
        assert gap.distance == pytest.approx(1) and gap.entry == 1
    assert observation_gap(moments([0.0], [2 * math.sqrt(2)]), moments([0.0], [2.0])).distance == pytest.approx(1)


def test_the_worst_entry_is_named_with_both_sides():
    gap = observation_gap(moments([0.0, 5.0, 1.0], [1.0, 2.0, 1.0]), moments([0.1, -5.0, 1.0], [1.0, 2.0, 1.5]))
    assert (gap.entry, gap.policy, gap.predictor) == (1, (5.0, pytest.approx(2)), (-5.0, pytest.approx(2)))
    assert gap.distance == pytest.approx(10)


def test_entries_that_hardly_vary_are_not_blown_up():
    """A spread of a thousandth against one of a millionth would be a variance ratio of a million."""
    gap = observation_gap(moments([0.0, 0.001], [1e-3, 1e-6]), moments([0.0, 0.0], [1e-6, 1e-3]))
    assert gap.distance < 0.1
    assert observation_gap(moments([1.0], [0.0]), moments([0.0], [0.0])).distance > 10, "but constants can differ"


def test_what_cannot_be_compared_has_no_gap():
    seen = moments([0.0, 0.0], [1.0, 1.0])
    assert observation_gap(None, seen) is observation_gap(seen, None) is None
    assert observation_gap(seen, moments([0.0], [1.0])) is None


def test_an_observer_sees_evenly_spread_calls():
    observer = InputObserver(dimensions=1)
    for call in range(3 * EVERY_CALL + 1):
        observer.observe(torch.full((2, 3), float(call)))
    seen, expected = observer.take(), np.repeat(np.arange(4) * EVERY_CALL, 2)
    assert seen.count == 8
    np.testing.assert_allclose(seen.mean, [expected.mean()] * 3)
    np.testing.assert_allclose(seen.std, [expected.std()] * 3)


def test_what_was_taken_is_gone_and_counting_starts_again():
    observer = InputObserver(dimensions=1)
    observer.observe(torch.ones(2, 3))
    assert observer.take().count == 2
    assert observer.take() is None
    observer.observe(torch.zeros(2, 3))
    np.testing.assert_array_equal(observer.take().mean, 0)


def test_a_large_call_is_thinned_evenly():
    observer = InputObserver(dimensions=1, every=1)
    rows = torch.arange(10 * MAX_ROWS_PER_CALL, dtype=torch.float32)[:, None]
    observer.observe(rows)
    seen = observer.take()
    assert seen.count == MAX_ROWS_PER_CALL
    assert seen.mean[0] == pytest.approx(rows.mean().item(), rel=0.01)


def test_every_clip_of_a_large_call_is_seen():
    observer = InputObserver(dimensions=1, every=1)
    observer.observe(torch.arange(64.0)[:, None, None].repeat(1, 25, 2))
    seen = observer.take()
    assert seen.count <= 7 * 64 and seen.mean[0] == 31.5


def test_a_call_without_rows_is_nothing():
    observer = InputObserver(dimensions=1)
    observer.observe(torch.zeros(0, 3))
    assert observer.take() is None


def test_an_image_is_the_brightness_of_its_newest_frame_in_a_grid():
    frames = np.random.default_rng(0).integers(0, 256, (5, 14, 21, 4), np.uint8)
    observer = InputObserver(dimensions=3, every=1)
    observer.observe(torch.from_numpy(frames))
    cells = frames[..., -1].reshape(5, 7, 2, 7, 3).mean(axis=(2, 4)).reshape(5, 49) / 255
    seen = observer.take()
    np.testing.assert_allclose(seen.mean, cells.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(seen.std, cells.std(axis=0), rtol=1e-4)


def test_stacks_and_the_single_frames_of_their_clip_can_be_compared():
    """The policy is shown stacks one by one, the predictor is fitted to the frames of clips."""
    frames = np.random.default_rng(0).integers(0, 256, (1, 3 + 50, 14, 14), np.uint8)
    policy, predictor = InputObserver(dimensions=3, every=1), InputObserver(dimensions=2, every=1)
    stacks = torch.from_numpy(frames).unfold(1, 4, 1)[0]
    for stack in stacks:
        policy.observe(stack[None])
    predictor.observe(torch.from_numpy(frames[:, 3:]))
    assert stacks.shape == (50, 14, 14, 4)
    assert observation_gap(policy.take(), predictor.take()).distance < 1e-9


def test_an_ensemble_shows_what_enters_its_networks_step_by_step(make_spec):
    """After scaling; what they are given of clips is not what the policy is paid for."""
    box = gym.spaces.Box(0.0, 10.0, (3,), np.float32)
    ensemble = RewardEnsemble(make_spec(box))
    rng = np.random.default_rng(0)
    clips = ClipArrays(rng.uniform(0, 10, (4, 5, 3)).astype(np.float32), rng.integers(0, 2, (4, 5)))
    unwatched = ensemble.rewards(clips.observations[0], clips.actions[0])
    ensemble.observer = InputObserver(dimensions=1, every=1)
    ensemble.member_rewards_of_clips(clips)
    assert ensemble.observer.take() is None
    np.testing.assert_array_equal(ensemble.rewards(clips.observations[0], clips.actions[0]), unwatched)
    seen = ensemble.observer.take()
    assert seen.count == 5
    np.testing.assert_allclose(seen.mean, (clips.observations[0] / 5 - 1).mean(axis=0), atol=1e-6)
