"""Clips in a few numbers: figures worked out by hand, and frames that stay small."""

import gymnasium as gym
import numpy as np
import pytest

from rlhp_ray.clips.clip import ClipArrays
from rlhp_ray.reward.clip_features import clip_features, coarse_frames
from rlhp_ray.reward.observation_scaling import ObservationScaling

BUTTONS = gym.spaces.Discrete(3)
SCREEN = gym.spaces.Box(0, 255, (84, 84, 4), np.uint8)


def test_vectors_are_scaled_at_four_moments_and_actions_averaged_in_four_parts():
    space = gym.spaces.Box(0.0, 10.0, (1,), np.float32)
    observations = np.arange(8, dtype=np.float32).reshape(1, 8, 1)
    actions = np.array([[0, 1, 1, 1, 2, 0, 2, 2]])
    seen, done = clip_features(ClipArrays(observations, actions), ObservationScaling.from_space(space), BUTTONS)
    np.testing.assert_allclose(seen, [[-1, -0.6, 0, 0.4]], atol=1e-6)  # 0, 2, 5 and 7, from [0, 10] to [-1, 1]
    np.testing.assert_allclose(done, [[0.5, 0.5, 0, 0, 1, 0, 0.5, 0, 0.5, 0, 0, 1]])


@pytest.mark.parametrize(("clip_steps", "moments"), [(2, 2), (3, 3), (4, 4), (25, 4)])
def test_short_clips_have_fewer_moments(clip_steps, moments):
    scaling = ObservationScaling.from_space(gym.spaces.Discrete(5))
    clips = ClipArrays(np.ones((6, clip_steps), int), np.ones((6, clip_steps), int))
    seen, done = clip_features(clips, scaling, BUTTONS)
    assert (seen.shape, done.shape) == ((6, moments * 5), (6, moments * 3))
    assert np.isfinite(seen).all() and np.isfinite(done).all()


def test_pixels_are_small_and_finite():
    frames = np.random.default_rng(0).integers(0, 256, (3, 28, 84, 84), dtype=np.uint8)
    clips = ClipArrays(frames, np.zeros((3, 25), int), frame_stack=4)
    seen, done = clip_features(clips, ObservationScaling.from_space(SCREEN), BUTTONS)
    assert (seen.shape, done.shape) == ((3, 196), (3, 12))
    assert np.isfinite(seen).all() and seen.dtype == np.float32
    newest = frames[1, 3 + 24].astype(float)  # the newest frame of the last step's stack
    assert seen[1, -1] == pytest.approx(newest[72:, 72:].mean(), rel=1e-5)


def test_a_cell_holds_the_mean_brightness_of_its_pixels():
    frame = np.zeros((1, 84, 84), np.uint8)
    frame[0, 12:24, 36:48] = 255  # the cell of row 1, column 3; the sum is beyond a byte
    expected = np.zeros((7, 7))
    expected[1, 3] = 255
    np.testing.assert_allclose(coarse_frames(frame), expected.reshape(1, 49))


def test_sides_that_are_no_multiple_of_the_grid_are_covered_whole():
    frames = np.random.default_rng(0).integers(0, 256, (2, 50, 61, 3), dtype=np.uint8)
    rows, columns = [0, 7, 14, 21, 28, 35, 42, 50], [0, 8, 17, 26, 34, 43, 52, 61]
    expected = [
        [frame[rows[i] : rows[i + 1], columns[j] : columns[j + 1]].mean() for i in range(7) for j in range(7)]
        for frame in frames.astype(float)
    ]
    np.testing.assert_allclose(coarse_frames(frames), expected, rtol=1e-5)


def test_a_dot_elsewhere_is_another_clip():
    frames = np.zeros((3, 28, 84, 84), np.uint8)
    for clip, (row, column) in enumerate(((10, 10), (11, 10), (70, 70))):
        frames[clip, :, row, column] = 255
    clips = ClipArrays(frames, np.zeros((3, 25), int), frame_stack=4)
    seen, _ = clip_features(clips, ObservationScaling.from_space(SCREEN), BUTTONS)
    near, far = (np.linalg.norm(seen[0] - seen[other]) for other in (1, 2))
    assert near < far
