"""Sizes, contents and robustness of the composed picture."""

import numpy as np
import pytest

from rlhp_ray.replay.episode import Episode
from rlhp_ray.replay.frame_spool import FrameSpool, as_rgb
from rlhp_ray.replay.overlay import CAPTION_HEIGHT, PLOT_HEIGHT, Layout, draw_episode


def episode_of(frames: list[np.ndarray], true: list[float], predicted: list[float] | None) -> Episode:
    spool = FrameSpool()
    for frame in frames:
        spool.append(frame)
    return Episode(spool, np.array(true), None if predicted is None else np.array(predicted), True)


@pytest.mark.parametrize(
    ("height", "width", "scale"), [(84, 84, 4), (210, 160, 2), (400, 600, 1), (33, 51, 10), (5, 1919, 1)]
)
def test_small_frames_are_enlarged_and_sizes_are_even(height: int, width: int, scale: int) -> None:
    layout = Layout(height, width)
    assert layout.scale == scale
    assert layout.width % 2 == 0 and layout.height % 2 == 0 and layout.width >= width * scale


def test_frame_stands_above_unchanged_and_centred() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (84, 84, 3), dtype=np.uint8)
    layout = Layout(84, 84)
    (picture,) = draw_episode(layout, episode_of([frame], [], None), "episode 1/1")
    assert picture.shape == (336 + CAPTION_HEIGHT + PLOT_HEIGHT, 560, 3) and picture.dtype == np.uint8
    np.testing.assert_array_equal(picture[:336:4, 112 : 112 + 336 : 4], frame)


def test_rewards_are_revealed_up_to_the_cursor() -> None:
    num_steps = 40
    frames = [np.zeros((84, 84, 3), np.uint8)] * (num_steps + 1)
    rewards = [float(np.sin(step)) for step in range(num_steps)]
    plots = [
        picture[-PLOT_HEIGHT:].astype(int)
        for picture in draw_episode(Layout(84, 84), episode_of(frames, rewards, None), "")
    ]
    inside = slice(80, 540)  # right of the axis and its blue numbers
    blue = [int(((plot[:, inside, 2] - plot[:, inside, 0]) > 100).sum()) for plot in plots]
    assert blue[0] == 0 and blue[10] < blue[20] < blue[40]


def test_values_that_are_not_finite_do_not_stop_the_drawing() -> None:
    frames = [np.zeros((84, 84, 3), np.uint8)] * 4
    episode = episode_of(frames, [np.nan, np.inf, 1.0], [np.nan] * 3)
    assert len(list(draw_episode(Layout(84, 84), episode, "episode 1/1"))) == 4


def test_an_episode_without_frames_draws_nothing() -> None:
    assert list(draw_episode(Layout(84, 84), episode_of([], [1.0], None), "")) == []


def test_frames_of_any_usual_kind_become_rgb() -> None:
    grey = np.full((4, 6), 7, np.uint8)
    for frame in (grey, grey[..., None], np.repeat(grey[..., None], 4, axis=-1), np.full((4, 6, 3), 7 / 255)):
        np.testing.assert_array_equal(as_rgb(frame), np.full((4, 6, 3), 7, np.uint8))
    with pytest.raises(ValueError, match=r"shape \(4, 6, 2\)"):
        as_rgb(np.zeros((4, 6, 2), np.uint8))


def test_frames_that_change_size_are_scaled_to_the_first() -> None:
    spool = FrameSpool()
    spool.append(np.zeros((4, 6, 3), np.uint8))
    spool.append(np.full((8, 12, 3), 9, np.uint8))
    assert [frame.shape for frame in spool] == [(4, 6, 3)] * 2 and list(spool)[1].max() == 9
